"""What the commands read: labelled rows as a whole for training, in pieces for measuring."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.cli.printing import counted
from epochal.data.numbers import Place, is_number
from epochal.data.numbers import numbers as numeric
from epochal.data.rows import take
from epochal.data.sources import files
from epochal.data.sources.frames import as_labels
from epochal.errors import ColumnError, DataError, suggestion
from epochal.use.classes import class_indices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from epochal.data.schema import Rows
    from epochal.model.description import Model

ROWS_PER_PIECE = 65_536
KINDS = ("numbers", "truth values", "dates", "categories")


class Roles(NamedTuple):
    """Which columns say something about rows: their label, weight, group and time."""

    target: str | None = None
    weight: str | None = None
    group: str | None = None
    time: str | None = None

    @property
    def beside(self) -> list[str]:
        """The columns that are no inputs: a time is one, as it is known of new rows too."""
        return [name for name in (self.weight, self.group) if name is not None]


class Labelled(NamedTuple):
    """Rows, their labels, how many rows had none, and what else is known of each."""

    rows: Rows
    labels: NDArray[Any]
    dropped: int
    weight: NDArray[np.float64] | None = None
    groups: NDArray[Any] | None = None
    times: NDArray[Any] | None = None

    def taken(self, numbers: NDArray[np.integer[Any]]) -> Labelled:
        """Return the rows of these numbers, with all that is known of them."""
        weight, groups, times = (
            None if of_row is None else of_row[numbers]
            for of_row in (self.weight, self.groups, self.times)
        )
        rows = take(self.rows, numbers)
        return Labelled(rows, self.labels[numbers], self.dropped, weight, groups, times)


def labelled(
    path: str, roles: Roles, *, categorical: Collection[str] = (), drop: Collection[str] = ()
) -> Labelled:
    """Return everything at a path, without the columns to drop; labels are required.

    Columns of numbers that are `categorical` are names and not amounts.
    """
    read = files.read(path, roles.target, as_text=categorical)
    if read.labels is None:
        raise DataError(f"{path} has no labels of its own", "", _target_hint(read.rows))
    weight = None if roles.weight is None else _weights(read.rows, roles.weight, path)
    groups, times = (
        None if name is None else as_labels(_column(read.rows, name, path))
        for name in (roles.group, roles.time)
    )
    rows = _as_categories(_without(read.rows, [*drop, *roles.beside], path), categorical, path)
    return Labelled(rows, read.labels, read.dropped, weight, groups, times)


def labelled_batches(
    path: str, roles: Roles, rows_per_batch: int, drop: Collection[str] = ()
) -> Iterator[Labelled]:
    """Yield rows, labels and weights piece by piece, without the columns to drop that are there.

    Columns of text files stay text: the schema of the training rows reads them.
    """
    surplus = {*drop, *roles.beside}
    for read in files.labelled_batches(path, rows_per_batch, None, roles.target):
        if read.labels is None:
            raise DataError(f"{path} has no labels of its own", "", _target_hint(read.rows))
        rows = read.rows
        weight = None if roles.weight is None else _weights(rows, roles.weight, path)
        if isinstance(rows, pa.Table):
            rows = rows.drop_columns([name for name in rows.column_names if name in surplus])
        yield Labelled(rows, read.labels, read.dropped, weight)


def unlabelled_batches(path: str, model: Model, rows_per_batch: int) -> Iterator[Rows]:
    """Yield the rows at a path piece by piece, without the model's target if it is there."""
    columns = model.preprocessor.schema.names
    for rows in files.batches(path, rows_per_batch):
        if isinstance(rows, pa.Table):
            surplus = {model.target} - set(columns)
            yield rows.drop_columns([name for name in rows.column_names if name in surplus])
        elif rows.ndim == 2 and rows.shape[1] == len(columns) + 1 and _is_number(model.target):
            yield np.delete(rows, int(str(model.target)), axis=1)
        else:
            yield rows


