"""Training curves and scores as JSON and back.

JSON has finite numbers only: NaN is written as `null`, infinity as the text `"infinity"` or
`"-infinity"`.
"""

from __future__ import annotations

import math
from typing import Any

from epochal.errors import ModelError
from epochal.records import Calibration, History, OutOfBag

_NUMBER = (float, None, "infinity", "-infinity")
HISTORY = {
    "training_loss": [[_NUMBER]],
    "validation_loss": [[_NUMBER]],
    "best_epoch": [int],
    "best_loss": [_NUMBER],
    "outcome": [str],
}
CALIBRATION = {
    "inverse_temperature": [float],
    "weights": [float],
    "exponent": float,
    "prior": [float],
}
OUT_OF_BAG = (
    None,
    {
        "rows": int,
        "accuracy": _NUMBER,
        "log_loss": _NUMBER,
        "optimistic": bool,
        "expected_log_loss": _NUMBER,
    },
)


def number_to_json(value: float | None) -> float | str | None:
    """Return a number as a JSON-ready value.

    >>> [number_to_json(value) for value in (0.5, math.nan, -math.inf)]
    [0.5, None, '-infinity']
    """
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return float(value)


def number_from_json(value: float | str | None) -> float:
    """Return the number that `number_to_json` described; NaN for null.

    >>> number_from_json("infinity")
    inf
    """
    return math.nan if value is None else float(value)


def history_to_json(history: History) -> dict[str, Any]:
    """Return the curves as JSON-ready values."""
    return {
        "training_loss": [list(map(number_to_json, curve)) for curve in history.training_loss],
        "validation_loss": [list(map(number_to_json, curve)) for curve in history.validation_loss],
        "best_epoch": [int(epoch) for epoch in history.best_epoch],
        "best_loss": [number_to_json(loss) for loss in history.best_loss],
        "outcome": [str(outcome) for outcome in history.outcome],
    }


def history_from_json(described: dict[str, Any]) -> History:
    """Return the curves that `history_to_json` described.

    A `best_loss` of null is None: no epoch was an improvement.
    """
    best = [None if loss is None else number_from_json(loss) for loss in described["best_loss"]]
    curves = {
        name: [[number_from_json(loss) for loss in curve] for curve in described[name]]
        for name in ("training_loss", "validation_loss")
    }
    return History.from_dict(described | curves | {"best_loss": best})


def check_members(history: History, members: int) -> None:
    """Refuse a history with another number of members."""
    for name, values in vars(history).items():
        if len(values) != members:
            raise ModelError.from_damage(
                f"history.{name} has {len(values)} members", f"{members}, the number of members"
            )


def calibration_to_json(calibration: Calibration) -> dict[str, Any]:
    """Return the calibration as JSON-ready values."""
    return {
        "inverse_temperature": [float(factor) for factor in calibration.inverse_temperature],
        "weights": [float(weight) for weight in calibration.weights],
        "exponent": float(calibration.exponent),
        "prior": [float(share) for share in calibration.prior],
    }


def calibration_from_json(described: dict[str, Any]) -> Calibration:
    """Return the calibration that `calibration_to_json` described."""
    inverse_temperature, weights, prior = (
        tuple(map(float, described[key])) for key in ("inverse_temperature", "weights", "prior")
    )
    return Calibration(inverse_temperature, weights, float(described["exponent"]), prior)


def check_calibration(calibration: Calibration, members: int, classes: int) -> None:
    """Refuse a calibration with another number of members or classes, or with invalid numbers."""
    for name in ("inverse_temperature", "weights"):
        count = len(getattr(calibration, name))
        if count != members:
            raise ModelError.from_damage(f"calibration.{name} has {count} items", f"{members}")
    for factor in (*calibration.inverse_temperature, calibration.exponent):
        if not 0 < factor < math.inf:
            raise ModelError.from_damage(f"a calibration factor is {factor}", "above 0")
    if min(calibration.weights) < 0 or not math.isclose(sum(calibration.weights), 1, abs_tol=1e-6):
        expected = "numbers of at least 0 that sum to 1"
        raise ModelError.from_damage("calibration.weights are no shares", expected)
    prior = calibration.prior
    if len(prior) not in {0, classes} or not all(share >= 0 for share in prior) or sum(prior) > 1:
        expected = f"nothing, or {classes} numbers of at least 0 that sum to at most 1"
        raise ModelError.from_damage(f"calibration.prior is {list(prior)}", expected)


def out_of_bag_to_json(scores: OutOfBag | None) -> dict[str, Any] | None:
    """Return the scores as JSON-ready values."""
    if scores is None:
        return None
    return {
        "rows": int(scores.rows),
        "accuracy": number_to_json(scores.accuracy),
        "log_loss": number_to_json(scores.log_loss),
        "optimistic": bool(scores.optimistic),
        "expected_log_loss": number_to_json(scores.expected_log_loss),
    }


def out_of_bag_from_json(described: dict[str, Any] | None) -> OutOfBag | None:
    """Return the scores that `out_of_bag_to_json` described."""
    if described is None:
        return None
    expected = described["expected_log_loss"]
    return OutOfBag(
        rows=described["rows"],
        accuracy=number_from_json(described["accuracy"]),
        log_loss=number_from_json(described["log_loss"]),
        optimistic=described["optimistic"],
        expected_log_loss=None if expected is None else number_from_json(expected),
    )
