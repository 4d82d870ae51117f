"""Named columns: target, weight, group and time as columns of a data frame in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import DataError
from epochal.io.frames import column_of, is_frame
from epochal.tables.labels import missing_labels

if TYPE_CHECKING:
    from epochal.io.columns import Roles
    from epochal.tables.dataset import Labelled

# The arguments of `fit` for each role.
_ARGUMENTS = {"target": "y", "weight": "sample_weight", "group": "groups", "time": "timestamps"}


def taken_from(rows: Any, roles: Roles, ending: str = "") -> tuple[Roles, list[str]]:
    """Return the roles with column names replaced by values, and the roles that were names.

    `ending` is the suffix of the argument names, "_val" for validation rows.

    >>> from epochal.io.columns import Roles
    >>> import pyarrow as pa
    >>> values, named = taken_from(pa.table({"age": [3], "sold": ["no"]}), Roles("sold"))
    >>> values.target.to_pylist(), named
    (['no'], ['target'])
    """
    named = [role for role, value in roles._asdict().items() if isinstance(value, str)]
    if named and not is_frame(rows):
        role = named[0]
        argument = f"{_ARGUMENTS[role]}{ending} is {getattr(roles, role)!r}"
        problem = f"{argument}, and X{ending} has no named columns"
        hint = f"give X{ending} as a data frame or the path of a file, or the values as an array"
        raise DataError(problem, "one value for each row", hint)
    values = {role: column_of(rows, getattr(roles, role)) for role in named}
    return roles._replace(**values), named


def without(roles: Roles, named: list[str]) -> list[str]:
    """Return the columns that are no features: the named ones, except the time."""
    return [getattr(roles, role) for role in named if role != "time"]


def with_labels(read: Labelled) -> Labelled:
    """Return the labelled rows; `dropped` counts the others."""
    missing = missing_labels(np.asarray(read.labels))
    if not missing.any():
        return read
    if missing.all():
        raise DataError("no row of the data frame has a label", "labels in the target column")
    return replace(read.where(~missing), dropped=int(missing.sum()))
