"""Label columns as NumPy arrays of a type that classes can have."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pyarrow as pa

from epochal.io.tables import plain_column
from epochal.tables.canonical import canonical_texts
from epochal.tables.conversion import is_gap
from epochal.tables.labels import unknown_type

# Python types that Arrow stores in one column type; subclasses before their base class.
_TYPED = (decimal.Decimal, datetime.datetime, datetime.date, datetime.time)
# Units of time that Arrow has.
_UNITS = {"D", "s", "ms", "us", "ns"}


def labels_of(
    column: pa.Array | pa.ChunkedArray,
    where: str = "y",
    as_text: bool = False,  # noqa: FBT001, FBT002
) -> np.ndarray:
    """Return a column as labels, shape (rows,): missing ones are None, NaN or NaT.

    Integers, floats and booleans are unchanged (objects, if values are missing); texts are objects,
    character by character. Decimals without a fraction become integers of any length. Other
    decimals, dates and times of day become texts.

    Args:
        column: not converted yet.
        where: the source of the labels, in messages.
        as_text: numbers, too, become texts.

    Raises:
        DataError: for lists, bytes, durations and the like.

    >>> labels_of(pa.chunked_array([["yes", None]]))
    array(['yes', None], dtype=object)
    >>> labels_of(pa.array([2, 10]), as_text=True)
    array(['2', '10'], dtype=object)
    """
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    column = plain_column(column)
    if pa.types.is_dictionary(column.type):
        column = plain_column(column.cast(column.type.value_type))
    kind, types = column.type, pa.types
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return np.array(column.to_pylist(), dtype=object)
    if types.is_decimal(kind) and kind.scale <= 0 and not as_text:
        return np.array([None if v is None else int(v) for v in column.to_pylist()], dtype=object)
    if types.is_decimal(kind) and not as_text:
        return np.array([None if v is None else f"{v:f}" for v in column.to_pylist()], dtype=object)
    if is_number and not as_text:
        if column.null_count and not types.is_floating(kind):
            return np.array(column.to_pylist(), dtype=object)
        return np.asarray(column.to_numpy())
    is_date = types.is_date(kind) or types.is_timestamp(kind) or types.is_time(kind)
    if not (is_number or is_date or types.is_decimal(kind)):
        raise unknown_type("unknown", f"{where} holds {kind} values")
    encoded = column.combine_chunks().dictionary_encode()
    texts = np.array([*canonical_texts(encoded.dictionary).to_pylist(), None], dtype=object)
    return texts[encoded.indices.fill_null(len(texts) - 1).to_numpy()]


def spelled(labels: np.ndarray) -> np.ndarray:
    """Return labels as canonical texts, None for missing ones.

    >>> spelled(np.array([2.0, 2.5, np.nan]))
    array(['2', '2.5', None], dtype=object)
    """
    return labels_of(pa.array(labels, from_pandas=True), as_text=True)


def named(values: np.ndarray, where: str = "y") -> np.ndarray:
    """Return values of an array as labels: decimals, dates and times are converted as by `labels_of`.

    Other values are unchanged, and so are mixtures of decimals, dates or times with other objects.

    >>> named(np.array(["2024-05-01", "NaT"], "M8[D]"))
    array(['2024-05-01', None], dtype=object)
    >>> named(np.array([decimal.Decimal("1.50"), None]))
    array(['1.50', None], dtype=object)
    """
    if values.ndim == 1 and values.dtype.kind == "M":
        is_known = np.datetime_data(values.dtype)[0] in _UNITS
        return labels_of(pa.array(values if is_known else values.astype("M8[s]")), where)
    if values.ndim != 1 or values.dtype != object or not _may_be_typed(values):
        return values
    objects = [None if is_gap(value) else value for value in values.tolist()]
    kinds = {_typed_as(type(value)) for value in objects if value is not None}
    return values if len(kinds) != 1 or None in kinds else labels_of(pa.array(objects), where)


def _may_be_typed(values: np.ndarray) -> bool:
    """Return whether one of the objects is a decimal, a date or a time."""
    return any(issubclass(kind, _TYPED) for kind in set(map(type, values.tolist())))


def _typed_as(kind: type) -> type | None:
    """Return the member of `_TYPED` that a type is or inherits from, or None."""
    return next((one for one in _TYPED if issubclass(kind, one)), None)
