"""Cells of a text column: as text, which quotes protect, or as values.

Arrow does not report which cells are quoted. If that makes a difference, as for `" a"` and `"NA"`,
a mark is put before the cell when Arrow reads it, and removed here.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.config.csv_options import CsvOptions

# Two noncharacters of Unicode, which are reserved for programs and occur in no text.
MARK = "\ufdd0\ufdd1"


def are_marked(column: pa.ChunkedArray) -> bool:
    """Return whether some cells of a column have the mark of quoted cells."""
    return bool(pc.any(pc.starts_with(column, MARK), min_count=0).as_py())


def as_texts(column: pa.ChunkedArray, options: CsvOptions, *, has_marks: bool) -> pa.ChunkedArray:
    """Return a column of texts: quoted cells unchanged; others trimmed, and null if they are missing.

    Columns of other types are unchanged. `has_marks`: cells may have marks.

    >>> from epochal.config.csv_options import PLAIN
    >>> texts = pa.chunked_array([[" a", MARK + " a", " NA", MARK + "NA"]])
    >>> as_texts(texts, PLAIN, has_marks=True).to_pylist()
    ['a', ' a', None, 'NA']
    """
    if not pa.types.is_string(column.type):
        return column
    texts = _trimmed(column, column, options.words) if options.strip else column
    if not has_marks or not are_marked(column):
        return texts
    quoted = pc.utf8_slice_codeunits(column, len(MARK))
    return pc.if_else(pc.fill_null(pc.starts_with(column, MARK), False), quoted, texts)  # noqa: FBT003


def as_values(column: pa.ChunkedArray, options: CsvOptions, *, has_marks: bool) -> pa.ChunkedArray:
    """Return texts that may spell numbers, dates or booleans: trimmed, and null if they are missing.

    >>> from epochal.config.csv_options import PLAIN
    >>> texts = pa.chunked_array([[" 5", MARK + " 6", MARK + "NA"]])
    >>> as_values(texts, PLAIN, has_marks=True).to_pylist()
    ['5', '6', None]
    """
    if not pa.types.is_string(column.type):
        return column
    unmarked = column
    if has_marks and are_marked(column):
        unmarked = pc.replace_substring(column, MARK, "", max_replacements=1)
    return _trimmed(unmarked, column, options.words)


def without_words(column: pa.ChunkedArray, words: Sequence[str]) -> pa.ChunkedArray:
    """Return a column of numbers or dates, with null for values that mean a missing one.

    >>> without_words(pa.chunked_array([[-999.0, 1.5]]), ("", "NA", "-999")).to_pylist()
    [None, 1.5]
    """
    missing = _values_of(tuple(words), column.type)
    if not len(missing):
        return column
    is_missing = pc.is_in(column, value_set=missing)
    return pc.if_else(is_missing, pa.scalar(None, column.type), column)


def _trimmed(
    column: pa.ChunkedArray, read: pa.ChunkedArray, words: Sequence[str]
) -> pa.ChunkedArray:
    """Return trimmed texts, null if the trimmed text is one of the words.

    Words without spaces are already null in `read`.
    """
    trimmed = pc.utf8_trim_whitespace(column)
    if trimmed.equals(read):
        return read
    missing = pc.is_in(trimmed, value_set=pa.array(words))
    if not pc.any(missing).as_py():
        return trimmed
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


@cache
def _values_of(words: tuple[str, ...], kind: pa.DataType) -> pa.Array:
    """Return the values of a type that words spell, without NaN, which is missing anyway."""
    # Booleans have several spellings: 1 may mean a missing value while true does not.
    if pa.types.is_string(kind) or pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return pa.nulls(0, kind)
    # An integer may be spelled with a fraction of zero.
    readings = [(kind,), (pa.float64(), kind)] if pa.types.is_integer(kind) else [(kind,)]
    found = [pa.nulls(0, kind)]
    for word, cast_types in product(words, readings):
        value = pa.array([word])
        try:
            for step in cast_types:
                value = value.cast(step)
        except pa.ArrowInvalid:
            continue
        found.append(value)
    values = pa.concat_arrays(found)
    return values.filter(pc.invert(pc.is_nan(values))) if pa.types.is_floating(kind) else values
