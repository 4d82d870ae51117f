"""Calibration: how sure an ensemble should be, from what its members say of rows they left out.

A network that is stopped when it tells rows apart best is not yet right about
how sure it is: its logits are multiplied by a number, the same for all
members of a kind (temperature scaling, Guo et al. 2017). Kinds are weighted by
how well they do. And a mean of several opinions is less sure than it could be: of
two that disagree, one is right. So it is raised to a power.
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

# Factors are sought between e^-2.3 and e^2.3, to a thousandth.
WIDEST, HALVINGS = 2.3, 12
# The usual deviation of the logarithm of a factor from what is expected: few rows
# say little about it, and a wrong factor costs more than none.
DOUBT = 0.2
# The power that the mean of very many members usually needs, and its deviation.
POWER, POWER_DOUBT = 1.14, 0.14
# Shares of the first kind of members that are tried.
SHARES = np.linspace(0.0, 1.0, 11)
SAMPLE = 50_000  # rows that are looked at, at the most
FLOOR = 1e-30  # for logarithms of probabilities


def calibrated(
    oob_logits: Sequence[OutOfBagLogits],
    variants: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
) -> Calibration:
    """Return the calibration that makes the objective's calibration loss lowest on rows that were left out.

    Args:
        oob_logits: what each member says of rows that it did not train on.
        variants: of the members, 0 or 1, shape (members,).
        labels: class numbers of all rows, shape (rows,).
        weight: of all rows, shape (rows,).
        objective: says what is to be lowest.
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
    some = _among(oob_logits, sample, rows)

    def scored(weights: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Return the loss that these weights can have, with which power, and the weights."""
        logs = np.log(
            oob_mean_probabilities(some, weights, len(sample), inverse_temperature, objective)
            + FLOOR
        )
        exponent = _power(logs, truth, heaviness, objective, _equivalent(weights, coverage))
        return _loss(exponent * logs, truth, heaviness, objective), exponent, weights

    shares = SHARES if len(np.unique(variants)) > 1 else [1.0]
    tried = [scored(_weights(variants, share)) for share in shares]
    _, exponent, weights = min(tried, key=itemgetter(0))
    # Each further member adds to what disagreement takes away, less and less.
    part = 1.0 - 1.0 / _equivalent(weights, coverage)
    many = (exponent - 1.0) / part if part > 0 else POWER - 1.0
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
    """Return the log-loss to expect of all members, from what q of them say of each row.

    What disagreement takes away goes with 1 - sum of the squared weights. How much
    it is, G, q equal voters tell, for whom that is 1 - 1/q: with L_k of single members,
    L = sum_k w_k L_k - G (1 - sum_k w_k^2),  G = (mean_k L_k - L_q) / (1 - 1/q).
    None where one voter alone speaks of a row.
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
    together = _loss(exponent * np.log(mean + FLOOR), labels[covered], weight[covered], objective)
    alone, heaviness = np.zeros((2, len(weights)))
    for k, ((rows, logits_of_rows), sharp) in enumerate(
        zip(oob_logits, calibration.inverse_temperature, strict=True)
    ):
        own = covered[rows]
        numbers = rows[own]
        heaviness[k] = weight[numbers].sum()
        if heaviness[k] > 0:
            alone[k] = _loss(
                sharp * logits_of_rows[own], labels[numbers], weight[numbers], objective
            )
    gain = (np.average(alone, weights=heaviness) - together) / part
    return float(np.average(alone, weights=weights * heaviness) - gain * whole)


def fit_inverse_temperature(
    logits: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
    expected: float = 1.0,
    doubt: float = DOUBT,
) -> float:
    """Return the number that logits are to be multiplied by.

    The most probable one, if its logarithm is normal around the expected one's.

    Args:
        logits: shape (rows, classes).
        labels: class numbers, shape (rows,).
        weight: of the rows, in any unit.
        objective: says what is to be lowest.
        expected: what it would be without any rows.
        doubt: deviation of the logarithm from that of the expected one.

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
    low, high = -WIDEST, WIDEST
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        slopes = objective.calibration_slopes(math.exp(middle) * logits, targets)
        slope = share @ slopes + (middle - math.log(expected)) / doubt**2
        low, high = (middle, high) if slope < 0 else (low, middle)
    return math.exp(0.5 * (low + high))


def _power(
    logs: np.ndarray, labels: np.ndarray, weight: np.ndarray, objective: Objective, coverage: float
) -> float:
    """Return the power for means of so many opinions; 1 for a single one."""
    part = 1.0 - 1.0 / coverage
    if part <= 0:
        return 1.0
    return fit_inverse_temperature(
        logs, labels, weight, objective, 1.0 + (POWER - 1.0) * part, POWER_DOUBT * part
    )


def _coverage(oob_logits: Sequence[OutOfBagLogits], weight: np.ndarray) -> tuple[int, np.ndarray]:
    """Return how many members speak of a row at the most, and of which weighty rows so many do."""
    coverage = np.bincount(np.concatenate([o.rows for o in oob_logits]), minlength=len(weight))
    return int(coverage.max()), (coverage == coverage.max()) & (weight > 0)


def _among(
    oob_logits: Sequence[OutOfBagLogits], sample: np.ndarray, rows: int
) -> list[OutOfBagLogits]:
    """Return what is said of some of the rows, which are numbered as they are in the sample."""
    place = np.full(rows, -1)
    place[sample] = np.arange(len(sample))
    return [
        OutOfBagLogits(place[o.rows][place[o.rows] >= 0], o.logits[place[o.rows] >= 0])
        for o in oob_logits
    ]


def _weights(variants: np.ndarray, share: float) -> np.ndarray:
    """Return weights of members: equal in each kind, the first kind's summing to the share."""
    first = variants == variants.min()
    share = 1.0 if first.all() else share
    number = int(np.count_nonzero(first))
    return np.where(first, share / number, (1.0 - share) / max(len(variants) - number, 1))


def _equivalent(weights: np.ndarray, coverage: int) -> float:
    """Return how many equal voters would be as diverse as those of these weights."""
    # Of each kind as many speak of a row as its part of the members.
    return max(float(coverage / (len(weights) * np.sum(weights**2))), 1.0)


def _sample(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return every so-manieth row of arrays that are long: a single number needs no more."""
    step = max(-(-len(arrays[0]) // SAMPLE), 1)
    return tuple(array[::step] for array in arrays)


def _loss(
    logits: np.ndarray, labels: np.ndarray, weight: np.ndarray, objective: Objective
) -> float:
    """Return the weighted mean of the loss that calibration makes lowest."""
    logits = logits.astype(np.float64)
    losses = objective.calibration_losses(logits, objective.targets(labels, logits))
    return float(np.average(losses, weights=weight))
