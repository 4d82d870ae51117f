"""The type of a text column, of one table or of many blocks."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import pyarrow as pa
import pytest

from epochal.data.sources.text_types import (
    AS_WRITTEN,
    Traits,
    Way,
    may_be,
    refuse_decimal_commas,
    tidy,
    traits_of,
    way_of_texts,
    way_of_type,
)
from epochal.errors import SourceError

_PATH = Path("data.csv")


def column(*values):
    """Return a column of texts."""
    return pa.chunked_array([pa.array(values, pa.string())])


def traits(*values):
    """Return what is true of texts, with the gaps that tidying brings to light."""
    tidied = tidy(column(*values))
    return traits_of(tidied, gaps=tidied.null_count > values.count(None))


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (["1", " ?"], Way(pa.string(), pa.int64())),
        (["0x1F", " ?"], Way(pa.string(), pa.int64())),
        (["1.5", " ?", None], Way(pa.string(), pa.float64())),
        (["1.5", None], AS_WRITTEN),
        (["x", " ?"], AS_WRITTEN),
        (["1,234", "5"], Way(pa.string(), pa.int64(), grouped=True)),
        (["1,234", "5.5", " ?"], Way(pa.string(), pa.float64(), grouped=True)),
        (["+5", "1,234"], Way(pa.string(), pa.float64(), grouped=True)),
        (["1,234", "x"], AS_WRITTEN),
        (["0,637", "1"], AS_WRITTEN),
    ],
)
def test_texts_that_are_numbers(values, way):
    """Spaced gaps and commas between thousands make no text of numbers, whole or in blocks."""
    assert way_of_texts(traits(*values), ",", "a", _PATH) == way
    blocks = reduce(Traits.joined, map(traits, values))
    assert way_of_texts(blocks, ",", "a", _PATH) == way


def test_ways_give_the_values():
    """Texts become numbers in their way, NaN is null; what Arrow parsed stays as it is."""
    floats = Way(pa.string(), pa.float64())
    assert floats.applied(column("1.5", "NAN", None)).to_pylist() == [1.5, None, None]
    assert AS_WRITTEN.applied(column("007")).to_pylist() == ["007"]
    assert way_of_type(pa.time32("s")) == AS_WRITTEN
    assert way_of_type(pa.date32()) == Way(pa.date32(), pa.date32())


def test_words_are_seen_early_or_late():
    """One word makes words of a column, the first or the last of many."""
    assert traits("x", "1").are_words
    assert traits(*["1"] * 2000, "x").are_words
    assert not traits(*["1"] * 2000).are_words
    assert traits("1").joined(traits("x")).are_words


def test_decimal_commas_are_refused_where_commas_do_not_separate():
    """Numbers with decimal commas are named; where commas separate values they are text."""
    for refuse in (
        lambda: way_of_texts(traits("3,5", "4"), ";", "a", _PATH),
        lambda: refuse_decimal_commas(column(None, "3,5", "4"), "a", _PATH),
    ):
        with pytest.raises(SourceError, match="'a' of data.csv has numbers with a comma, like 3,5"):
            refuse()
    refuse_decimal_commas(column("3,5", "x"), "a", _PATH)
    assert way_of_texts(traits("3,5", "4"), ",", "a", _PATH) == AS_WRITTEN


def test_a_column_may_be_the_latest_type_of_its_blocks():
    """Types that come before that of any block are out; text leaves none."""
    assert may_be({pa.int64(), pa.bool_()})[0] == pa.bool_()
    assert may_be({pa.date32(), pa.float64()}) == [pa.float64()]
    assert may_be({pa.date32(), pa.string()}) == []
