"""The type of a text column: what all of its values are, of one table or of many blocks.

Arrow finds most types. What stays text may still be numbers, with spaces
around the spellings of missing values, or with commas between thousands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from epochal.data.numbers import GROUPED, NULL_SPELLINGS
from epochal.data.sources.tables import plain_column
from epochal.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

# The types that Arrow tries for a column, in this order, before it is text.
_TRIED = (
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    pa.time32("s"),
    pa.timestamp("s"),
    pa.timestamp("ns"),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ns", "UTC"),
    pa.float64(),
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_PLAIN = r"^[+-]?\d+(\.\d*)?$"
_NUMBER_WITH_COMMA = r"^[+-]?\d+(,\d+)?$"


class Way(NamedTuple):
    """How the values of a column are read: as what Arrow parses them, and what they become.

    `grouped`: there are commas between thousands, to be taken out.
    """

    parsed: pa.DataType
    found: pa.DataType
    grouped: bool = False

    def applied(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the column, of tidy texts or what else Arrow parsed, in its type, NaN as null.

        >>> grouped = Way(pa.string(), pa.int64(), grouped=True)
        >>> grouped.applied(pa.chunked_array([["1,234", "56", None]])).to_pylist()
        [1234, 56, None]
        """
        if self.grouped:
            column = pc.replace_substring(column, ",", "")
        return plain_column(column if column.type == self.found else column.cast(self.found))


AS_WRITTEN = Way(pa.string(), pa.string())
MISSING = Way(pa.null(), pa.null())


class Traits(NamedTuple):
    """What is true of the texts of a column, or of some of them.

    `gaps`: there are null spellings with spaces around. `whole`, `numbers`:
    all can be read as such. `grouped`: some have commas between thousands;
    `amounts`: all are such or plain numbers. `counts`: all are whole without
    these commas. `commas`: all are whole or have one comma. `first`: the first of them.
    """

    gaps: bool = False
    whole: bool = True
    numbers: bool = True
    grouped: bool = False
    amounts: bool = True
    counts: bool = True
    commas: bool = True
    first: str | None = None

    @property
    def are_words(self) -> bool:
        """Whether the column is text, whatever else is in it."""
        return not (self.whole or self.numbers or self.amounts or self.commas)

    def joined(self, other: Traits) -> Traits:
        """Return what is true of these texts and others below them."""
        return Traits(
            gaps=self.gaps or other.gaps,
            whole=self.whole and other.whole,
            numbers=self.numbers and other.numbers,
            grouped=self.grouped or other.grouped,
            amounts=self.amounts and other.amounts,
            counts=self.counts and other.counts,
            commas=self.commas and other.commas,
            first=other.first if self.first is None else self.first,
        )


def tidy(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts trimmed, and null spellings found by that as null; other columns as they are."""
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    broken = pc.is_in(trimmed, value_set=pa.array(NULL_SPELLINGS))
    if not pc.any(broken).as_py():
        return trimmed
    return pc.if_else(broken, pa.scalar(None, pa.string()), trimmed)


def traits_of(column: pa.ChunkedArray, *, gaps: bool = False) -> Traits:
    """Return what is true of the tidy texts of a column; `gaps`: tidying brought nulls to light.

    >>> traits_of(pa.chunked_array([["x", None]])).are_words
    True
    """
    values = column.drop_null()
    # Most often the first texts alone say that the column is text.
    for count in (1, 1000, len(values)):
        traits = _traits(values.slice(0, count), gaps=gaps)
        if traits.are_words:
            break
    return traits


def way_of_texts(traits: Traits, separator: str, name: str, path: Path) -> Way:
    """Return how a column is read that is no type of Arrow's; numbers with a decimal comma are refused."""
    if traits.gaps and (traits.whole or traits.numbers):
        return Way(pa.string(), pa.int64() if traits.whole else pa.float64())
    if separator != ",":
        _refuse_commas(traits, name, path)
    elif traits.grouped and traits.amounts:
        return Way(pa.string(), pa.int64() if traits.counts else pa.float64(), grouped=True)
    return AS_WRITTEN


def refuse_decimal_commas(column: pa.ChunkedArray, name: str, path: Path) -> None:
    """Return nothing; refuse a column of tidy texts that are numbers with a decimal comma."""
    first = column.drop_null().slice(0, 1).to_pylist()
    if first and _DECIMAL_COMMA.fullmatch(first[0]):
        _refuse_commas(traits_of(column), name, path)


def way_of_type(kind: pa.DataType) -> Way:
    """Return how a column of a type that Arrow found is read; a time of day is text."""
    return AS_WRITTEN if pa.types.is_time(kind) else Way(kind, kind)


def may_be(kinds: Collection[pa.DataType]) -> list[pa.DataType]:
    """Return the types that a column can have as a whole whose blocks alone have these, in order.

    Each block has the first type that holds it, so earlier ones are out.

    >>> may_be([pa.date32(), pa.timestamp("ns")])[0], may_be([pa.int64(), pa.string()])
    (TimestampType(timestamp[ns]), [])
    """
    if pa.string() in kinds:
        return []
    return list(_TRIED[max(_TRIED.index(kind) for kind in kinds) :])


def _refuse_commas(traits: Traits, name: str, path: Path) -> None:
    """Return nothing; refuse a column that is text only because of commas in its numbers."""
    if traits.commas and traits.first and _DECIMAL_COMMA.fullmatch(traits.first):
        found = f"column {name!r} of {path} has numbers with a comma, like {traits.first}"
        raise SourceError(found, "a decimal point", "write 3.5 for 3,5")


def _traits(values: pa.ChunkedArray, *, gaps: bool) -> Traits:
    """Return what is true of texts without gaps."""
    grouped = pc.match_substring_regex(values, GROUPED)
    amounts = pc.or_(grouped, pc.match_substring_regex(values, _PLAIN))
    return Traits(
        gaps=gaps,
        whole=_castable(values, pa.int64()),
        numbers=_castable(values, pa.float64()),
        grouped=_any(grouped),
        amounts=_all(amounts),
        counts=_castable(pc.replace_substring(values, ",", ""), pa.int64()),
        commas=_all(pc.match_substring_regex(values, _NUMBER_WITH_COMMA)),
        first=values[0].as_py() if len(values) else None,
    )


def _castable(values: pa.ChunkedArray, kind: pa.DataType) -> bool:
    """Return whether all texts can be read as a type."""
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _any(flags: pa.ChunkedArray) -> bool:
    """Return whether one of the flags is set."""
    return bool(pc.any(flags, min_count=0).as_py())


def _all(flags: pa.ChunkedArray) -> bool:
    """Return whether all of the flags are set."""
    return bool(pc.all(flags, min_count=0).as_py())