def like(classes: NDArray[Any], path: str, roles: Roles, drop: Collection[str]) -> Labelled:
    """Return everything at a path, with labels of the type of `classes`."""
    pieces = list(labelled_batches(path, roles, ROWS_PER_PIECE, drop))
    labels = np.concatenate([piece.labels for piece in pieces])
    if not len(labels):
        raise DataError(f"{path} has no row with a label", "at least one")
    return Labelled(
        _joined([piece.rows for piece in pieces]),
        classes[class_indices(classes, labels)],
        sum(piece.dropped for piece in pieces),
        None if roles.weight is None else np.concatenate([piece.weight for piece in pieces]),
    )


def columns_found(rows: Rows) -> str:
    """Return what a row consists of: how many columns, and of which kinds.

    >>> columns_found(pa.table({"age": [1], "job": ["cook"]}))
    '2 columns: 1 of numbers, 1 of categories'
    >>> columns_found(np.zeros((5, 28, 28)))
    'images of 28 x 28'
    """
    if not isinstance(rows, pa.Table):
        shape = " x ".join(map(str, rows.shape[1:]))
        return f"{shape} columns of numbers" if rows.ndim == 2 else f"images of {shape}"
    kinds = Counter(_kind(field.type) for field in rows.schema)
    named = ", ".join(f"{kinds[kind]} of {kind}" for kind in KINDS if kind in kinds)
    return f"{counted(rows.num_columns, 'column')}: {named}" if named else "no columns"


def _kind(column_type: pa.DataType) -> str:
    """Return what the values of a column are, in the plural."""
    if is_number(column_type):
        return "numbers"
    if pa.types.is_boolean(column_type):
        return "truth values"
    return "dates" if pa.types.is_temporal(column_type) else "categories"


def _without(rows: Rows, drop: Collection[str], path: str) -> Rows:
    """Return the rows without some columns, which must be there."""
    if not drop:
        return rows
    return _with_columns(rows, drop, path, "--drop").drop_columns(list(drop))


def _as_categories(rows: Rows, names: Collection[str], path: str) -> Rows:
    """Return the rows with the columns of these names, which must be there, as categories."""
    if not names:
        return rows
    table = _with_columns(rows, names, path, "--categorical")
    for name in names:
        place, column = table.column_names.index(name), table.column(name)
        if not pa.types.is_dictionary(column.type):
            table = table.set_column(place, name, column.dictionary_encode())
    return table


def _column(rows: Rows, name: str, path: str) -> pa.ChunkedArray:
    """Return a column that says something about its row."""
    return _with_columns(rows, [name], path, f"the option with {name!r}").column(name)


def _with_columns(rows: Rows, names: Collection[str], path: str, option: str) -> pa.Table:
    """Return the rows, which must be a table with the columns that an option names."""
    if not isinstance(rows, pa.Table):
        raise DataError(f"{path} has no named columns", "", f"leave {option} away")
    missing = [name for name in names if name not in rows.column_names]
    if missing:
        raise ColumnError.from_missing(missing, rows.column_names, path)
    return rows


def _weights(rows: Rows, name: str, path: str) -> NDArray[np.float64]:
    """Return a column of weights: finite, and not below 0."""
    weights = numeric(_column(rows, name, path), Place(name))
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        found = f"a weight of {path}, column {name!r}, is {weights[wrong.argmax()]:g}"
        raise DataError(found, "a finite number of at least 0 in every row")
    return weights


def _joined(pieces: list[Rows]) -> Rows:
    """Return the pieces of a table or array as one."""
    if isinstance(pieces[0], pa.Table):
        return pa.concat_tables(pieces)
    return np.concatenate(pieces)


def _is_number(name: str | None) -> bool:
    """Whether a name is the number of a column."""
    return name is not None and name.removeprefix("-").isdecimal()


def _target_hint(rows: Rows) -> str:
    """Return the hint to name a target, with the columns that there are."""
    if not isinstance(rows, pa.Table):
        return "name the array of labels, or its column number, with --target"
    return f"name the column to predict with --target; {suggestion('', rows.column_names)}"
