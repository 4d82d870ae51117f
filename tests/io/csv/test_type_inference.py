"""The type of a text column, of one table or of many blocks."""

from __future__ import annotations

from datetime import date
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pytest

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import SourceError
from epochal.io.csv.cells import MARK
from epochal.io.csv.type_inference import (
    AS_WRITTEN,
    Conversion,
    Traits,
    columns_from,
    conversion_of_texts,
    conversion_of_type,
    joint_candidates,
    refuse_decimal_commas,
    traits_of,
)

_PATH = Path("data.csv")


def column(*values):
    """Return a column of texts."""
    return pa.chunked_array([pa.array(values, pa.string())])


def traits(*values):
    """Return what is true of texts, as Arrow has read them."""
    return traits_of(column(*values), PLAIN, has_marks=True)


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (["1", " ?"], Conversion(pa.string(), pa.int64())),
        (["0x1F", " ?"], Conversion(pa.string(), pa.int64())),
        (["1.5", " ?", None], Conversion(pa.string(), pa.float64())),
        ([MARK + "1", MARK + "NA"], Conversion(pa.string(), pa.int64())),
        (["true", " ?"], Conversion(pa.string(), pa.bool_())),
        ([" true", "false"], Conversion(pa.string(), pa.bool_())),
        (["2024-05-01", " ?"], Conversion(pa.string(), pa.date32())),
        (["2024-05-01 10:00 ", "2024-05-01"], Conversion(pa.string(), pa.timestamp("s"))),
        (["12:30", " ?"], AS_WRITTEN),
        (["1.5", None], AS_WRITTEN),
        (["x", " ?"], AS_WRITTEN),
        (["1,234", "5"], Conversion(pa.string(), pa.int64(), grouped=True)),
        (["1,234", "5.5", " ?"], Conversion(pa.string(), pa.float64(), grouped=True)),
        (["+5", "1,234"], Conversion(pa.string(), pa.float64(), grouped=True)),
        (["1,234", "x"], AS_WRITTEN),
        (["0,637", "1"], AS_WRITTEN),
    ],
)
def test_texts_that_are_numbers(values, way):
    """Spaced gaps and commas between thousands make no text of numbers, whole or in blocks."""
    assert conversion_of_texts(traits(*values), ",", "a", _PATH) == way
    blocks = reduce(Traits.joined, map(traits, values))
    assert conversion_of_texts(blocks, ",", "a", _PATH) == way


def test_ways_give_the_values():
    """Texts become numbers in their way, NaN is null; what Arrow parsed stays as it is."""

    def values(way, *texts, options=PLAIN):
        return way.applied(column(*texts), options, has_marks=True).to_pylist()

    floats = Conversion(pa.string(), pa.float64())
    assert values(floats, "1.5", "NAN", " NA", MARK + "?", MARK + " 2") == [
        1.5,
        *[None] * 3,
        2.0,
    ]
    assert values(AS_WRITTEN, "007", " a ", MARK + " a ", MARK + "NA") == ["007", "a", " a ", "NA"]
    assert values(AS_WRITTEN, " a ", " NA", options=CsvOptions(strip=False)) == [" a ", " NA"]
    assert conversion_of_type(pa.time32("s")) == AS_WRITTEN
    assert conversion_of_type(pa.date32()) == Conversion(pa.date32(), pa.date32())


@pytest.mark.parametrize(
    ("kind", "values", "kept"),
    [
        (pa.int64(), [-999, 5], [None, 5]),
        (pa.float64(), [-999.0, 5.5], [None, 5.5]),
        (pa.date32(), [date(1900, 1, 1), date(2024, 5, 1)], [None, date(2024, 5, 1)]),
    ],
)
def test_values_that_mean_missing_are_null(kind, values, kept):
    """A word that is a value of the type of its column is missing however it is spelled."""
    options = CsvOptions(missing_values=("-999.0", "1900-01-01", "unknown"))
    found = Conversion(kind, kind).applied(
        pa.chunked_array([values], kind), options, has_marks=False
    )
    assert found.to_pylist() == kept


def test_texts_have_marks_and_values_have_none():
    """Columns of numbers are read without the marks that make texts of them."""

    def parse(names, *, marked=False):
        """Return a column of texts and one of numbers, as Arrow reads them with marks and without."""
        read.append((tuple(names), marked))
        numbers = [MARK + "NA", "5"] if marked else [None, 5]
        table = {"s": [MARK + " a" if marked else " a", "b"], "n": numbers}
        return pa.table({name: table[name] for name in names})

    read = []
    found = columns_from(parse, ["n", "s"], {}, PLAIN)
    assert found.to_pydict() == {"n": [None, 5], "s": [MARK + " a", "b"]}
    assert read == [(("n", "s"), True), (("n",), False)]
    typed = columns_from(parse, ["n", "s"], {"n": pa.int64(), "s": pa.string()}, PLAIN)
    assert typed.equals(found)


def test_words_are_seen_early_or_late():
    """One word makes words of a column, the first or the last of many."""
    assert traits("x", "1").are_words
    assert traits(*["1"] * 2000, "x").are_words
    assert not traits(*["1"] * 2000).are_words
    assert traits("1").joined(traits("x")).are_words


def test_decimal_commas_are_refused_where_commas_do_not_separate():
    """Numbers with decimal commas are named; where commas separate values they are text."""
    for refuse in (
        lambda: conversion_of_texts(traits("3,5", "4"), ";", "a", _PATH),
        lambda: refuse_decimal_commas(column(None, "3,5", "4"), "a", _PATH, PLAIN),
    ):
        with pytest.raises(SourceError, match="'a' of data.csv has numbers with a comma, like 3,5"):
            refuse()
    refuse_decimal_commas(column("3,5", "x"), "a", _PATH, PLAIN)
    assert conversion_of_texts(traits("3,5", "4"), ",", "a", _PATH) == AS_WRITTEN


def test_a_column_may_be_the_latest_type_of_its_blocks():
    """Types that come before that of any block are out; text leaves none."""
    assert joint_candidates({pa.int64(), pa.bool_()})[0] == pa.bool_()
    assert joint_candidates({pa.date32(), pa.float64()}) == [pa.float64()]
    assert joint_candidates({pa.date32(), pa.string()}) == []
