"""Tables in plain Arrow types, independent of the library or file that they come from.

The schema supports numbers, booleans, strings, dictionaries, dates and times. Other Arrow types with
such values are converted to these.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.errors import DataError
from epochal.tables import streaming
from epochal.tables.conversion import converting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def refuse_duplicates(names: Sequence[str], where: str, hint: str = "") -> None:
    """Refuse names of which one occurs twice; return nothing.

    >>> refuse_duplicates(["a", "b", "a"], "data.csv")
    Traceback (most recent call last):
    epochal.errors.DataError: data.csv has 2 columns named 'a'; expected names that differ.
    Hint: rename or remove one of them
    """
    name, count = max(Counter(names).items(), key=lambda pair: pair[1], default=("", 0))
    if count > 1:
        message = f"{where} has {count} columns named {name!r}"
        raise DataError(message, "names that differ", hint or "rename or remove one of them")


def plain(table: pa.Table, where: str) -> pa.Table:
    """Return the table in plain types, NaN as null; nested types are unchanged."""
    names = table.column_names
    refuse_duplicates(names, where)
    columns = []
    for name, column in zip(names, table.columns, strict=True):
        with converting(f"column {name!r} of {where}"):
            columns.append(plain_column(column))
    return pa.table(columns, names=names) if columns else table


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column in a plain type, NaN as null.

    Dictionaries of strings, numbers or booleans stay dictionaries. Decimals stay decimals,
    which have more digits than float64.

    >>> plain_column(pa.chunked_array([[1.0, float("nan")]])).to_pylist()
    [1.0, None]
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return plain_column(pa.chunked_array(chunks, type=kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        return _plain_runs(column)
    if pa.types.is_dictionary(kind):
        return _plain_dictionary(column)
    if pa.types.is_floating(kind):
        return _without_nan(column)
    if (known := _supported_type(kind)) is not None:
        return column.cast(known)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            # A chunk has more bytes than 32-bit offsets can address.
            return column.cast(pa.large_string())
    return column


def _supported_type(kind: pa.DataType) -> pa.DataType | None:
    """Return an equivalent type that Arrow can sort, count and take; None if there is none."""
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_decimal(kind) and kind.bit_width < 128:
        return pa.decimal128(kind.precision, kind.scale)
    return None


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the plain type for a column type.

    >>> plain_type(pa.string_view()), plain_type(pa.list_view(pa.int8()))
    (DataType(string), ListViewType(list_view<item: int8>))
    """
    return plain_column(pa.chunked_array([], kind)).type


def plain_schema(types: pa.Schema) -> pa.Schema:
    """Return the plain types for the columns of a schema."""
    return pa.schema([(field.name, plain_type(field.type)) for field in types])


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the numbers as float32 or float64, with null for NaN."""
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    nans = pc.is_nan(column)
    if not pc.any(nans).as_py():
        return column
    return pc.if_else(nans, pa.scalar(None, column.type), column)


def _plain_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column as one dictionary of plain values, or as plain values.

    Chunks may have different dictionaries, with nulls among the values.
    """
    values = plain_type(column.type.value_type)
    if values != column.type.value_type:
        column = _with_dictionaries(column, values)
    nulls = any(chunk.dictionary.null_count for chunk in column.chunks)
    if _may_be_category(values) and not nulls:
        return column.unify_dictionaries()
    # Arrow cannot cast a dictionary to a nested type.
    chunks = [chunk.dictionary.take(chunk.indices) for chunk in column.chunks]
    decoded = plain_column(pa.chunked_array(chunks, values))
    return decoded.dictionary_encode() if _may_be_category(decoded.type) else decoded


def _with_dictionaries(column: pa.ChunkedArray, values: pa.DataType) -> pa.ChunkedArray:
    """Return a dictionary-encoded column whose dictionaries hold plain values of a type."""
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, _plain_array(chunk.dictionary))
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.dictionary(column.type.index_type, values))


def _plain_runs(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a run-end encoded column with a value for every row.

    Arrow's own function does not support views and dictionaries.
    """
    chunks = []
    for chunk in column.chunks:
        rows = np.arange(chunk.offset, chunk.offset + len(chunk))
        runs = np.searchsorted(chunk.run_ends.to_numpy(), rows, side="right")
        chunks.append(_plain_array(chunk.values).take(pa.array(runs)))
    return plain_column(pa.chunked_array(chunks, plain_type(column.type.value_type)))


def _plain_array(values: pa.Array) -> pa.Array:
    """Return values in a plain type."""
    return plain_column(pa.chunked_array([values])).combine_chunks()


def _may_be_category(kind: pa.DataType) -> bool:
    """Return whether dictionaries with values of this type are supported."""
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_boolean(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
    )


def regrouped(blocks: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of the blocks in tables of `rows` rows; the last may be shorter.

    >>> blocks = pa.table({"a": range(5)}).to_batches(max_chunksize=2)
    >>> [table.num_rows for table in regrouped(blocks, 3)]
    [3, 2]
    """
    return streaming.regrouped((pa.Table.from_batches([block]) for block in blocks), rows)


def without_index(schema: pa.Schema, where: str) -> list[str]:
    """Return the names of a schema without those of a pandas index."""
    refuse_duplicates(schema.names, where)
    try:
        index = (schema.pandas_metadata or {}).get("index_columns", [])
    except (ValueError, AttributeError):
        # Damaged metadata of pandas are ignored.
        index = []
    hidden = {name for name in index if isinstance(name, str)}
    return [name for name in schema.names if name not in hidden]
