"""The schema: names, kinds and categories of the columns, from the training rows.

The schema is part of a model; every later table is read by it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import pyarrow as pa

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import DataError
from epochal.tables.dates import CYCLES, is_date
from epochal.tables.numeric import is_number, is_text

Kind = Literal["number", "boolean", "category", "date"]


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind, and what the training rows hold in it.

    `categories` are the categories that are encoded, the most frequent first (sorted in older
    models); `other`: the training rows hold more. `has_missing`: some training rows lack a value
    (and not all, unless it is a category). `cycles` are the calendar cycles among a date's features.
    `unseen` is the expected share of new rows with none of the categories; 1 if it is unknown.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    has_missing: bool = False
    other: bool = False
    cycles: tuple[str, ...] = ()
    unseen: float = 1.0

    @property
    def is_numeric(self) -> bool:
        """Whether the column is standardised; categories are not."""
        return self.kind != "category"

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON-ready values, without those that equal their default.

        >>> Column("age", "number", has_missing=True).to_dict()
        {'name': 'age', 'kind': 'number', 'has_missing': True}
        """
        default = {field.name: field.default for field in fields(self)}
        values = {name: value for name, value in vars(self).items() if value != default[name]}
        return {
            n: list(value) if isinstance(value, tuple) else value for n, value in values.items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Column:
        """Return the column that `to_dict` described; ValueError for anything else."""
        _expect(isinstance(values, dict), "the description of a column is no dict")
        _expect(set(values) <= set(cls.__annotations__), f"a column has the keys {sorted(values)}")
        flags = {"has_missing": False, "other": False} | values
        lists: dict[str, Any] = {"categories": [], "cycles": []} | values
        _expect(isinstance(values.get("name"), str), "a column has no name")
        name = values["name"]
        _expect(values.get("kind") in get_args(Kind), f"column {name!r} has no known kind")
        for key in ("has_missing", "other"):
            _expect(isinstance(flags[key], bool), f"{key} of column {name!r} is not true or false")
        for key in ("categories", "cycles"):
            _expect(_is_texts(lists[key]), f"{key} of column {name!r} is not a list of texts")
        categories, cycles = tuple(lists["categories"]), tuple(lists["cycles"])
        is_category, is_dated = values["kind"] == "category", values["kind"] == "date"
        _expect(not categories or is_category, f"column {name!r} has categories but is none")
        _expect(not flags["other"] or is_category, f"column {name!r} has others but is no category")
        _expect(not cycles or is_dated, f"column {name!r} has cycles but is no date")
        _expect(set(cycles) <= set(CYCLES), f"column {name!r} has unknown cycles {cycles}")
        unseen = values.get("unseen", 1.0)
        _expect(
            isinstance(unseen, float) and 0 <= unseen <= 1, f"unseen of column {name!r} is no share"
        )
        _expect(
            unseen == 1 or is_category, f"column {name!r} has a share of unseen categories but none"
        )
        flag_values = flags["has_missing"], flags["other"]
        return cls(name, values["kind"], categories, *flag_values, cycles, unseen)


@dataclass(frozen=True)
class Schema:
    """The columns in order; `named` is False for arrays, whose rows have `shape`.

    `missing_values` are the texts that mean a missing value, in addition to the empty text;
    `strip`: spaces around unquoted cells are removed. Both are as in `CsvOptions`.
    """

    columns: tuple[Column, ...]
    named: bool
    shape: tuple[int, ...]
    missing_values: tuple[str, ...] = PLAIN.missing_values
    strip: bool = PLAIN.strip

    @property
    def names(self) -> list[str]:
        """The names of the columns; x0, x1, … for arrays."""
        return [column.name for column in self.columns]

    @property
    def is_numbered(self) -> bool:
        """Whether the columns are named x0, x1, …, as those of an array (some may be categories)."""
        return self.names == [f"x{number}" for number in range(len(self.columns))]

    @property
    def csv(self) -> CsvOptions:
        """How cells of CSV files are read."""
        return CsvOptions(missing_values=self.missing_values, strip=self.strip)

    @property
    def words(self) -> tuple[str, ...]:
        """The texts that mean a missing value in columns of numbers, dates or booleans."""
        return "", *self.missing_values

    def read_as(self, options: CsvOptions) -> Schema:
        """Return the schema with `missing_values` and `strip` of the options."""
        return replace(self, missing_values=options.missing_values, strip=options.strip)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as JSON-ready values."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "named": self.named,
            "shape": list(self.shape),
            "missing_values": list(self.missing_values),
            "strip": self.strip,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Schema:
        """Return the schema that `to_dict` described; ValueError for anything else."""
        keys = [field.name for field in fields(cls)]
        _expect(
            isinstance(values, dict) and set(values) == set(keys),
            f"a schema has the keys {', '.join(keys)}, and this one has not",
        )
        columns, named, shape = values["columns"], values["named"], values["shape"]
        _expect(isinstance(columns, list), "the columns of the schema are not a list")
        _expect(isinstance(named, bool), "named of the schema is not true or false")
        # The product of more or larger numbers takes long.
        _expect(
            isinstance(shape, list)
            and len(shape) <= 3
            and all(type(size) is int and 0 <= size < 2**63 for size in shape),
            "the shape of the schema is not a list of at most 3 whole numbers",
        )
        missing_values, strip = values["missing_values"], values["strip"]
        _expect(_is_texts(missing_values), "missing_values of the schema is not a list of texts")
        _expect(isinstance(strip, bool), "strip of the schema is not true or false")
        options = CsvOptions(missing_values=tuple(missing_values), strip=strip)
        plain = cls(tuple(map(Column.from_dict, columns)), named, tuple(shape))
        schema = plain.read_as(options)
        _expect(len(set(schema.names)) == len(columns), "the schema has a column twice")
        _expect(math.prod(shape) == len(columns), "the shape is not that of the columns")
        numeric = all(column.kind == "number" for column in schema.columns)
        _expect(named or numeric, "the schema of an array has columns that are not numbers")
        return schema


def refuse_repeated(names: list[str]) -> None:
    """Refuse a table in which two columns have one name."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"there are several columns {repeated[0]!r}", "every name once")


def kind_of(type_: pa.DataType, name: str) -> Kind:
    """Return the kind of a column of this Arrow type; refuse unsupported types.

    A column without any value has the kind "category" and no categories: the model ignores it.
    """
    types = pa.types
    if types.is_dictionary(type_):
        return "date" if is_date(type_.value_type) else "category"
    if is_text(type_) or types.is_string_view(type_) or types.is_null(type_):
        return "category"
    if types.is_boolean(type_):
        return "boolean"
    if is_date(type_):
        return "date"
    if is_number(type_) or types.is_duration(type_) or types.is_time(type_):
        return "number"
    raise DataError(
        f"column {name!r} holds values of type {type_}",
        "numbers, texts, categories, true or false, or dates",
        f"leave column {name!r} out, or make columns of its parts",
    )


def refuse_unusable(columns: pa.Schema) -> None:
    """Refuse columns of unsupported types, by name."""
    for field in columns:
        kind_of(field.type, field.name)


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001
    """Refuse a description that does not meet a condition."""
    if not condition:
        raise ValueError(message)


def _is_texts(value: object) -> bool:
    """Whether a value is a list of unique texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return False
    return len(set(value)) == len(value)
