"""Table and picture from the results of `everyday_speed.py`."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEAD = ("what", "epochal", "beside it", "figure", "target", "reached")
NAMES = {
    "rows": "rows",
    "columns": "columns",
    "members": "members",
    "width": "units in each of two hidden layers",
}
FIGURES = {
    "seconds_per_epoch": "seconds per epoch",
    "peak_mb": "peak memory, MB",
    "beyond_mb": "of the fit, MB",
}
# Of the picture: a panel's size, what is left of it and below it, and between panels.
WIDTH, HEIGHT, LEFT, BELOW, GAP = 190, 150, 62, 46, 34
COLOURS = {"seconds_per_epoch": "#1f5fa8", "peak_mb": "#a8431f"}


def sections(result: dict[str, Any]) -> dict[str, str]:
    """Return what is shown of a result, in Markdown, by the section of the page that it belongs to."""
    rows = [row for part, lines in LINES.items() if part in result for row in lines(result[part])]
    tables = {
        "everyday-speed": [pages.table(HEAD, rows)] if rows else [],
        "growth": [growth_table(curve) for curve in result.get("growth", ())],
    }
    measured_on = pages.conditions(result)
    return {name: "\n\n".join([measured_on, *some]) for name, some in tables.items() if some}


def _faster(what: str, rounds: Sequence[dict[str, Any]], target: float, each: int = 1) -> list[str]:
    """Return the cells of a comparison with scikit-learn; a round's seconds are of `each` calls."""
    ratios = [one["sklearn"] / one["epochal"] for one in rounds]
    figure = f"**{median(ratios):.2f}** ({min(ratios):.2f} – {max(ratios):.2f}) times faster"
    ours, theirs = (
        told_seconds(median(one[side] for one in rounds) / each) for side in ("epochal", "sklearn")
    )
    reached = _reached(median(ratios) >= target)
    return [what, ours, f"scikit-learn {theirs}", figure, f"at least {target:g}", reached]


def _limit(
    result: dict[str, Any], least: Sequence[float], names: tuple[str, str, str]
) -> list[str]:
    """Return the cells of a program that took so many seconds in each round, and nothing else.

    Args:
        result: with its rounds.
        least: the seconds.
        names: of the line, of what the seconds are a share of, and of what they are.
    """
    rounds, (what, of, called) = result["rounds"], names
    most = median(one["sklearn"] / there for one, there in zip(rounds, least, strict=True))
    share = median(there / one["epochal"] for one, there in zip(rounds, least, strict=True))
    beside = f"{called} {told_seconds(median(least))}"
    return [what, f"{share:.0%} of {of}", beside, f"{most:.2f} times faster", "", ""]


def _at_peak(result: dict[str, Any]) -> list[str]:
    """Return the cells of a program that did only the matrix products, at the machine's peak."""
    least = [result["products"] / 1e9 / max(one["peak"].values()) for one in result["rounds"]]
    return _limit(result, least, ("the same at the machine's peak", "peak", "its products at peak"))


def _alone(result: dict[str, Any]) -> list[str]:
    """Return the cells of a program that did only the matrix products, at their own shapes' pace."""
    least = [result["steps"] * one["alone"] for one in result["rounds"]]
    return _limit(result, least, ("the same, its products alone", "the time", "its products alone"))


def _within(
    what: str, sides: tuple[str, str], seconds: Sequence[float], target: float
) -> list[str]:
    """Return the cells of a time that should stay below a target; `sides` are told beside it."""
    low, high = min(seconds), max(seconds)
    middle = told_seconds(median(seconds))
    figure = f"**{middle}** ({told_seconds(low)} – {told_seconds(high)})"
    reached = _reached(median(seconds) <= target)
    return [what, *sides, figure, f"at most {target:g} s", reached]


def _reached(so: bool) -> str:  # noqa: FBT001
    """Return the word for a target that was reached, or was not."""
    return "yes" if so else "**no**"


