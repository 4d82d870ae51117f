"""Values of Arrow columns as lines of a CSV file, such that every reader reads them back."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from epochal.config.csv_options import MISSING_VALUES
from epochal.errors import DataError
from epochal.io.tables import plain_column, plain_type
from epochal.tables.canonical import canonical_texts
from epochal.tables.numeric import is_number, is_text

# A quote; what ends a line for some readers, such as a lone carriage return; what a reader that
# guesses may take for the separator.
_STRUCTURE = r'["\r\n,;\t|]'
# White space of Unicode, which some readers cut at both ends of a cell.
_SPACE = r"[\s\v\x1c-\x1f\x{85}\p{Z}]"
# At the beginning of a file it is no text but a byte-order mark.
_BYTE_ORDER_MARK = r"\x{feff}"


def csv_lines(table: pa.Table, separator: str) -> memoryview:
    r"""Return the rows of a table as bytes; a missing value is an empty cell, the empty text has quotes.

    >>> bytes(csv_lines(pa.table({"a": ["x,y", None, ""], "b": [0.1, 2.0, 3.0]}), ","))
    b'"x,y",0.1\n,2\n"",3\n'
    """
    if not table.num_rows:
        return memoryview(b"")
    columns = [_texts(column).cast(pa.large_string()) for column in table.columns]
    empty = pa.scalar("", pa.large_string())
    between = pa.scalar(separator, pa.large_string())
    lines = pc.binary_join_element_wise(
        *columns, between, null_handling="replace", null_replacement=""
    )
    ended = pc.binary_join_element_wise(lines, empty, pa.scalar("\n", pa.large_string()))
    together = ended.combine_chunks() if isinstance(ended, pa.ChunkedArray) else ended
    offsets = np.frombuffer(together.buffers()[1], np.int64)[together.offset :]
    content = together.buffers()[2]
    return memoryview(content or b"")[offsets[0] : offsets[len(together)]]


def refuse_unspellable(kind: pa.DataType, name: str) -> None:
    """Return nothing if values of a type can be written as text; refuse the column otherwise."""
    values = plain_type(kind)
    values = values.value_type if pa.types.is_dictionary(values) else values
    types = pa.types
    is_time = types.is_date(values) or types.is_timestamp(values) or types.is_time(values)
    plain = is_text(values) or is_number(values) or types.is_boolean(values) or is_time
    if not (plain or types.is_duration(values) or types.is_null(values)):
        found = f"column {name!r} holds {kind} values, which CSV cannot hold"
        hint = "write Parquet, as in --out predictions.parquet, or leave it out of --keep"
        raise DataError(found, "texts, numbers, dates, or true and false", hint)


@cache
def _needs_quotes() -> str:
    """Return the regular expression (RE2) of the texts that some reader changes if they have no quotes.

    A text that a reader may take for a missing value is one of them, the empty text first of all.
    """
    words = {"", *MISSING_VALUES, *pyarrow.csv.ConvertOptions().null_values}
    missing = "|".join(sorted(map(re.escape, words)))
    return f"{_STRUCTURE}|^{_SPACE}|{_SPACE}$|^{_BYTE_ORDER_MARK}|^(?:{missing})$"


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values as texts in the quotes that they need."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        # Not plain: what is not a number stays so, and is not missing.
        return column.cast(pa.string())
    column = plain_column(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not is_text(column.type):
        return _spelled(column)
    special = pc.match_substring_regex(column, _needs_quotes())
    if not pc.any(special, min_count=0).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    mark = pa.scalar('"', column.type)
    quoted = pc.binary_join_element_wise(mark, doubled, mark, pa.scalar("", column.type))
    return pc.if_else(special, quoted, column)


def _spelled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values that are no texts as texts: those of dates with a zone in UTC, with a Z behind them."""
    if is_number(column.type) or pa.types.is_boolean(column.type):
        return column.cast(pa.string())
    encoded = column.combine_chunks().dictionary_encode()
    texts = canonical_texts(encoded.dictionary)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        midnight = pc.if_else(
            pc.match_substring(texts, ":"),
            texts,
            pc.binary_join_element_wise(texts, "00:00:00", " "),
        )
        texts = pc.binary_join_element_wise(midnight, "Z", "")
    return pa.chunked_array([texts.take(encoded.indices)])
