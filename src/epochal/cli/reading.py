"""Reading for several commands: column roles, labelled rows of a second file, columns in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.printing import counted
from epochal.config.csv_options import PLAIN
from epochal.errors import DataError, SettingError
from epochal.io.columns import Roles, labelled, labelled_batches
from epochal.tables.dataset import Labelled
from epochal.tables.label_matching import class_indices
from epochal.tables.labels import Coded
from epochal.tables.numeric import is_number
from epochal.tables.origin import Origin
from epochal.tables.rows import head_of
from epochal.tables.streaming import joined

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from numpy.typing import NDArray

    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.tables.rows import Rows
    from epochal.tables.streaming import Streamed

ROWS_PER_PIECE = 65_536
KINDS = ("numbers", "booleans", "dates", "categories")


def roles_of(arguments: argparse.Namespace) -> Roles:
    """Return the columns with a role; a column has one role, or is dropped.

    A time may be the group too, which is refused later, for every interface.
    """
    given = {"--target": [arguments.target], "--weight": [arguments.weight]}
    given |= {"--group": [arguments.group], "--drop": arguments.drop}
    first: dict[str, str] = {}
    for option, names in given.items():
        for name in names:
            other = first.setdefault(name, option)
            if name is not None and other != option:
                raise SettingError(f"column {name!r} is both {other} and {option}", "one of them")
    others = arguments.weight, arguments.group, arguments.time
    return Roles(arguments.target, *others, target_as_text=arguments.target_as_text)


def like(  # noqa: PLR0913  (every way in which rows may be read)
    classes: NDArray[Any],
    path: str,
    roles: Roles,
    drop: Collection[str],
    csv: CsvOptions = PLAIN,
    *,
    streamed: bool = False,
    folder: str | None = None,
) -> Labelled:
    """Return everything at a path, with labels of the type of `classes`; `folder` of temporary files."""
    if streamed:
        read = labelled(path, roles, drop=drop, streamed=True, csv=csv, folder=folder)
        return relabelled(read, classes)
    pieces = list(labelled_batches(path, roles, ROWS_PER_PIECE, drop, csv))
    labels = np.concatenate([indices_of(piece, classes) for piece in pieces])
    if not len(labels):
        raise DataError(f"{path} has no row with a label", "at least one")
    return Labelled(
        joined([piece.rows for piece in pieces]),
        classes[labels],
        None if roles.weight is None else np.concatenate([piece.weight for piece in pieces]),
        dropped=sum(piece.dropped for piece in pieces),
        csv=csv,
        origin=Origin.of([p.origin for p in pieces], [len(p.labels) for p in pieces]),
    )


def relabelled(read: Labelled, classes: NDArray[Any]) -> Labelled:
    """Return the rows with labels of the type of `classes`, which must have them all."""
    indices = indices_of(read, classes)
    is_coded = isinstance(read.labels, Coded)
    return replace(read, labels=Coded(classes, indices) if is_coded else classes[indices])


def indices_of(read: Labelled, classes: NDArray[Any]) -> NDArray[np.int32]:
    """Return the class index of every row; a label that is no class is refused by file and row."""
    with read.origin.naming_rows():
        return class_indices(classes, read.labels, read.label_source)


def class_counts(labels: NDArray[Any] | Coded) -> dict[str, int]:
    """Return how many rows each class has, by name.

    >>> class_counts(np.array([1, 0, 1])), class_counts(Coded(np.array(["b"]), np.zeros(3, int)))
    ({'0': 1, '1': 2}, {'b': 3})
    """
    if isinstance(labels, Coded):
        counts = np.bincount(labels.codes, minlength=len(labels.values))
        found = dict(zip(map(str, labels.values), counts.tolist(), strict=True))
        return dict(sorted(found.items()))
    names, counts = np.unique(labels.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def columns_found(rows: Rows | Streamed) -> str:
    """Return what a row consists of: how many columns, and of which kinds.

    >>> columns_found(pa.table({"age": [1], "job": ["cook"]}))
    '2 columns: 1 of numbers, 1 of categories'
    >>> columns_found(np.zeros((5, 28, 28)))
    'images of 28 x 28'
    """
    head = head_of(rows)
    if not isinstance(head, pa.Table):
        shape = " x ".join(map(str, head.shape[1:]))
        return f"{shape} columns of numbers" if head.ndim == 2 else f"images of {shape}"
    kinds = Counter(_kind(field.type) for field in head.schema)
    named = ", ".join(f"{kinds[kind]} of {kind}" for kind in KINDS if kind in kinds)
    return f"{counted(head.num_columns, 'column')}: {named}" if named else "no columns"


def _kind(column_type: pa.DataType) -> str:
    """Return what the values of a column are, in the plural."""
    if is_number(column_type):
        return "numbers"
    if pa.types.is_boolean(column_type):
        return "booleans"
    return "dates" if pa.types.is_temporal(column_type) else "categories"


def refuse_inputs_of(model: Model, **roles: Collection[str | None]) -> None:
    """Return nothing if no column that has another role, or is dropped, is an input of a model.

    Args:
        model: whose inputs they are.
        roles: the columns of each option, by its name without dashes.
    """
    for option, names in roles.items():
        for name in names:
            if name in model.preprocessor.schema.names:
                found = f"--{option} is {name!r}, which is an input of the model"
                raise SettingError(found, "another column")
