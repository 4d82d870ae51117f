"""Type inference: the type of a text column from all of its values, in one table or in many blocks.

Arrow infers most types. A column that stays text may still hold numbers, with spaces around missing
values or with thousands separators.
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

# The types that Arrow tries for a column, in this order, before text.
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
# Those of them to which texts can be cast; times of day stay text.
_CAST = tuple(kind for kind in _TRIED if not pa.types.is_time(kind))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_PLAIN = r"^[+-]?\d+(\.\d*)?$"
_NUMBER_WITH_COMMA = r"^[+-]?\d+(,\d+)?$"


class Conversion(NamedTuple):
    """The conversion of a column: the type in which Arrow parses it, and the resulting type.

    `grouped`: values have commas as thousands separators, which are removed.
    """

    parsed: pa.DataType
    result: pa.DataType
    grouped: bool = False

    def applied(
        self, column: pa.ChunkedArray, options: CsvOptions, *, has_marks: bool
    ) -> pa.ChunkedArray:
        """Return the parsed column in its resulting type, null where a value is missing.

        >>> from epochal.config.csv_options import PLAIN
        >>> grouped, texts = Conversion(pa.string(), pa.int64(), grouped=True), ["1,234", "56", " NA"]
        >>> grouped.applied(pa.chunked_array([texts]), PLAIN, has_marks=False).to_pylist()
        [1234, 56, None]
        """
        if pa.types.is_string(self.result):
            return as_texts(column, options, has_marks=has_marks)
        column = as_values(column, options, has_marks=has_marks)
        if self.grouped:
            column = pc.replace_substring(column, ",", "")
        column = plain_column(column if column.type == self.result else column.cast(self.result))
        return without_words(column, options.words)


AS_WRITTEN = Conversion(pa.string(), pa.string())
MISSING = Conversion(pa.null(), pa.null())


class Traits(NamedTuple):
    """Properties of the texts of a column, or of a part of it.

    `trimmed`: trimming changes some, or makes them missing. `fits`: the types to which all can be
    cast. `grouped`: some have thousands separators; `amounts`: all are such or plain numbers.
    `counts`: all are integers without these separators. `commas`: all are integers or have one comma.
    `first`: the first text.
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
        """Whether the column is text, whatever its other values are."""
        return not (self.fits or self.amounts or self.commas)

    def joined(self, other: Traits) -> Traits:
        """Return the traits of these texts followed by others."""
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
    """Return the traits of the texts of a column that Arrow has parsed.

    >>> from epochal.config.csv_options import PLAIN
    >>> traits_of(pa.chunked_array([["x", None]]), PLAIN, has_marks=False).are_words
    True
    """
    traits = Traits()
    # Usually the first texts are enough to know that the column is text.
    for count in (10, 1000, len(column)):
        texts = column.slice(0, count)
        values = as_values(texts, options, has_marks=has_marks)
        traits = _traits(values.drop_null(), traits.fits)
        if traits.are_words:
            break
    return traits._replace(trimmed=not values.equals(texts))


def conversion_of_texts(traits: Traits, separator: str, name: str, path: Path) -> Conversion:
    """Return the conversion of a column that Arrow reads as text; refuse numbers with a decimal comma."""
    if traits.trimmed and traits.fits:
        return Conversion(pa.string(), next(kind for kind in _CAST if kind in traits.fits))
    if separator != ",":
        _refuse_commas(traits, name, path)
    elif traits.grouped and traits.amounts:
        return Conversion(pa.string(), pa.int64() if traits.counts else pa.float64(), grouped=True)
    return AS_WRITTEN


class Parse(Protocol):
    """A function that parses columns, with or without marks before protected cells."""

    def __call__(self, names: Sequence[str], *, marked: bool = False) -> pa.Table:
        """Return the columns."""


def columns_from(
    parse: Parse,
    names: Sequence[str],
    types: Mapping[str, pa.DataType],
    options: CsvOptions,
    marked: pa.Table | None = None,
) -> pa.Table:
    """Return columns of rows with protected cells.

    Texts have marks before these cells; numbers, dates and booleans are parsed without marks. `marked`
    has the columns with marks, if they are parsed already.
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
        parsed_columns = parse(plain)
        for name in plain:
            kind = parsed_columns.column(name).type
            # A column of missing values has no type yet; other rows decide whether it is text.
            if name not in columns or not (pa.types.is_string(kind) or pa.types.is_null(kind)):
                columns[name] = parsed_columns.column(name)
    return pa.table({name: columns[name] for name in names})


def _may_be_values(column: pa.ChunkedArray, options: CsvOptions) -> bool:
    """Return whether a column may be text only because of its marks."""
    if not pa.types.is_string(column.type) or not are_marked(column):
        return False
    return bool(traits_of(column, options, has_marks=True).fits)


def refuse_decimal_commas(
    column: pa.ChunkedArray, name: str, path: Path, options: CsvOptions
) -> None:
    """Refuse a column of numbers with a decimal comma; return nothing."""
    first = column.drop_null().slice(0, 1).to_pylist()
    if first and _DECIMAL_COMMA.fullmatch(first[0]):
        _refuse_commas(traits_of(column, options, has_marks=False), name, path)


def conversion_of_type(kind: pa.DataType) -> Conversion:
    """Return the conversion of a column with a type that Arrow inferred; a time of day becomes text."""
    return AS_WRITTEN if pa.types.is_time(kind) else Conversion(kind, kind)


def joint_candidates(kinds: Collection[pa.DataType]) -> list[pa.DataType]:
    """Return the candidate types, in order, of a column whose blocks have these types.

    Arrow infers the first type that fits a block, so earlier types are excluded.

    >>> joint_candidates([pa.date32(), pa.timestamp("ns")])[0], joint_candidates([pa.int64(), pa.string()])
    (TimestampType(timestamp[ns]), [])
    """
    if pa.string() in kinds:
        return []
    return list(_TRIED[max(_TRIED.index(kind) for kind in kinds) :])


def _refuse_commas(traits: Traits, name: str, path: Path) -> None:
    """Refuse a column that is text only because of decimal commas; return nothing."""
    if traits.commas and traits.first and _DECIMAL_COMMA.fullmatch(traits.first):
        problem = f"column {name!r} of {path} has numbers with a comma, like {traits.first}"
        raise SourceError(problem, "a decimal point", "write 3.5 for 3,5")


def _traits(values: pa.ChunkedArray, kinds: Collection[pa.DataType]) -> Traits:
    """Return the traits of texts without missing values; `kinds` are the candidates for `fits`."""
    grouped = pc.match_substring_regex(values, GROUPED)
    are_amounts = pc.or_(grouped, pc.match_substring_regex(values, _PLAIN))
    return Traits(
        fits=frozenset(kind for kind in kinds if _castable(values, kind)),
        grouped=_any(grouped),
        amounts=_all(are_amounts),
        counts=_castable(pc.replace_substring(values, ",", ""), pa.int64()),
        commas=_all(pc.match_substring_regex(values, _NUMBER_WITH_COMMA)),
        first=values[0].as_py() if len(values) else None,
    )


def _castable(values: pa.ChunkedArray, kind: pa.DataType) -> bool:
    """Return whether all texts can be cast to a type."""
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
