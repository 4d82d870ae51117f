"""Write a table of any size in bounded memory, to classify in three classes. The same seed, the same table.

    python benchmarks/big_table.py FOLDER/table.parquet --rows 4000000
    python benchmarks/big_table.py FOLDER/table.csv --rows 4000000 --sorted

A name that ends in .csv or .arrow becomes one file, another a folder of Parquet files. What
decides the classes is the same for all tables with so many columns, so that
another seed gives rows to test on. A table sorted by class has the same rows as
one that is not: they are drawn once for each class, and those of others left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pyarrow import csv, ipc, parquet

from big_table_columns import CLASSES, COLUMNS, Column, as_table, drawn, planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

# Rows that are drawn at once, and about as many in each Parquet file.
CHUNK, PART = 100_000, 1_000_000


class Piece(NamedTuple):
    """Some rows as a file has them, how many were written before, and the sum of their best odds."""

    before: int
    table: pa.Table
    surest: float


def pieces(plan: Sequence[Column], rows: int, seed: int, *, by_class: bool) -> Iterator[Piece]:
    """Yield the rows of a table, some at a time."""
    before = 0
    for one in range(len(CLASSES)) if by_class else (None,):
        for chunk, begin in enumerate(range(0, rows, CHUNK)):
            some = drawn(plan, seed, chunk, min(CHUNK, rows - begin))
            which = slice(None) if one is None else np.flatnonzero(some.classes == one)
            table = as_table(plan, some, which)
            yield Piece(before, table, float(some.surest[which].sum()))
            before += table.num_rows


def write(
    path: Path, rows: int, columns: int = COLUMNS, seed: int = 0, *, by_class: bool = False
) -> dict[str, Any]:
    """Write a table, and beside it, as JSON, what is known of it: that is returned.

    `best_accuracy` is what a model would reach that knows how the classes are drawn.
    """
    began = time.perf_counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    for earlier in (described_at(path), *path.glob("part-*.parquet")):
        earlier.unlink(missing_ok=True)
    plan = planned(columns)
    schema = as_table(plan, drawn(plan, seed, 0, 1), slice(None)).schema
    written = {".csv": _csv, ".arrow": _arrow}.get(path.suffix, _parquet)
    sure = written(path, schema, pieces(plan, rows, seed, by_class=by_class))
    described = {
        "rows": rows,
        "columns": columns,
        "seed": seed,
        "sorted": by_class,
        "bytes": sum(file.stat().st_size for file in [path, *path.glob("*")] if file.is_file()),
        "best_accuracy": sure / rows,
        "generation_s": round(time.perf_counter() - began, 1),
    }
    described_at(path).write_text(json.dumps(described) + "\n", encoding="utf-8")
    return described


def described_at(path: Path) -> Path:
    """Return where it stands what is known of a table: there only if the table is complete.

    >>> print(described_at(Path("folder/big.parquet")))
    folder/big.parquet.json
    """
    return path.with_name(path.name + ".json")


def _csv(path: Path, schema: pa.Schema, some: Iterable[Piece]) -> float:
    """Write one file of text; return the sum of the best odds."""
    with csv.CSVWriter(path, schema) as out:
        return _all(some, out)


def _arrow(path: Path, schema: pa.Schema, some: Iterable[Piece]) -> float:
    """Write one Arrow file; return the sum of the best odds."""
    with ipc.new_file(path, schema) as out:
        return _all(some, out)


def _all(some: Iterable[Piece], out: Any) -> float:
    """Write pieces to what takes tables; return the sum of the best odds."""
    surest = 0.0
    for piece in some:
        out.write_table(piece.table)
        surest += piece.surest
    return surest


def _parquet(folder: Path, schema: pa.Schema, some: Iterable[Piece]) -> float:
    """Write a folder of Parquet files; return the sum of the best odds."""
    surest = 0.0
    folder.mkdir(exist_ok=True)
    for part, those in groupby(some, key=lambda piece: piece.before // PART):
        with parquet.ParquetWriter(folder / f"part-{part:05}.parquet", schema) as out:
            surest += _all(those, out)
    return surest


def main(argv: Sequence[str] | None = None) -> int:
    """Write a table, print what is known of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "path", type=Path, help="a name in .csv or .arrow, or of a folder for Parquet files"
    )
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument(
        "--columns", type=int, default=COLUMNS, help=f"beside the target ({COLUMNS})"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--sorted", action="store_true", help="the rows of one class after the other"
    )
    arguments = parser.parse_args(argv)
    path, rows, columns, seed, by_class = vars(arguments).values()
    print(json.dumps(write(path, rows, columns, seed, by_class=by_class)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
