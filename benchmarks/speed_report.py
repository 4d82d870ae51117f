"""Tables from the results of `training_speed.py`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pages

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    "compilation, s",
)
ALONE = (
    "network",
    "batch",
    "in JAX, µs a step",
    "in NumPy, µs",
    "the faster of each, µs",
    "times faster than scikit-learn",
    "than PyTorch",
    "in JAX, share of peak",
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
LIMITS = ("network", "than scikit-learn", "than PyTorch", "the ensemble than bagging")
# How products were timed by themselves: see `machine.products_seconds`.
HOW = ("jax", "numpy", "least")


def page(result: dict[str, Any]) -> str:
    """Return the tables with what they were measured on, in Markdown."""
    parts = [_conditions(result), pages.table(ONE, [one_row(shape) for shape in result["one"]])]
    timed_alone = [shape for shape in result["one"] if "alone" in shape["rounds"][0]]
    if timed_alone:
        parts.append("The matrix products of a step alone:")
        parts.append(pages.table(ALONE, [alone_row(shape) for shape in timed_alone]))
    if result["ensemble"]:
        first = result["ensemble"][0]
        parts.append(f"{first['members']} members, one epoch of all of them:")
        parts.append(pages.table(ENSEMBLE, [ensemble_row(shape) for shape in result["ensemble"]]))
    parts.append(
        "Upper bounds of the speed ratio, if all products ran at that peak and everything else took no time:"
    )
    parts.append(pages.table(LIMITS, [limit_row(shape, result) for shape in result["one"]]))
    return "\n\n".join(parts)


def limit_row(shape: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Return the cells of what no program can pass here that computes the products of a network."""
    rounds = shape["rounds"]
    least = [shape["products"] / 1e9 / _peak(each) for each in rounds]
    limits = [
        f"{median(r[side]['training'] / s for r, s in zip(rounds, least, strict=True)):.1f}"
        if side in rounds[0]
        else ""
        for side in ("sklearn", "torch")
    ]
    bagging = [
        f"{_middle(of['rounds'], 'sklearn') / of['members'] / median(least):.1f}"
        for of in result["ensemble"]
        if of["name"] == shape["name"]
    ]
    return [shape["name"], *limits, *(bagging or [""])]


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
        machine=[f"peak: one large float32 matrix product runs at {peaks}"],
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
        f"{shape['compilation']:.1f}",
    ]


def alone_row(shape: dict[str, Any]) -> list[str]:
    """Return the cells of the products of one network by themselves."""
    rounds, steps = shape["rounds"], shape["rows"] / shape["batch_size"]
    times = [f"{1e6 * median(r['alone'][how] for r in rounds):,.0f}" for how in HOW]
    limits = [
        f"{median(r[side]['training'] / steps / r['alone']['least'] for r in rounds):.2f}"
        if side in rounds[0]
        else ""
        for side in ("sklearn", "torch")
    ]
    operations = shape["products"] / steps / 1e9
    share = median(operations / r["alone"]["jax"] / _peak(r) for r in rounds)
    return [*_first_cells(shape)[:2], *times, *limits, f"{share:.0%}"]


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

    ratios = [each["sklearn"]["training"] / each["epochal"]["training"] for each in rounds]
    return [
        *_first_cells(shape),
        f"{_middle(rounds, 'sklearn'):.2f}",
        f"{_middle(rounds, 'epochal'):.2f}",
        _ratio(ratios),
        f"{cost('epochal', 'sklearn_one'):.1f}",
        f"{cost('epochal', 'epochal_one'):.1f}",
        *_limit_cells(shape),
        f"{shape['compilation']:.1f}",
    ]


def _limit_cells(shape: dict[str, Any]) -> list[str]:
    """Return what members' products alone would reach: against bagging, and in single networks."""
    rounds = shape["rounds"]
    if not all("alone" in each for each in rounds):
        return ["", ""]
    steps = shape["members"] * shape["rows"] / shape["batch_size"]
    # One member after the other, or one on each core.
    least = [steps * min(each["alone"]["least"], each["alone"]["beside"]) for each in rounds]
    timed = list(zip(rounds, least, strict=True))
    faster = median(each["sklearn"]["training"] / seconds for each, seconds in timed)
    networks = median(seconds / each["sklearn_one"]["training"] for each, seconds in timed)
    return [f"{faster:.2f}", f"{networks:.2f}"]


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
