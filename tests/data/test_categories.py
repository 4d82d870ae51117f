"""Categories: their texts, which are kept, and the codes of rows."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest

from epochal.data import categories
from epochal.data.categories import Tally, codes, text_of


def levels(column, weight, most):
    """Return the levels of a column, gone through at once."""
    return Tally.of(column, weight).levels(most)


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

    assert levels(column, np.ones(4), most=9) == (("3", "7"), True, False)
    assert codes(column, ["3", "7"]).tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), (-0.5, "-0.5"), (0.1, "0.1"), (2.0**53, "9007199254740992")],
)
def test_numbers_as_texts(value, text):
    """Whole numbers have no fraction, others print as Python prints them."""
    assert text_of(value) == text


def test_truth_values_print_as_python_does():
    """True is "True"."""
    assert codes(pa.chunked_array([[True, False]]), ["False", "True"]).tolist() == [1, 0]


def test_the_heaviest_are_kept_and_equals_go_by_name():
    """Of more categories than may be, the heaviest stay, in the order of names."""
    column = pa.chunked_array([["d", "c", "b", "a", "d"]])

    assert levels(column, np.ones(5), most=2) == (("a", "d"), False, True)
    assert levels(column, np.array([1, 9, 1, 1, 1]), most=1) == (("c",), False, True)
    assert levels(column, np.ones(5), most=4) == (("a", "b", "c", "d"), False, False)


def test_rows_without_weight_do_not_count():
    """Neither categories nor missing values come from rows of weight 0."""
    column = pa.chunked_array([["a", "b", None]])

    assert levels(column, np.array([1, 0, 0]), most=9) == (("a",), False, False)


def test_chunks_with_different_dictionaries_are_one_column():
    """Codes do not depend on how a column is cut."""
    values = ["a", "b", None, "c", "a", "z"]
    cut = [pa.array(part).dictionary_encode() for part in (values[:2], values[2:4], values[4:])]

    assert codes(pa.chunked_array(cut), ["a", "b", "c"]).tolist() == [0, 1, 3, 2, 0, 4]


def test_an_empty_column_has_no_codes():
    """No rows give no codes and no levels."""
    column = pa.chunked_array([], type=pa.string())

    assert codes(column, ["a"]).tolist() == []
    assert levels(column, np.empty(0), most=9) == ((), False, False)


def test_of_many_texts_the_same_are_kept_as_of_few():
    """The short way through many values keeps what sorting all of them would: ties by name."""
    random = np.random.default_rng(0)
    texts = np.array([f"v{number}" for number in random.integers(400, size=3000)])
    weight = random.integers(0, 3, size=3000).astype(float)
    totals = {text: weight[texts == text].sum() for text in set(texts.tolist())}
    ranked = sorted((t for t in totals if totals[t] > 0), key=lambda t: (-totals[t], t))

    for most in (1, 7, 64, 399, 1000):
        found = levels(
            pa.chunked_array([texts[:1000].tolist(), texts[1000:].tolist()]), weight, most
        )
        assert found.categories == tuple(sorted(ranked[:most]))
        assert found.other is (len(ranked) > most)


def merged(texts, weight, pieces):
    """Return the tally of rows that are gone through in so many pieces."""
    parts = zip(np.array_split(texts, pieces), np.array_split(weight, pieces), strict=True)
    tallies = [Tally.of(pa.chunked_array([part.tolist()]), own) for part, own in parts]
    return reduce(Tally.merge, tallies)


@pytest.mark.parametrize("pieces", [2, 7, 50])
@pytest.mark.parametrize("different", [3, 400])
def test_a_tally_of_pieces_is_that_of_all_rows(pieces, different):
    """Levels are the same, whether many values wait to be looked up or none."""
    random = np.random.default_rng(1)
    numbers = random.integers(different, size=3000).tolist()
    texts = np.array([None if number == 2 else f"v{number}" for number in numbers])
    weight = random.integers(1, 4, size=3000).astype(float)
    found = merged(texts, weight, pieces)

    assert found.levels(64) == Tally.of(pa.chunked_array([texts.tolist()]), weight).levels(64)
    assert bool(found.waiting) is ((pieces, different) in {(2, 400), (50, 400)})


def test_of_too_many_texts_the_heaviest_are_remembered(monkeypatch):
    """With room for 100 values the frequent ones of thousands stay, and it is known that some went."""
    monkeypatch.setattr(categories, "MOST_KEPT", 100)
    texts = np.array([f"v{k}" if k % 2 else f"often{k % 10}" for k in range(4000)])
    found = merged(texts, np.ones(4000), 40)

    assert found.dropped
    assert found.levels(5).categories == tuple(f"often{k}" for k in range(0, 10, 2))
    assert len(found.values) <= 100


def test_a_null_among_the_values_of_a_dictionary_is_missing():
    """Whatever the number of categories, a null is no category."""
    column = pa.DictionaryArray.from_arrays([0, 1, 2, 0], pa.array(["b", None, "a"]))

    for most in (1, 2, 5):
        found = levels(pa.chunked_array([column]), np.ones(4), most)
        assert found.has_missing
        assert found.categories == ("a", "b")[:most] if most > 1 else ("b",)
