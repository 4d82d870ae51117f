"""The door for labelled data: rows at a path, with what its columns say of each.

A column may be the label, or say how much a row counts, to which group it
belongs, or when it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.data.csv_options import PLAIN
from epochal.data.labelled import Labelled
from epochal.data.labels import Coded
from epochal.data.numbers import Place, numbers
from epochal.data.sources import files
from epochal.data.sources.frames import as_labels, feature_names
from epochal.data.sources.labelled import no_columns, no_labels
from epochal.data.sources.streams import stream
from epochal.errors import ColumnError, DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from epochal.data.csv_options import CsvOptions
    from epochal.data.rows import Rows


class Roles(NamedTuple):
    """Which columns say something about rows: their label, weight, group and time.

    By their names; where rows are in memory, in Python, by the values themselves.
    """

    target: Any = None
    weight: Any = None
    group: Any = None
    time: Any = None

    @property
    def beside(self) -> list[str]:
        """The columns that are no inputs: a time is one, as it is known of new rows too."""
        return [name for name in (self.weight, self.group) if name is not None]


def labelled(
    path: str,
    roles: Roles,
    *,
    categorical: Collection[str] = (),
    drop: Collection[str] = (),
    streamed: bool = False,
    csv: CsvOptions = PLAIN,
) -> Labelled:
    """Return everything at a path, without the columns to drop; labels are required.

    Columns of numbers that are `categorical` are names and not amounts. What is
    `streamed` stays where it is, and is read when it is gone through. `csv`: how CSV files are read.
    """
    if streamed:
        return _streamed(path, roles, categorical, drop, csv)
    read = files.read(path, roles.target, as_text=categorical, csv=csv)
    if read.labels is None:
        raise no_labels(path, feature_names(read.rows))
    weight = None if roles.weight is None else _weights_in(read.rows, roles.weight, path)
    groups, times = (
        None if name is None else as_labels(_column(read.rows, name, path))
        for name in (roles.group, roles.time)
    )
    surplus = [*drop, *roles.beside]
    rows = (
        with_columns(read.rows, surplus, path, "--drop").drop_columns(surplus)
        if surplus
        else read.rows
    )
    rows = as_categories(rows, categorical, path)
    return Labelled(rows, read.labels, weight, groups, times, read.dropped, csv)


def labelled_batches(
    path: str,
    roles: Roles,
    rows_per_batch: int,
    drop: Collection[str] = (),
    csv: CsvOptions = PLAIN,
) -> Iterator[Labelled]:
    """Yield rows, labels and weights piece by piece, without the columns to drop that are there.

    Columns of text files stay text: the schema of the training rows reads them.
    """
    surplus = {*drop, *roles.beside}
    for read in files.labelled_batches(path, rows_per_batch, None, roles.target, csv):
        if read.labels is None:
            raise no_labels(path, feature_names(read.rows))
        rows = read.rows
        weight = None if roles.weight is None else _weights_in(rows, roles.weight, path)
        if isinstance(rows, pa.Table):
            rows = rows.drop_columns([name for name in rows.column_names if name in surplus])
        yield Labelled(rows, read.labels, weight, dropped=read.dropped, csv=csv)


def with_columns(rows: Rows, names: Collection[str], path: str, option: str) -> pa.Table:
    """Return the rows, which must be a table with the columns that an option names."""
    if not isinstance(rows, pa.Table):
        raise no_columns(path, option)
    missing = [name for name in names if name not in rows.column_names]
    if missing:
        raise ColumnError.from_missing(missing, rows.column_names, path)
    return rows


def _streamed(
    path: str,
    roles: Roles,
    categorical: Collection[str],
    drop: Collection[str],
    csv: CsvOptions,
) -> Labelled:
    """Return rows that stay at their path, and what is known of each."""
    named = [name for name in roles[1:] if name is not None]
    times_too = [roles.time] if roles.time else []
    found = stream(
        path,
        roles.target,
        beside=named,
        keep=times_too,
        drop=drop,
        as_text=categorical,
        csv=csv,
    )
    weight, groups, times = (None if name is None else found.beside[name] for name in roles[1:])
    if roles.weight in found.ranked:
        raise DataError(f"column {roles.weight!r} of {path} holds texts", "a number in every row")
    if weight is not None:
        weight = _checked(np.asarray(weight, np.float64), roles.weight, path)
    rows = found.rows.mapped(lambda piece: as_categories(piece, categorical, path))
    labels = Coded(found.values, found.codes)
    return Labelled(rows, labels, weight, groups, times, found.dropped, csv)


def as_categories(
    rows: Rows, columns: Collection[str | int], source: str, option: str = "--categorical"
) -> Rows:
    """Return the rows with these columns, which must be there, as categories.

    They are names, or numbers from 0. Plain arrays have the columns x0, x1, …, and become a table.

    >>> as_categories(np.array([[0.5, 7], [1.5, 8]]), [1], "X").schema.names
    ['x0', 'x1']
    """
    if not columns:
        return rows
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        rows = pa.table(
            {f"x{k}": pa.array(each, from_pandas=True) for k, each in enumerate(rows.T)}
        )
    known = with_columns(rows, (), source, option).column_names
    numbered = [one for one in columns if not isinstance(one, str)]
    # A mask of truth values would be taken for the columns 0 and 1.
    if any(isinstance(one, (bool, np.bool_)) or not 0 <= one < len(known) for one in numbered):
        found = f"{option} has column {numbered[0]} of {source}, which has {len(known)} columns"
        raise DataError(found, "names of columns, or numbers from 0")
    names = [one if isinstance(one, str) else known[one] for one in columns]
    table = with_columns(rows, names, source, option)
    for name in names:
        place, column = table.column_names.index(name), table.column(name)
        if not pa.types.is_dictionary(column.type):
            table = table.set_column(place, name, column.dictionary_encode())
    return table


def _column(rows: Rows, name: str, path: str) -> pa.ChunkedArray:
    """Return a column that says something about its row."""
    return with_columns(rows, [name], path, f"the option with {name!r}").column(name)


def _weights_in(rows: Rows, name: str, path: str) -> np.ndarray:
    """Return a column of weights."""
    return _checked(numbers(_column(rows, name, path), Place(name)), name, path)


def _checked(weights: np.ndarray, name: str, path: str) -> np.ndarray:
    """Return weights that are finite and not below 0; refuse others."""
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        found = f"a weight of {path}, column {name!r}, is {weights[wrong.argmax()]:g}"
        raise DataError(found, "a finite number of at least 0 in every row")
    return weights
