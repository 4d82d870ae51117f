"""Calibration of the ensemble's confidence on out-of-bag rows.

Early stopping selects the network that separates classes best, whose confidence may be wrong. So its
logits are multiplied by an inverse temperature, the same for all members of a variant (temperature
scaling, Guo et al. 2017). The variants get weights that minimise the loss. The mean of the members'
probabilities is less confident than it could be, since members that disagree cancel; so it is raised to
a power.
"""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from epochal.inference.oob import OutOfBagLogits, oob_mean_probabilities
from epochal.records import Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.nn.objective import Objective

# The logarithm of a factor is searched between -2.3 and 2.3, by this many bisections.
MAX_LOG, HALVINGS = 2.3, 12
# Prior standard deviation of the logarithm of a factor: a badly estimated factor is worse than none.
LOG_STD = 0.2
# Prior mean and standard deviation of the exponent of an ensemble of very many members.
EXPONENT, EXPONENT_STD = 1.14, 0.14
# Candidate weights of the first variant.
SHARES = np.linspace(0.0, 1.0, 11)
SAMPLE = 50_000  # the largest number of rows used
FLOOR = 1e-30  # for logarithms of probabilities


def calibrated(
    oob_logits: Sequence[OutOfBagLogits],
    variants: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
) -> Calibration:
    """Return the calibration that minimises the objective's calibration loss on out-of-bag rows.

    Args:
        oob_logits: each member's out-of-bag logits.
        variants: of the members, 0 or 1, shape (members,).
        labels: class numbers of all rows, shape (rows,).
        weight: of all rows, shape (rows,).
        objective: has the calibration loss.
    """
    rows = len(labels)
    inverse_temperature = np.ones(len(oob_logits))
    for variant in np.unique(variants):
        logits_of_rows = [
            o for o, other in zip(oob_logits, variants, strict=True) if other == variant
        ]
        logits, about = _sample(
            *(np.concatenate([o[part] for o in logits_of_rows]) for part in (1, 0))
        )
        inverse_temperature[variants == variant] = fit_inverse_temperature(
            logits, labels[about], weight[about], objective
        )
    coverage, covered = _coverage(oob_logits, weight)
    (sample,) = _sample(np.flatnonzero(covered))
    truth, heaviness = labels[sample], weight[sample]
    logits_in_sample = _within_sample(oob_logits, sample, rows)

    def scored(weights: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Return the lowest loss with these weights, its exponent, and the weights."""
        logs = np.log(
            oob_mean_probabilities(
                logits_in_sample, weights, len(sample), inverse_temperature, objective
            )
            + FLOOR
        )
        exponent = _fit_exponent(logs, truth, heaviness, objective, _equivalent(weights, coverage))
        return _loss(exponent * logs, truth, heaviness, objective), exponent, weights

    shares = SHARES if len(np.unique(variants)) > 1 else [1.0]
    tried = [scored(_weights(variants, share)) for share in shares]
    _, exponent, weights = min(tried, key=itemgetter(0))
    # The exponent for all members, extrapolated from the number of members that cover a row.
    part = 1.0 - 1.0 / _equivalent(weights, coverage)
    many = (exponent - 1.0) / part if part > 0 else EXPONENT - 1.0
    exponent = 1.0 + many * (1.0 - np.sum(weights**2))
    return Calibration(
        tuple(map(float, inverse_temperature)), tuple(map(float, weights)), float(exponent)
    )


def expected_loss(
    oob_logits: Sequence[OutOfBagLogits],
    calibration: Calibration,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
) -> float | None:
    """Return the expected log-loss of the whole ensemble, from the q members that cover each row.

    The gain of averaging is proportional to 1 - sum of the squared weights. Its factor G follows from
    the loss L_q of the q members with equal weights, for which that is 1 - 1/q. With the losses L_k of
    single members:
    L = sum_k w_k L_k - G (1 - sum_k w_k^2),  G = (mean_k L_k - L_q) / (1 - 1/q).
    None if only one member covers a row.
    """
    weights = np.array(calibration.weights)
    equal = np.full_like(weights, 1.0 / len(weights))
    coverage, covered = _coverage(oob_logits, weight)
    part, whole = 1.0 - 1.0 / coverage, 1.0 - float(np.sum(weights**2))
    if not (part > 0 and whole > 0):
        return None
    exponent = 1.0 + (calibration.exponent - 1.0) * part / whole
    mean = oob_mean_probabilities(
        oob_logits, equal, len(labels), calibration.inverse_temperature, objective
    )[covered]
    loss_of_mean = _loss(
        exponent * np.log(mean + FLOOR), labels[covered], weight[covered], objective
    )
    alone, heaviness = np.zeros((2, len(weights)))
    for k, ((rows, logits_of_rows), sharp) in enumerate(
        zip(oob_logits, calibration.inverse_temperature, strict=True)
    ):
        is_covered = covered[rows]
        numbers = rows[is_covered]
        heaviness[k] = weight[numbers].sum()
        if heaviness[k] > 0:
            alone[k] = _loss(
                sharp * logits_of_rows[is_covered], labels[numbers], weight[numbers], objective
            )
    gain = (np.average(alone, weights=heaviness) - loss_of_mean) / part
    return float(np.average(alone, weights=weights * heaviness) - gain * whole)


def fit_inverse_temperature(
    logits: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
    expected: float = 1.0,
    log_std: float = LOG_STD,
) -> float:
    """Return the inverse temperature with the highest posterior probability.

    The prior of its logarithm is normal, with the logarithm of `expected` as its mean.

    Args:
        logits: shape (rows, classes).
        labels: class numbers, shape (rows,).
        weight: of the rows, in any unit.
        objective: has the calibration loss.
        expected: the result without any rows.
        log_std: the standard deviation of the prior.

    >>> from epochal.nn.objective import OBJECTIVES
    >>> objective = OBJECTIVES["cross_entropy"]
    >>> logits_of_rows, truth = np.array([[0.0, 3.0]] * 4000), np.repeat([0, 1, 1, 1], 1000)
    >>> found = fit_inverse_temperature(logits_of_rows, truth, np.ones(4000), objective)
    >>> round(found * 3.0, 1), round(float(np.log(3)), 1)
    (1.1, 1.1)
    """
    total = weight.sum()
    if not total > 0:
        return expected
    share = weight * (np.count_nonzero(weight) / total)
    logits = logits.astype(np.float64)
    targets = objective.targets(labels, logits)
    low, high = -MAX_LOG, MAX_LOG
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        slopes = objective.calibration_slopes(math.exp(middle) * logits, targets)
        slope = share @ slopes + (middle - math.log(expected)) / log_std**2
        low, high = (middle, high) if slope < 0 else (low, middle)
    return math.exp(0.5 * (low + high))


def _fit_exponent(
    logs: np.ndarray, labels: np.ndarray, weight: np.ndarray, objective: Objective, coverage: float
) -> float:
    """Return the exponent for means of this many members; 1 for a single member."""
    part = 1.0 - 1.0 / coverage
    if part <= 0:
        return 1.0
    return fit_inverse_temperature(
        logs, labels, weight, objective, 1.0 + (EXPONENT - 1.0) * part, EXPONENT_STD * part
    )


def _coverage(oob_logits: Sequence[OutOfBagLogits], weight: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the largest coverage of a row, and the mask of rows that have it and a weight above 0."""
    coverage = np.bincount(np.concatenate([o.rows for o in oob_logits]), minlength=len(weight))
    return int(coverage.max()), (coverage == coverage.max()) & (weight > 0)


def _within_sample(
    oob_logits: Sequence[OutOfBagLogits], sample: np.ndarray, rows: int
) -> list[OutOfBagLogits]:
    """Return the out-of-bag logits of the rows in a sample, with the row numbers of the sample."""
    place = np.full(rows, -1)
    place[sample] = np.arange(len(sample))
    return [
        OutOfBagLogits(place[o.rows][place[o.rows] >= 0], o.logits[place[o.rows] >= 0])
        for o in oob_logits
    ]


def _weights(variants: np.ndarray, share: float) -> np.ndarray:
    """Return the members' weights: equal within a variant; those of the first variant sum to the share."""
    first = variants == variants.min()
    share = 1.0 if first.all() else share
    number = int(np.count_nonzero(first))
    return np.where(first, share / number, (1.0 - share) / max(len(variants) - number, 1))


def _equivalent(weights: np.ndarray, coverage: int) -> float:
    """Return the number of members with equal weights that would be as diverse as these.

    It is assumed that the members that cover a row are distributed over the variants like all members.
    """
    return max(float(coverage / (len(weights) * np.sum(weights**2))), 1.0)


def _sample(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return every n-th row of arrays with more than `SAMPLE` rows."""
    step = max(-(-len(arrays[0]) // SAMPLE), 1)
    return tuple(array[::step] for array in arrays)


def _loss(
    logits: np.ndarray, labels: np.ndarray, weight: np.ndarray, objective: Objective
) -> float:
    """Return the weighted mean of the calibration loss."""
    logits = logits.astype(np.float64)
    losses = objective.calibration_losses(logits, objective.targets(labels, logits))
    return float(np.average(losses, weights=weight))
