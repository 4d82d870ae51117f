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

from epochal.inference.oob import Opinion, mean_opinion
from epochal.nn.losses import cross_entropy, softmax
from epochal.records import Calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    opinions: Sequence[Opinion], kinds: np.ndarray, labels: np.ndarray, weight: np.ndarray
) -> Calibration:
    """Return the calibration that makes the cross-entropy lowest on rows that were left out.

    Args:
        opinions: what each member says of rows that it did not train on.
        kinds: of the members, 0 or 1, shape (members,).
        labels: class numbers of all rows, shape (rows,).
        weight: of all rows, shape (rows,).
    """
    rows = len(labels)
    sharpness = np.ones(len(opinions))
    for kind in np.unique(kinds):
        said = [o for o, other in zip(opinions, kinds, strict=True) if other == kind]
        logits, about = _sample(*(np.concatenate([o[part] for o in said]) for part in (1, 0)))
        sharpness[kinds == kind] = factor(logits, labels[about], weight[about])
    voters, heard = _heard(opinions, weight)
    (sample,) = _sample(np.flatnonzero(heard))
    truth, heaviness = labels[sample], weight[sample]
    some = _among(opinions, sample, rows)

    def judged(weights: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Return the loss that these weights can have, with which power, and the weights."""
        logs = np.log(mean_opinion(some, weights, len(sample), sharpness) + FLOOR)
        power = _power(logs, truth, heaviness, _equivalent(weights, voters))
        return _loss(power * logs, truth, heaviness), power, weights

    shares = SHARES if len(np.unique(kinds)) > 1 else [1.0]
    tried = [judged(_weights(kinds, share)) for share in shares]
    _, power, weights = min(tried, key=itemgetter(0))
    # Each further member adds to what disagreement takes away, less and less.
    part = 1.0 - 1.0 / _equivalent(weights, voters)
    many = (power - 1.0) / part if part > 0 else POWER - 1.0
    power = 1.0 + many * (1.0 - np.sum(weights**2))
    return Calibration(tuple(map(float, sharpness)), tuple(map(float, weights)), float(power))


def expected_loss(
    opinions: Sequence[Opinion], calibration: Calibration, labels: np.ndarray, weight: np.ndarray
) -> float | None:
    """Return the log-loss to expect of all members, from what q of them say of each row.

    What disagreement takes away goes with 1 - sum of the squared weights. How much
    it is, G, q equal voters tell, for whom that is 1 - 1/q: with L_k of single members,
    L = sum_k w_k L_k - G (1 - sum_k w_k^2),  G = (mean_k L_k - L_q) / (1 - 1/q).
    None where one voter alone speaks of a row.
    """
    weights = np.array(calibration.weights)
    equal = np.full_like(weights, 1.0 / len(weights))
    voters, heard = _heard(opinions, weight)
    part, whole = 1.0 - 1.0 / voters, 1.0 - float(np.sum(weights**2))
    if not (part > 0 and whole > 0):
        return None
    power = 1.0 + (calibration.power - 1.0) * part / whole
    mean = mean_opinion(opinions, equal, len(labels), calibration.sharpness)[heard]
    together = _loss(power * np.log(mean + FLOOR), labels[heard], weight[heard])
    alone, heaviness = np.zeros((2, len(weights)))
    for k, ((rows, said), sharp) in enumerate(zip(opinions, calibration.sharpness, strict=True)):
        own = heard[rows]
        numbers = rows[own]
        heaviness[k] = weight[numbers].sum()
        if heaviness[k] > 0:
            alone[k] = _loss(sharp * said[own], labels[numbers], weight[numbers])
    gain = (np.average(alone, weights=heaviness) - together) / part
    return float(np.average(alone, weights=weights * heaviness) - gain * whole)


def factor(
    logits: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    expected: float = 1.0,
    doubt: float = DOUBT,
) -> float:
    """Return the number that logits are to be multiplied by.

    The most probable one, if its logarithm is normal around the expected one's.

    Args:
        logits: shape (rows, classes).
        labels: class numbers, shape (rows,).
        weight: of the rows, in any unit.
        expected: what it would be without any rows.
        doubt: deviation of the logarithm from that of the expected one.

    >>> said, truth = np.array([[0.0, 3.0]] * 4000), np.repeat([0, 1, 1, 1], 1000)
    >>> round(factor(said, truth, np.ones(4000)) * 3.0, 1), round(float(np.log(3)), 1)
    (1.1, 1.1)
    """
    total = weight.sum()
    if not total > 0:
        return expected
    share = weight * (np.count_nonzero(weight) / total)
    logits = logits.astype(np.float64)
    of_truth = logits[np.arange(len(labels)), labels]
    low, high = -WIDEST, WIDEST
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        sharpness = math.exp(middle)
        excess = np.sum(softmax(sharpness * logits) * logits, axis=1) - of_truth
        slope = sharpness * (share @ excess) + (middle - math.log(expected)) / doubt**2
        low, high = (middle, high) if slope < 0 else (low, middle)
    return math.exp(0.5 * (low + high))


def _power(logs: np.ndarray, labels: np.ndarray, weight: np.ndarray, voters: float) -> float:
    """Return the power for means of so many opinions; 1 for a single one."""
    part = 1.0 - 1.0 / voters
    if part <= 0:
        return 1.0
    return factor(logs, labels, weight, 1.0 + (POWER - 1.0) * part, POWER_DOUBT * part)


def _heard(opinions: Sequence[Opinion], weight: np.ndarray) -> tuple[int, np.ndarray]:
    """Return how many members speak of a row at the most, and of which weighty rows so many do."""
    voters = np.bincount(np.concatenate([o.rows for o in opinions]), minlength=len(weight))
    return int(voters.max()), (voters == voters.max()) & (weight > 0)


def _among(opinions: Sequence[Opinion], sample: np.ndarray, rows: int) -> list[Opinion]:
    """Return what is said of some of the rows, which are numbered as they are in the sample."""
    place = np.full(rows, -1)
    place[sample] = np.arange(len(sample))
    return [
        Opinion(place[o.rows][place[o.rows] >= 0], o.logits[place[o.rows] >= 0]) for o in opinions
    ]


def _weights(kinds: np.ndarray, share: float) -> np.ndarray:
    """Return weights of members: equal in each kind, the first kind's summing to the share."""
    first = kinds == kinds.min()
    share = 1.0 if first.all() else share
    number = int(np.count_nonzero(first))
    return np.where(first, share / number, (1.0 - share) / max(len(kinds) - number, 1))


def _equivalent(weights: np.ndarray, voters: int) -> float:
    """Return how many equal voters would be as diverse as those of these weights."""
    # Of each kind as many speak of a row as its part of the members.
    return max(float(voters / (len(weights) * np.sum(weights**2))), 1.0)


def _sample(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return every so-manieth row of arrays that are long: a single number needs no more."""
    step = max(-(-len(arrays[0]) // SAMPLE), 1)
    return tuple(array[::step] for array in arrays)


def _loss(logits: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> float:
    """Return the weighted mean cross-entropy."""
    targets = np.eye(logits.shape[1])[labels]
    losses = cross_entropy(logits.astype(np.float64), targets)
    return float(np.average(losses, weights=weight))
