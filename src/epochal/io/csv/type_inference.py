"""The type of a text column: what all of its values are, of one table or of many blocks.

Arrow finds most types. What stays text may still be numbers, with spaces
around the spellings of missing values, or with commas between thousands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from epochal.errors import SourceError
from epochal.io.csv.cells import are_marked, as_texts, as_values, without_words
from epochal.io.tables import plain_column
from epochal.tables.numeric import GROUPED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions

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
# Of these, the ones that texts can be cast to; times of day are text in the end.
_CAST = tuple(kind for kind in _TRIED if not pa.types.is_time(kind))
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

    def applied(
        self, column: pa.ChunkedArray, options: CsvOptions, *, has_marks: bool
    ) -> pa.ChunkedArray:
        """Return the column, as Arrow parsed it, in its type, null where a value is missing.

        >>> from epochal.config.csv_options import PLAIN
        >>> grouped, texts = Way(pa.string(), pa.int64(), grouped=True), ["1,234", "56", " NA"]
        >>> grouped.applied(pa.chunked_array([texts]), PLAIN, has_marks=False).to_pylist()
        [1234, 56, None]
        """
        if pa.types.is_string(self.found):
            return as_texts(column, options, has_marks=has_marks)
        column = as_values(column, options, has_marks=has_marks)
        if self.grouped:
            column = pc.replace_substring(column, ",", "")
        column = plain_column(column if column.type == self.found else column.cast(self.found))
        return without_words(column, options.words)


AS_WRITTEN = Way(pa.string(), pa.string())
MISSING = Way(pa.null(), pa.null())


class Traits(NamedTuple):
    """What is true of the texts of a column, or of some of them.

    `trimmed`: some have spaces around, or are missing for what is within these.
    `fits`: types in which all can be read. `grouped`: some have commas between thousands;
    `amounts`: all are such or plain numbers. `counts`: all are whole without
    these commas. `commas`: all are whole or have one comma. `first`: the first of them.
    """

    trimmed: bool = False
    fits: frozenset[pa.DataType] = frozenset(_CAST)
    grouped: bool = False
    amounts: bool = True
    counts: bool = True
    commas: bool = True
    first: str | None = None

    @property
    def are_words(self) -> bool:
        """Whether the column is text, whatever else is in it."""
        return not (self.fits or self.amounts or self.commas)

    def joined(self, other: Traits) -> Traits:
        """Return what is true of these texts and others below them."""
        return Traits(
            trimmed=self.trimmed or other.trimmed,
            fits=self.fits & other.fits,
            grouped=self.grouped or other.grouped,
            amounts=self.amounts and other.amounts,
            counts=self.counts and other.counts,
            commas=self.commas and other.commas,
            first=other.first if self.first is None else self.first,
        )


def traits_of(column: pa.ChunkedArray, options: CsvOptions, *, has_marks: bool) -> Traits:
    """Return what is true of the texts of a column, which Arrow has read.

    >>> from epochal.config.csv_options import PLAIN
    >>> traits_of(pa.chunked_array([["x", None]]), PLAIN, has_marks=False).are_words
    True
    """
    traits = Traits()
    # Most often the first texts alone say that the column is text.
    for count in (10, 1000, len(column)):
        texts = column.slice(0, count)
        tidy = as_values(texts, options, has_marks=has_marks)
        traits = _traits(tidy.drop_null(), traits.fits)
        if traits.are_words:
            break
    return traits._replace(trimmed=not tidy.equals(texts))


def way_of_texts(traits: Traits, separator: str, name: str, path: Path) -> Way:
    """Return how a column is read that is no type of Arrow's; numbers with a decimal comma are refused."""
    if traits.trimmed and traits.fits:
        return Way(pa.string(), next(kind for kind in _CAST if kind in traits.fits))
    if separator != ",":
        _refuse_commas(traits, name, path)
    elif traits.grouped and traits.amounts:
        return Way(pa.string(), pa.int64() if traits.counts else pa.float64(), grouped=True)
    return AS_WRITTEN


class Parse(Protocol):
    """Reads columns out of rows of text, with marks in front of protected cells, or without."""

    def __call__(self, names: Sequence[str], *, marked: bool = False) -> pa.Table:
        """Return the columns."""


def columns_from(
    parse: Parse,
    names: Sequence[str],
    types: Mapping[str, pa.DataType],
    options: CsvOptions,
    marked: pa.Table | None = None,
) -> pa.Table:
    """Return columns of rows in which quotes protect some cells.

    Texts have marks in front of such cells; numbers, dates and truths are read
    without the marks. `marked` are the columns with marks, if they have been read.
    """
    texts = [name for name in names if pa.types.is_string(types.get(name, pa.string()))]
    if texts and marked is None:
        marked = parse(texts, marked=True)
    columns = {name: marked.column(name) for name in texts} if marked is not None else {}
    plain = [
        name
        for name in names
        if name not in columns or (name not in types and _may_be_values(columns[name], options))
    ]
    if plain:
        found = parse(plain)
        for name in plain:
            kind = found.column(name).type
            # Of nothing but missing values there is no type: other rows tell whether they are text.
            if name not in columns or not (pa.types.is_string(kind) or pa.types.is_null(kind)):
                columns[name] = found.column(name)
    return pa.table({name: columns[name] for name in names})


def _may_be_values(column: pa.ChunkedArray, options: CsvOptions) -> bool:
    """Return whether a column may be text only because of the marks in it."""
    if not pa.types.is_string(column.type) or not are_marked(column):
        return False
    return bool(traits_of(column, options, has_marks=True).fits)


def refuse_decimal_commas(
    column: pa.ChunkedArray, name: str, path: Path, options: CsvOptions
) -> None:
    """Return nothing; refuse a column of texts that are numbers with a decimal comma."""
    first = column.drop_null().slice(0, 1).to_pylist()
    if first and _DECIMAL_COMMA.fullmatch(first[0]):
        _refuse_commas(traits_of(column, options, has_marks=False), name, path)


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
        problem = f"column {name!r} of {path} has numbers with a comma, like {traits.first}"
        raise SourceError(problem, "a decimal point", "write 3.5 for 3,5")


def _traits(values: pa.ChunkedArray, kinds: Collection[pa.DataType]) -> Traits:
    """Return what is true of texts without gaps, of which some have one of these types at most."""
    grouped = pc.match_substring_regex(values, GROUPED)
    amounts = pc.or_(grouped, pc.match_substring_regex(values, _PLAIN))
    return Traits(
        fits=frozenset(kind for kind in kinds if _castable(values, kind)),
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
