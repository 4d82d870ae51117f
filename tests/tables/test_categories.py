"""Categories: their texts, which are kept, and the codes of rows."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from epochal.errors import DataError
from epochal.tables import categories
from epochal.tables.categories import ValueCounts, as_dictionary, as_names, codes
from epochal.tables.numeric import Place


def levels(column, weight, max_categories):
    """Return the categories of a column, whether it has gaps, and whether it has others."""
    return ValueCounts.of(column, weight).levels(max_categories)[:3]


SAME = {
    "text": pa.array(["3", None, "7", "3"]),
    "large text": pa.array(["3", None, "7", "3"], pa.large_string()),
    "text view": pa.array(["3", None, "7", "3"], pa.string_view()),
    "int": pa.array([3, None, 7, 3]),
    "float": pa.array([3.0, None, 7.0, 3.0]),
    "NaN": pa.array([3.0, float("nan"), 7.0, 3.0]),
    "category of ints": pa.array([3, None, 7, 3]).dictionary_encode(),
    "null among categories": pa.DictionaryArray.from_arrays([1, 0, 2, 1], [None, "3", "7"]),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_categories_in_any_holder(name):
    """Texts, numbers and dictionaries with the same values have the same levels and codes."""
    column = pa.chunked_array([SAME[name]])

    assert levels(column, np.ones(4), max_categories=9) == (("3", "7"), True, False)
    assert codes(column, ["3", "7"]).numbers.tolist() == [0, 2, 1, 0]


SPELLINGS = {
    "numbers with a point": (pa.array(["5.0", "1.50", "5"]), pa.array([5.0, 1.5, 5.0])),
    "numbers of 32 bits": (pa.array(["0.1", "2"]), pa.array([0.1, 2.0], pa.float32())),
    "decimals": (pa.array(["0.10", "7"]), pa.array(["0.1", "7.0"]).cast(pa.decimal128(5, 2))),
    "booleans": (pa.array(["True", "FALSE", "true"]), pa.array([True, False, True])),
    "dates": (
        pa.array(["2024-05-01", "2024-05-02"]),
        pa.array([19844, 19845], pa.int32()).cast(pa.date32()),
    ),
    "timestamps": (
        pa.array(["2024-05-01 00:00:00", "2024-05-01T12:30:00+02:00"]),
        pa.array([1714521600000, 1714559400000], pa.timestamp("ms", "UTC")),
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_category_has_one_name_however_a_file_spells_it(name):
    """Trained on texts or on typed values, the other holder has the same categories and codes."""
    texts, typed = (pa.chunked_array([side]) for side in SPELLINGS[name])
    assert texts.type != typed.type

    found = levels(texts, np.ones(len(texts)), max_categories=9)

    assert found == levels(typed, np.ones(len(typed)), max_categories=9)
    assert codes(texts, found[0]).numbers.tolist() == codes(typed, found[0]).numbers.tolist()
    assert codes(typed, found[0]).unseen == 0


def test_spellings_of_one_category_are_one_even_if_many_are_left_out():
    """Categories are ranked after their spellings have been brought together."""
    column = pa.chunked_array([["5", "a", "a", "5.0", "5.00", "b", "b"]])

    assert levels(column, np.ones(7), max_categories=1) == (("5",), False, True)


def test_leading_zeros_make_a_name_of_its_own():
    """007, 7 and 7.0 are two categories: the first is no number."""
    column = pa.chunked_array([["007", "7", "7.0"]])

    assert levels(column, np.ones(3), max_categories=9) == (("7", "007"), False, False)
    assert codes(pa.chunked_array([[7, 42]]), ["007", "7"]).numbers.tolist() == [1, 3]


def test_categories_of_older_models_are_found_as_they_stand():
    """A text is looked up as it is before its canonical text is."""
    column = pa.chunked_array([["True", "true", "1.50", "1.5"]])

    assert codes(column, ["1.50", "True"]).numbers.tolist() == [1, 1, 0, 0]
    assert codes(pa.chunked_array([["1.50", "1.5"]]), ["1.5", "1.50"]).numbers.tolist() == [1, 0]


def test_unknown_categories_are_counted_with_an_example():
    """Rows, not different values, are counted; missing values are none of them."""
    found = codes(pa.chunked_array([["a", "x", None, "x", "y"]]), ["a"])

    assert (found.unseen, found.example) == (3, "x")
    assert codes(pa.chunked_array([["a", None]]), ["a"])[1:] == (0, None)


@pytest.mark.parametrize(
    ("weights", "most", "unseen"),
    [
        # Nothing is left out, and "c" occurs once in five rows.
        ([1, 1, 1, 1, 1], 9, 2 / 7),
        # "c" is left out.
        ([1, 1, 1, 1, 1], 2, 2 / 7),
        # Twice each row: nothing occurs once.
        ([2, 2, 2, 2, 2], 9, 1 / 12),
        ([0, 0, 0, 0, 0], 9, 1 / 2),
    ],
)
def test_what_share_of_new_rows_is_unknown_is_estimated(weights, most, unseen):
    """The expected share of unseen categories is that of those that occur once or are dropped."""
    column = pa.chunked_array([["a", "b", "a", "b", "c"]])

    assert ValueCounts.of(column, np.array(weights, float)).levels(most).unseen == pytest.approx(
        unseen
    )


@pytest.mark.parametrize(
    "column", [pa.array([[1], None]), pa.array([b"a", None]), pa.array([{"a": 1}, None])]
)
def test_values_without_a_name_are_refused(column):
    """Lists, bytes and structs in a column of categories are refused by column and row."""
    with pytest.raises(DataError, match=r"column 'job' holds .* values, the first in row 4;"):
        as_names(pa.chunked_array([column]), Place("job", 4))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([19844, None, 19844], pa.date32()),
        pa.array([19844, None, 19844], pa.date32()).dictionary_encode(),
        pa.array([1714521600, None, 1714521600], pa.timestamp("s")),
    ],
)
def test_dates_that_are_names_are_texts(column):
    """A column of dates that is named as categories is one, also if it comes in pieces."""
    for pieces in ([], [column], [column, column]):
        found = as_dictionary(pa.chunked_array(pieces, column.type))
        assert found.type == pa.dictionary(pa.int32(), pa.string())
        assert found.to_pylist() == ["2024-05-01", None, "2024-05-01"] * len(pieces)


@pytest.mark.parametrize("name", SAME)
def test_names_become_a_dictionary(name):
    """Values stay, dictionaries stay what they are."""
    column = pa.chunked_array([SAME[name]])
    found = as_dictionary(column)

    assert pa.types.is_dictionary(found.type)
    assert str(found.to_pylist()) == str(column.to_pylist())


@pytest.mark.parametrize("name", SAME)
def test_values_with_a_name_are_taken(name):
    """Texts, numbers and dictionaries pass as they are."""
    column = pa.chunked_array([SAME[name]])

    assert as_names(column, Place("job")) is column


def test_the_heaviest_are_kept_and_equals_go_by_row():
    """Of more categories than may be, the heaviest stay, and of equal ones the one that occurs first."""
    column = pa.chunked_array([["c", "d", "b", "a", "d"]])

    assert levels(column, np.ones(5), max_categories=2) == (("d", "c"), False, True)
    assert levels(column, np.array([1, 1, 9, 1, 1]), max_categories=1) == (("b",), False, True)
    assert levels(column, np.ones(5), max_categories=4) == (("d", "c", "b", "a"), False, False)


def test_the_order_of_a_dictionary_does_not_matter():
    """Categories are in the order of the rows that count, whatever the dictionary and the chunks."""
    values, weight = ["z", "b", "a", "b", "c", "a"], np.array([0, 1, 1, 1, 2, 1])
    plain = pa.chunked_array([values])
    dictionary = pa.array(["unused", "a", "b", "c", "z"])
    indices = pc.index_in(pa.array(values), value_set=dictionary)
    chunks = [
        pa.DictionaryArray.from_arrays(part, dictionary) for part in (indices[:2], indices[2:])
    ]

    assert levels(plain, weight, max_categories=9) == (("b", "a", "c"), False, False)
    assert levels(pa.chunked_array(chunks), weight, 9) == levels(plain, weight, 9)
    assert levels(plain, np.ones(6), max_categories=9)[0] == ("b", "a", "z", "c")


def test_rows_without_weight_do_not_count():
    """Neither categories nor missing values come from rows of weight 0."""
    column = pa.chunked_array([["a", "b", None]])

    assert levels(column, np.array([1, 0, 0]), max_categories=9) == (("a",), False, False)


def test_chunks_with_different_dictionaries_are_one_column():
    """Codes do not depend on how a column is cut."""
    values = ["a", "b", None, "c", "a", "z"]
    cut = [pa.array(part).dictionary_encode() for part in (values[:2], values[2:4], values[4:])]

    assert codes(pa.chunked_array(cut), ["a", "b", "c"]).numbers.tolist() == [0, 1, 3, 2, 0, 4]


def test_an_empty_column_has_no_codes():
    """No rows give no codes and no levels."""
    column = pa.chunked_array([], type=pa.string())

    assert codes(column, ["a"]).numbers.tolist() == []
    assert levels(column, np.empty(0), max_categories=9) == ((), False, False)


def test_of_many_texts_the_same_are_kept_as_of_few():
    """Of many values the heaviest are kept: of equal ones that of the first row with a weight."""
    random = np.random.default_rng(0)
    texts = np.array([f"v{number}" for number in random.integers(400, size=3000)])
    weight = random.integers(0, 3, size=3000).astype(float)
    totals = {
        text: weight[texts == text].sum() for text in dict.fromkeys(texts[weight > 0].tolist())
    }
    ranked = sorted(totals, key=lambda text: -totals[text])

    for most in (1, 7, 64, 399, 1000):
        found = levels(
            pa.chunked_array([texts[:1000].tolist(), texts[1000:].tolist()]), weight, most
        )
        assert found == (tuple(ranked[:most]), False, len(ranked) > most)


def merged(texts, weight, pieces):
    """Return the value counts of rows in a number of pieces."""
    parts = zip(np.array_split(texts, pieces), np.array_split(weight, pieces), strict=True)
    value_counts_of = [
        ValueCounts.of(pa.chunked_array([part.tolist()]), own) for part, own in parts
    ]
    return reduce(ValueCounts.merge, value_counts_of)


@pytest.mark.parametrize("pieces", [2, 7, 50])
@pytest.mark.parametrize("different", [3, 400])
def test_a_tally_of_pieces_is_that_of_all_rows(pieces, different):
    """Levels are the same, whether many values wait to be looked up or none."""
    random = np.random.default_rng(1)
    numbers = random.integers(different, size=3000).tolist()
    texts = np.array([None if number == 2 else f"v{number}" for number in numbers])
    weight = random.integers(1, 4, size=3000).astype(float)
    found = merged(texts, weight, pieces)

    assert found.levels(64) == ValueCounts.of(pa.chunked_array([texts.tolist()]), weight).levels(64)
    assert bool(found.pending) is ((pieces, different) in {(2, 400), (50, 400)})


def test_of_too_many_texts_the_heaviest_are_remembered(monkeypatch):
    """With a capacity of 100 values, the frequent ones of thousands stay, and dropped ones are counted."""
    monkeypatch.setattr(categories, "MOST_UNIQUE", 100)
    texts = np.array([f"v{k}" if k % 2 else f"often{k % 10}" for k in range(4000)])
    found = merged(texts, np.ones(4000), 40)

    assert found.dropped > 0
    assert found.combined().sums.sum() + found.combined().dropped == 4000
    assert found.levels(5).categories == tuple(f"often{k}" for k in range(0, 10, 2))
    assert len(found.values) <= 100
    rare = found.combined().rare
    assert rare.weight == found.combined().dropped
    # Of 2,000 that occur once, those that are not among the values.
    assert abs(rare.distinct - (2000 - len(found.combined().values) + 5)) < 10


def test_a_null_among_the_values_of_a_dictionary_is_missing():
    """Whatever the number of categories, a null is no category."""
    column = pa.DictionaryArray.from_arrays([0, 1, 2, 0], pa.array(["b", None, "a"]))

    for most in (1, 2, 5):
        found = levels(pa.chunked_array([column]), np.ones(4), most)
        assert found == (("b", "a") if most > 1 else ("b",), True, most < 2)
