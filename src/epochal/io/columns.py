"""Column roles: labelled data at a path, with columns for target, weight, group and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.errors import CellError, ColumnError, DataError
from epochal.io import files
from epochal.io.accumulator import LabelColumn
from epochal.io.discovery import format_of
from epochal.io.frames import as_values, feature_names
from epochal.io.labelled import no_columns, no_labels, target_of
from epochal.io.streams import stream
from epochal.tables.categories import as_dictionary
from epochal.tables.dataset import Labelled
from epochal.tables.labels import Coded
from epochal.tables.numeric import Place, numbers
from epochal.tables.read_as import ReadAs
from epochal.tables.schema import refuse_unusable
from epochal.tables.target import check_target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from epochal.config.csv_options import CsvOptions
    from epochal.io.labelled import LabelledRows
    from epochal.tables.rows import Rows


class Roles(NamedTuple):
    """The columns with a role: target, weight, group and time.

    Columns are given by name; for rows in memory, in Python, by their values. `target_as_text`:
    labels that are numbers are names.
    """

    target: Any = None
    weight: Any = None
    group: Any = None
    time: Any = None
    target_as_text: bool = False

    @property
    def non_features(self) -> list[str]:
        """The columns that are no features; a time is a feature, as new rows have one too."""
        return [name for name in (self.weight, self.group) if name is not None]

    def labels_in(self, source: str) -> str:
        """Return how messages name the source of the labels."""
        return f"the labels of {source}" if self.target is None else target_of(self.target, source)

    def as_text(self, read_as: ReadAs) -> list[str]:
        """Return the columns of a text file that are not parsed: labels, groups, names and texts."""
        roles = [name for name in (self.target, self.group) if name is not None]
        return [*read_as.names, *read_as.texts, *roles]


class Options(NamedTuple):
    """The options that choose columns, as named on the command line or in Python."""

    weight: str
    group: str
    time: str
    drop: str
    categorical: str
    text: str


SHELL = Options("--weight", "--group", "--time", "--drop", "--categorical", "--text")
PYTHON = Options(
    *("sample_weight", "groups", "timestamps", "drop", "categorical_features", "text_features")
)


def labelled(  # noqa: PLR0913  (every way in which a column may be taken)
    path: str,
    roles: Roles,
    *,
    categorical: Collection[str] = (),
    text: Collection[str] = (),
    drop: Collection[str] = (),
    streamed: bool = False,
    options: Options = SHELL,
    csv: CsvOptions = PLAIN,
    folder: str | None = None,
) -> Labelled:
    """Return the data set at a path, without the columns to drop; labels are required.

    Values in `categorical` columns are names, and those in `text` columns texts, also if they are
    numbers. If `streamed`, rows stay on disk and are read in each pass. `csv` has the options for CSV files. `folder`: of temporary files (None: that of the system).
    """
    path = files.found_once(path)
    read_as = ReadAs(tuple(categorical), tuple(text))
    read_as.refuse_both(options.categorical, options.text)
    named = [roles.weight, roles.group, roles.time, drop, categorical, text]
    if format_of(path.parts[0]) not in files.TABLES and any(named):
        raise no_columns(path, next(o for o, name in zip(options, named, strict=True) if name))
    if roles.target is None:
        files.refuse_unlabelled(path, csv)
    if streamed:
        return _streamed(path, roles, read_as, drop, csv, folder)
    read = files.read(
        path,
        roles.target,
        as_text=roles.as_text(read_as),
        csv=csv,
        target_as_text=roles.target_as_text,
    )
    if read.labels is None:
        raise no_labels(path, feature_names(read.rows))
    where = roles.labels_in(path)
    check_target(read.labels, where, as_text=roles.target_as_text)
    weight = None if roles.weight is None else _weights_in(read, roles.weight)
    groups, timestamps = (
        None
        if name is None
        else as_values(_column(read.rows, name, path), f"column {name!r} of {path}")
        for name in (roles.group, roles.time)
    )
    surplus = [*drop, *roles.non_features]
    rows = (
        with_columns(read.rows, surplus, path, options.drop).drop_columns(surplus)
        if surplus
        else read.rows
    )
    if isinstance(rows, pa.Table):
        refuse_unusable(rows.schema)
    rows, read_as = as_read(rows, categorical, text, path, options)
    known = weight, groups, timestamps, read.dropped, where, csv, read.origin, read_as
    return Labelled(rows, read.labels, *known)


def labelled_batches(
    path: str,
    roles: Roles,
    rows_per_batch: int,
    drop: Collection[str] = (),
    csv: CsvOptions = PLAIN,
) -> Iterator[Labelled]:
    """Yield rows, labels and weights piece by piece; columns to drop may be missing.

    Columns of text files stay text and are parsed by the schema of the training rows.
    """
    surplus = {*drop, *roles.non_features}
    for read in files.labelled_batches(path, rows_per_batch, None, roles.target, csv):
        if read.labels is None:
            raise no_labels(path, feature_names(read.rows))
        rows = read.rows
        weight = None if roles.weight is None else _weights_in(read, roles.weight)
        if isinstance(rows, pa.Table):
            rows = rows.drop_columns([name for name in rows.column_names if name in surplus])
        where = roles.labels_in(path)
        known = read.dropped, where, csv, read.origin
        yield Labelled(rows, read.labels, weight, None, None, *known)


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
    read_as: ReadAs,
    drop: Collection[str],
    csv: CsvOptions,
    folder: str | None,
) -> Labelled:
    """Return a data set whose rows stay on disk."""
    role_columns = roles.weight, roles.group, roles.time
    where = roles.labels_in(path)
    streamed = stream(
        path,
        roles.target,
        extra=[name for name in role_columns if name is not None],
        keep=[roles.time] if roles.time else [],
        drop=drop,
        as_text=[*read_as.names, *read_as.texts],
        names=[roles.group] if roles.group else [],
        labels=LabelColumn(where, roles.target_as_text),
        csv=csv,
        folder=folder,
    )
    weight, groups, timestamps = (
        None if name is None else streamed.extra[name] for name in role_columns
    )
    if roles.weight in streamed.ranked:
        raise DataError(f"column {roles.weight!r} of {path} holds texts", "a number in every row")
    if weight is not None:
        with streamed.origin.naming_rows():
            weight = _checked(np.asarray(weight, np.float64), roles.weight)
    rows = streamed.rows.mapped(lambda piece: as_read(piece, *read_as, path)[0])
    labels = Coded(streamed.values, streamed.codes)
    check_target(labels, where, as_text=roles.target_as_text)
    known = weight, groups, timestamps, streamed.dropped, where, csv, streamed.origin, read_as
    return Labelled(rows, labels, *known)


def as_read(
    rows: Rows,
    categorical: Collection[str | int],
    text: Collection[str | int],
    source: str,
    options: Options = PYTHON,
) -> tuple[Rows, ReadAs]:
    """Return the rows with the columns of names and of texts as categories, and these columns by name.

    Columns are names, or numbers from 0. They must exist, and none is both.

    >>> rows, read_as = as_read(pa.table({"a": [1], "b": [2], "c": [3]}), [0], ["c"], "X")
    >>> [str(kind) for kind in rows.schema.types][1:], read_as
    (['int64', 'dictionary<values=int64, indices=int32, ordered=0>'], ReadAs(names=('a',), texts=('c',)))
    """
    named = []
    for columns, option in ((categorical, options.categorical), (text, options.text)):
        rows = as_categories(rows, columns, source, option)
        known = rows.column_names if isinstance(rows, pa.Table) else []
        named.append(tuple(one if isinstance(one, str) else known[one] for one in columns))
    read_as = ReadAs(*named)
    read_as.refuse_both(options.categorical, options.text)
    return rows, read_as


def as_categories(
    rows: Rows, columns: Collection[str | int], source: str, option: str = "--categorical"
) -> Rows:
    """Return the rows with these columns, which must exist, as categories.

    Columns are names, or numbers from 0. Arrays become a table with the columns x0, x1, ….

    >>> as_categories(np.array([[0.5, 7], [1.5, 8]]), [1], "X").schema.names
    ['x0', 'x1']
    """
    if not columns:
        return rows
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        rows = pa.table(
            {f"x{k}": pa.array(values, from_pandas=True) for k, values in enumerate(rows.T)}
        )
    known = with_columns(rows, (), source, option).column_names
    numbered = [one for one in columns if not isinstance(one, str)]
    # A boolean mask would be taken for the columns 0 and 1.
    if any(isinstance(one, (bool, np.bool_)) or not 0 <= one < len(known) for one in numbered):
        problem = f"{option} has column {numbered[0]} of {source}, which has {len(known)} columns"
        raise DataError(problem, "names of columns, or numbers from 0")
    names = [one if isinstance(one, str) else known[one] for one in columns]
    table = with_columns(rows, names, source, option)
    for name in names:
        place, column = table.column_names.index(name), table.column(name)
        table = table.set_column(place, name, as_dictionary(column))
    return table


def _column(rows: Rows, name: str, path: str) -> pa.ChunkedArray:
    """Return a column with a role."""
    return with_columns(rows, [name], path, f"the option with {name!r}").column(name)


def _weights_in(read: LabelledRows, name: str) -> np.ndarray:
    """Return a column of weights."""
    column = _column(read.rows, name, read.source)
    with read.origin.naming_rows():
        return _checked(numbers(column, Place(name, why="")), name)


def _checked(weights: np.ndarray, name: str) -> np.ndarray:
    """Return the weights if all are finite and at least 0; refuse others."""
    invalid = ~(np.isfinite(weights) & (weights >= 0))
    if invalid.any():
        row, expected = int(invalid.argmax()), "a finite number of at least 0 in every row"
        before = f"column {name!r} holds the weight {weights[row]:g} in"
        raise CellError.in_row(before, row, "", expected)
    return weights