def told_seconds(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> told_seconds(0.00012), told_seconds(0.0345), told_seconds(12.345)
    ('120 µs', '34.5 ms', '12.35 s')
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def small_lines(results: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield the cells of fits on iris."""
    for of in results:
        what = f"fit on iris, {of['epochs']} epochs, {of['batch_size']} rows a step"
        yield _faster(what, of["rounds"], 1)


def search_lines(result: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of the search, and of what it compiles."""
    few, many = sorted(result["compilations"], key=int)
    what = f"search: {many} settings × {result['folds']} folds of digits, {result['epochs']} epochs"
    yield _faster(what, result["rounds"], 5)
    yield _at_peak(result)
    if "steps" in result:
        yield _alone(result)
    of_few, of_many = (result["compilations"][number] for number in (few, many))
    reached = _reached(of_many <= of_few)
    figure = f"**{of_many}** programs compiled"
    beside = f"{of_few} for {few} settings"
    yield ["the same search", str(of_many), beside, figure, f"as many as for {few}", reached]


def start_lines(result: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of starting."""
    whole = [one["epochal"] for one in result["train"]]
    yield _within(
        "`epochal train` on 150 rows, whole process, programs on disk", ("", ""), whole, 3
    )
    imported, bare = ([one[side] for one in result["import"]] for side in ("epochal", "bare"))
    beyond = [ours - none for ours, none in zip(imported, bare, strict=True)]
    sides = told_seconds(median(imported)), f"bare Python {told_seconds(median(bare))}"
    yield _within("`import epochal`, beyond bare Python", sides, beyond, 0.15)
    fits = result["first_fit"]
    first, epochs, second = (
        told_seconds(median(one[name] for one in fits)) for name in ("first", "epochs", "second")
    )
    sides = first, f"its epochs {epochs}, second fit {second}"
    over = [one["first"] - one["epochs"] for one in fits]
    yield _within("first fit on iris in a process, beyond its epochs", sides, over, 1.5)


def one_row_lines(result: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of predicting one row."""
    yield _faster(
        "probabilities of one row, one network", result["rounds"], 1, each=result["calls"]
    )


def many_rows_lines(result: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of predicting many rows: pace, what is possible, memory."""
    what = f"{result['rows']:,} rows × {result['members']} networks {result['network']}"
    yield _faster(what, result["rounds"], 3)
    yield _at_peak(result)
    ours, theirs = (result["beyond_mb"][side] for side in ("epochal", "sklearn"))
    beside, figure = f"scikit-learn {theirs:,.0f} MB", f"{theirs / ours:.1f} times less"
    yield ["its memory beyond inputs and libraries", f"{ours:,.0f} MB", beside, figure, "", ""]


LINES: dict[str, Callable[[Any], Iterator[list[str]]]] = {
    "small": small_lines,
    "search": search_lines,
    "start": start_lines,
    "one_row": one_row_lines,
    "many_rows": many_rows_lines,
}


def growth_table(curve: dict[str, Any]) -> str:
    """Return the table of one axis: a column for each of its points."""
    points = curve["points"]
    head = [NAMES[curve["axis"]], *(f"{point['value']:,}" for point in points)]
    rows = [
        [name, *(_three_digits(point[key]) for point in points)] for key, name in FIGURES.items()
    ]
    return pages.table(head, rows)


def _three_digits(number: float) -> str:
    """Return a number with about three digits that count.

    >>> _three_digits(0.0012345), _three_digits(12.345), _three_digits(1234.5)
    ('0.00123', '12.3', '1,234')
    """
    if number <= 0:
        return "0"
    digits = max(2 - math.floor(math.log10(number)), 0)
    return f"{number:,.{digits}f}"


def picture(curves: Sequence[dict[str, Any]]) -> str:
    """Return the curves as SVG: a panel for each axis and figure, both scales logarithmic."""
    width = LEFT + len(curves) * (WIDTH + GAP)
    height = 20 + len(COLOURS) * (HEIGHT + BELOW)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">'
        ),
        "<title>Seconds per epoch and peak memory of a fit by rows, columns, members, width</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for down, key in enumerate(COLOURS):
        bounds = decades([point[key] for curve in curves for point in curve["points"]])
        top = 20 + down * (HEIGHT + BELOW)
        middle = top + HEIGHT // 2
        parts.append(
            f'<text x="14" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 14 {middle})">{FIGURES[key]}</text>'
        )
        for across, curve in enumerate(curves):
            corner = LEFT + across * (WIDTH + GAP), top
            parts += _panel(curve, key, corner, bounds)
    return "\n".join([*parts, "</svg>", ""])


def decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten between which all values lie.

    >>> decades([0.02, 5.0, 10.0])
    (-2, 1)
    """
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _short(number: int) -> str:
    """Return a power of ten as there is room for it.

    >>> _short(100), _short(10_000), _short(10_000_000)
    ('100', '10k', '10M')
    """
    if number < 1_000:
        return str(number)
    return f"{number // 1_000}k" if number < 1_000_000 else f"{number // 1_000_000}M"


def _panel(
    curve: dict[str, Any], key: str, corner: tuple[int, int], bounds: tuple[int, int]
) -> Iterator[str]:
    """Yield one panel: frame, powers of ten, name of the axis, line and points."""
    left, top = corner
    points = curve["points"]
    across = decades([point["value"] for point in points])

    def x_of(value: float) -> float:
        """Return where a value of the axis stands."""
        return left + WIDTH * (math.log10(value) - across[0]) / (across[1] - across[0])

    def y_of(value: float) -> float:
        """Return how far down a figure stands."""
        return top + HEIGHT * (bounds[1] - math.log10(value)) / (bounds[1] - bounds[0])

    for exponent in range(bounds[0], bounds[1] + 1):
        y = y_of(10.0**exponent)
        yield f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>'
        if left == LEFT:
            label = f"{10.0**exponent:,g}" if exponent < 0 else f"{10**exponent:,}"
            yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    for exponent in range(across[0], across[1] + 1):
        x = x_of(10.0**exponent)
        yield f'<path d="M{x:.1f} {top}v{HEIGHT}" stroke="#ddd"/>'
        anchor = {across[0]: "start", across[1]: "end"}.get(exponent, "middle")
        label = _short(10**exponent)
        yield f'<text x="{x:.1f}" y="{top + HEIGHT + 14}" text-anchor="{anchor}">{label}</text>'
    name = NAMES[curve["axis"]]
    yield f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>'
    yield (
        f'<text x="{left + WIDTH / 2:.0f}" y="{top + HEIGHT + 30}" text-anchor="middle">{name}</text>'
    )
    places = [(x_of(point["value"]), y_of(point[key])) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    colour = COLOURS[key]
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
