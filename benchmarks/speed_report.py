"""Tables from the results of `training_speed.py`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ONE = (
    "network",
    "batch",
    "rows",
    "scikit-learn, s per epoch",
    "epochal, s per epoch",
    "times faster",
    "PyTorch, s per epoch",
    "times faster than PyTorch",
    "whole fit",
    "scikit-learn, share of peak",
    "epochal, share of peak",
    "at peak",
    "products alone",
    "compilation, s",
)
ENSEMBLE = (
    "network",
    "batch",
    "rows",
    "bagging, s per epoch",
    "epochal, s per epoch",
    "times faster",
    "in networks of scikit-learn",
    "in networks of epochal",
    "products alone: times faster",
    "products alone: in networks of scikit-learn",
    "compilation, s",
)


def page(result: dict[str, Any]) -> str:
    """Return both tables with what they were measured on, in Markdown."""
    parts = [_conditions(result), pages.table(ONE, [one_row(shape) for shape in result["one"]])]
    if result["ensemble"]:
        first = result["ensemble"][0]
        parts.append(f"{first['members']} members, one epoch of all of them:")
        parts.append(pages.table(ENSEMBLE, [ensemble_row(shape) for shape in result["ensemble"]]))
    return "\n\n".join(parts)


def _conditions(result: dict[str, Any]) -> str:
    """Return the machine, versions, date and command as a list."""
    rounds = [each["peak"] for shape in result["one"] for each in shape["rounds"]]
    peaks = " and ".join(
        f"{median(peak[key] for peak in rounds):.0f} GFLOP/s in {name}"
        for key, name in (("jax", "JAX"), ("numpy", "NumPy"))
    )
    others = max(each["others"] for shape in result["one"] for each in shape["rounds"])
    return pages.conditions(
        result,
        machine=[f"its peak: one large float32 matrix product runs at {peaks}"],
        date=f"; other programs took at most {others:.0%} of the processor in any round",
        command=f"; {len(result['one'][0]['rounds'])} rounds",
    )


def one_row(shape: dict[str, Any]) -> list[str]:
    """Return the cells of one network against one."""
    rounds = shape["rounds"]

    def share(side: str) -> float:
        """Return the share of the round's peak that a side's products reach, the median."""
        return median(
            shape["products"] / 1e9 / each[side]["training"] / _peak(each) for each in rounds
        )

    ratios = [each["sklearn"]["training"] / each["epochal"]["training"] for each in rounds]
    whole = median(each["sklearn"]["whole"] / each["epochal"]["whole"] for each in rounds)
    return [
        *_first_cells(shape),
        f"{_middle(rounds, 'sklearn'):.3f}",
        f"{_middle(rounds, 'epochal'):.3f}",
        _ratio(ratios),
        *_torch_cells(rounds),
        f"{whole:.2f}",
        f"{share('sklearn'):.0%}",
        f"{share('epochal'):.0%}",
        f"{1 / share('sklearn'):.2f}",
        alone(shape, lambda each, least: each["sklearn"]["training"] / least["least"]),
        f"{shape['compilation']:.1f}",
    ]


def alone(
    shape: dict[str, Any], figure: Callable[[dict[str, Any], dict[str, float]], float]
) -> str:
    """Return a figure of each round and of what its products alone take an epoch, the median.

    Nothing for results from before products were timed by themselves.
    """
    rounds = shape["rounds"]
    if not all("alone" in each for each in rounds):
        return ""
    steps = shape["rows"] / shape["batch_size"]
    found = [
        figure(each, {how: steps * seconds for how, seconds in each["alone"].items()})
        for each in rounds
    ]
    return f"{median(found):.2f}"


def _torch_cells(rounds: Sequence[dict[str, Any]]) -> list[str]:
    """Return what PyTorch took in its fastest way, and how many times as long as ours."""
    if not all("torch" in each for each in rounds):
        return ["", ""]
    ratios = [each["torch"]["training"] / each["epochal"]["training"] for each in rounds]
    return [f"{_middle(rounds, 'torch'):.3f} ({rounds[0]['torch']['way']})", _ratio(ratios)]


def ensemble_row(shape: dict[str, Any]) -> list[str]:
    """Return the cells of an ensemble against bagging and against one network."""
    rounds = shape["rounds"]

    def cost(of: str, by: str) -> float:
        """Return how many times as long one thing takes as another, the median."""
        return median(each[of]["training"] / each[by]["training"] for each in rounds)

    def least(seconds: dict[str, float]) -> float:
        """Return what the members' products take, one after the other or on a core each."""
        return float(shape["members"] * min(seconds["least"], seconds["beside"]))

    ratios = [each["sklearn"]["training"] / each["epochal"]["training"] for each in rounds]
    return [
        *_first_cells(shape),
        f"{_middle(rounds, 'sklearn'):.2f}",
        f"{_middle(rounds, 'epochal'):.2f}",
        _ratio(ratios),
        f"{cost('epochal', 'sklearn_one'):.1f}",
        f"{cost('epochal', 'epochal_one'):.1f}",
        alone(shape, lambda each, seconds: each["sklearn"]["training"] / least(seconds)),
        alone(shape, lambda each, seconds: least(seconds) / each["sklearn_one"]["training"]),
        f"{shape['compilation']:.1f}",
    ]


def _first_cells(shape: dict[str, Any]) -> list[str]:
    """Return network, batch size and rows."""
    return [shape["name"], f"{shape['batch_size']:,}", f"{shape['rows']:,}"]


def _middle(rounds: Sequence[dict[str, Any]], side: str) -> float:
    """Return the median of a side's seconds per epoch."""
    return median(each[side]["training"] for each in rounds)


def _peak(of: dict[str, Any]) -> float:
    """Return the faster of the two libraries' products in a round, GFLOP/s."""
    return max(of["peak"].values())


def _ratio(ratios: Sequence[float]) -> str:
    """Return a median with its range.

    >>> _ratio([2.0, 3.0, 2.5])
    '**2.50** (2.00 – 3.00)'
    """
    return f"**{median(ratios):.2f}** ({min(ratios):.2f} – {max(ratios):.2f})"
