"""The columns of `big_table`, and rows of them: of all kinds and scales, with gaps, names, dates and copies.

What decides the classes is the same for all tables with so many columns.
"""

from __future__ import annotations

from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET = "label"
CLASSES = ("high", "low", "middle")
COLUMNS = 100
# How many columns of each kind there are, as a share of all; the others are numbers.
SHARES = {"category": 0.25, "id": 0.02, "flag": 0.05, "date": 0.05, "other": 0.03}
# One number in so many is whole; in so many has gaps; in so many is skewed; in so many says something.
WHOLE, GAPS, SKEWED, TELLS = 11, 3, 4, 5
LEVELS = (3, 200)
IDS = 1_000_000
BEGIN, DAYS = np.datetime64("2015-01-01", "ms"), 3650
DAY, YEAR = 86_400_000, 365.25 * 86_400_000
# The spread of the logits: with it the best possible accuracy is about four in five.
SPREAD = 2.2


class Column(NamedTuple):
    """A column: its name, its kind, and how its values are made.

    `effect` is what it adds to the logits of the classes, by level of a
    category, otherwise per unit of what is drawn; None: it says nothing.
    `missing` is the share of values that are not there.
    """

    name: str
    kind: str
    scale: float = 1.0
    skewed: bool = False
    levels: int = 0
    missing: float = 0.0
    effect: np.ndarray | None = None


class Drawn(NamedTuple):
    """Some rows: what was drawn for every column, where it is missing, classes, and how sure they are."""

    values: list[np.ndarray]
    gaps: list[np.ndarray | None]
    classes: np.ndarray
    surest: np.ndarray


def planned(columns: int) -> list[Column]:
    """Return the columns of a table with so many of them."""
    random = np.random.default_rng(columns)
    counts = {kind: max(round(share * columns), 1) for kind, share in SHARES.items()}
    others = islice(
        cycle(("nearly_constant", "same_as_number", "same_as_category")), counts["other"]
    )
    return [
        *_numbers(columns - sum(counts.values()), random),
        *_categories(counts["category"], random),
        *chain.from_iterable(
            _others(kind, counts[kind], random) for kind in ("id", "flag", "date")
        ),
        *(Column(f"{kind}_{i:02}", kind) for i, kind in enumerate(others, 1)),
    ]


def _numbers(n: int, random: np.random.Generator) -> Iterator[Column]:
    """Yield columns of numbers of all scales, from thousandths to hundred thousands."""
    for i, scale in zip(range(1, n + 1), 10 ** np.linspace(-3, 5, n), strict=True):
        whole = i % WHOLE == 0
        yield Column(
            f"number_{i:02}",
            "whole" if whole else "number",
            scale=max(scale, 10.0) if whole else scale,
            skewed=i % SKEWED == 0,
            missing=0.3 * i / n if i % GAPS == 0 else 0.0,
            effect=random.normal(size=(1, 3)) if i % TELLS == 1 else None,
        )


def _categories(n: int, random: np.random.Generator) -> Iterator[Column]:
    """Yield columns of names, from few different ones to many."""
    for i, levels in zip(
        range(1, n + 1), np.geomspace(*LEVELS, n).round().astype(int), strict=True
    ):
        yield Column(
            f"category_{i:02}",
            "category",
            levels=int(levels),
            missing=0.05 if i % TELLS == 0 else 0.0,
            effect=random.normal(size=(levels, 3)) if i % GAPS == 1 else None,
        )


def _others(kind: str, n: int, random: np.random.Generator) -> Iterator[Column]:
    """Yield columns of a kind, of which the first says something, if it is no id."""
    for i in range(1, n + 1):
        tells = i == 1 and kind != "id"
        yield Column(f"{kind}_{i:02}", kind, effect=random.normal(size=(1, 3)) if tells else None)


def drawn(plan: Sequence[Column], seed: int, chunk: int, rows: int) -> Drawn:
    """Return the rows of a chunk, which depend on the seed and its number only."""
    random = np.random.default_rng([seed, chunk])
    values = [_values(column, random, rows) for column in plan]
    gaps = [random.random(rows) < one.missing if one.missing else None for one in plan]
    logits = _logits(plan, values)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    classes = np.argmax(logits + random.gumbel(size=logits.shape), axis=1)
    return Drawn(values, gaps, classes, shares.max(axis=1))


def _values(column: Column, random: np.random.Generator, rows: int) -> np.ndarray:
    """Return what a column is made from: standard normal numbers, or numbers of names, in most cases."""
    match column.kind:
        case "category":  # Of levels, the first are the most frequent.
            return (column.levels * random.random(rows) ** 2).astype(np.int32)
        case "id":
            return random.integers(IDS, size=rows)
        case "flag":
            return random.random(rows) < 0.3
        case "date":
            return random.integers(DAYS * DAY, size=rows)
        case "nearly_constant":
            return random.random(rows) < 0.001
        case "number" | "whole":
            return random.standard_normal(rows)
        case _:  # It has the values of another.
            return np.empty(rows, bool)


def _logits(plan: Sequence[Column], values: Sequence[np.ndarray]) -> np.ndarray:
    """Return z, rows × classes: effects of single columns, and of the first two numbers together.

    z = s / √n ∑ⱼ fⱼ(xⱼ) over the n terms, f linear, by level, or a wave of one year.
    """
    together = np.array([[1.5, -1.5, 0.0]])
    terms = [(values[0] * values[1])[:, None] * together]
    for column, x in zip(plan, values, strict=True):
        if column.effect is None:
            continue
        wave = np.sin(2 * np.pi * x / YEAR) if column.kind == "date" else x
        of_level = column.kind == "category"
        terms.append(column.effect[x] if of_level else wave[:, None] * column.effect)
    return SPREAD * np.sum(terms, axis=0) / np.sqrt(len(terms))


def as_table(plan: Sequence[Column], rows: Drawn, which: np.ndarray | slice) -> pa.Table:
    """Return some of the rows, as a file has them."""
    arrays: dict[str, Any] = {}
    for column, values, gaps in zip(plan, rows.values, rows.gaps, strict=True):
        if column.kind.startswith("same_as_"):
            arrays[column.name] = arrays[f"{column.kind.removeprefix('same_as_')}_01"]
        else:
            gone = None if gaps is None else gaps[which]
            arrays[column.name] = _array(column, values[which], gone)
    arrays[TARGET] = _named(rows.classes[which], CLASSES, None)
    return pa.table(arrays)


def _array(column: Column, x: np.ndarray, gaps: np.ndarray | None) -> pa.Array:
    """Return the values of a column."""
    match column.kind:
        case "number" | "whole":
            z = np.exp(x) if column.skewed else 1 + x
            decimals = 0 if column.kind == "whole" else int(4 - np.floor(np.log10(column.scale)))
            z = np.round(column.scale * z, decimals)
            return pa.array(z.astype(np.int64) if column.kind == "whole" else z, mask=gaps)
        case "category":
            return _named(x, [f"{column.name[-2:]}-{i}" for i in range(column.levels)], gaps)
        case "id":
            return pc.binary_join_element_wise("U", pa.array(x).cast(pa.string()), "")
        case "date":
            at = pa.array(BEGIN + x.astype("timedelta64[ms]"))
            return at.cast(pa.date32(), safe=False) if int(column.name[-2:]) % 2 else at
        case "nearly_constant":
            return pa.array(np.where(x, 2.5, 1.0))
        case _:
            return pa.array(x)


def _named(codes: np.ndarray, names: Sequence[str], gaps: np.ndarray | None) -> pa.Array:
    """Return text by its number."""
    numbers = pa.array(codes.astype(np.int32), mask=gaps)
    return pa.DictionaryArray.from_arrays(numbers, pa.array(names)).cast(pa.string())
