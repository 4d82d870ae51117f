"""Vocabularies of names, of words and of pairs of names."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from epochal.preprocessing.vocabulary import (
    JOINT,
    WORDS,
    Vocabulary,
    checked_vocabularies,
    first_entries,
    joined,
    words_of,
)
from epochal.tables.schema import Column, Schema

SCHEMA = Schema((Column("job", "category"), Column("city", "category")), named=True, shape=(2,))


def test_names_are_looked_up_by_canonical_text() -> None:
    """A number, and a text that writes it otherwise, have the entry of the name."""
    vocabulary = Vocabulary(("job",), words=0, names=("2", "x"))
    for column in (pa.array([2, 3, None]), pa.array(["2.0", "y", None])):
        assert vocabulary.look_up(pa.table({"job": column})).tolist() == [[0], [3], [2]]


def test_words_are_looked_up_in_their_order() -> None:
    """Case and what is between words do not matter; unknown words have the last entry."""
    vocabulary = Vocabulary(("job",), words=1, names=("corolla", "le"))
    found = vocabulary.look_up(pa.table({"job": ["COROLLA-LE, new", None, "?"]}))
    assert found[:, :4].tolist() == [[0, 1, 2, -1], [-1] * 4, [-1] * 4]


def test_only_the_first_words_are_looked_up() -> None:
    """A text of more words has as many entries as there is room for."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = " ".join(letters[: WORDS + 5])
    vocabulary = Vocabulary(("job",), words=1, names=(letters[WORDS - 1], letters[WORDS]))
    found = vocabulary.look_up(pa.table({"job": [text, "a"]}))
    assert found.shape == (2, WORDS)
    assert found[0].tolist() == [2] * (WORDS - 1) + [0]


def test_consecutive_words_are_looked_up_as_pairs() -> None:
    """A date has its month and day, whatever is between them; one word is no pair."""
    vocabulary = Vocabulary(("job",), words=2, names=("07 13", "2013 07"))
    found = vocabulary.look_up(pa.table({"job": ["2013-07-13T05", "2013/07", "07"]}))
    assert found[:, :4].tolist() == [[1, 0, 2, 2], [1, -1, -1, -1], [-1] * 4]


def test_words_of_other_scripts_are_words() -> None:
    """Letters and digits of all scripts make words."""
    words, parents = words_of(pa.array(["Ärzte-Öl №5", "東京 大学"]))
    assert words.to_pylist() == ["ärzte", "öl", "5", "東京", "大学"]
    assert parents.tolist() == [0, 0, 0, 1, 1]


def test_letters_and_digits_are_words_of_their_own() -> None:
    """A code, or a time after a date, has parts that others have as well."""
    words, _ = words_of(pa.array(["N12AA", "2013-07-13T05"]))
    assert words.to_pylist() == ["n", "12", "aa", "2013", "07", "13", "t", "05"]


def test_pairs_have_both_texts() -> None:
    """Chunks and types may differ; a missing value has the empty text."""
    first = pa.chunked_array([["a"], ["b", None]])
    found = joined([first, pa.chunked_array([[1, 2, 1]])]).to_pylist()
    assert found == [f"a{JOINT}1", f"b{JOINT}2", f"{JOINT}1"]


def test_pairs_are_looked_up() -> None:
    """The entry is that of the pair, and unknown for a new pair of known names."""
    vocabulary = Vocabulary(("job", "city"), words=0, names=(f"cook{JOINT}Graz",))
    table = pa.table({"job": ["cook", "cook"], "city": ["Graz", "Linz"]})
    assert vocabulary.look_up(table).tolist() == [[0], [2]]


def test_absent_names_share_buckets() -> None:
    """Each always has the same; words, too; a missing value and a known name have their own entries."""
    names = Vocabulary(("job",), words=0, names=("a", "b"), buckets=5)
    texts = [f"{number}" for number in range(50)]
    found = names.look_up(pa.table({"job": ["b", None, *texts]})).ravel()
    assert found[:2].tolist() == [1, 2]
    assert set(found[2:]) == {3, 4, 5, 6, 7}
    assert names.entries == 8
    again = names.look_up(pa.table({"job": pa.array(texts[::-1]).dictionary_encode()})).ravel()
    np.testing.assert_array_equal(again, found[:1:-1])
    words = Vocabulary(("job",), words=1, names=("a",), buckets=5)
    entries = words.look_up(pa.table({"job": ["a 7", "7"]}))[:, :2]
    assert entries[0, 0] == 0
    assert entries[0, 1] == entries[1, 0] == names.look_up(pa.table({"job": ["7"]}))[0, 0] - 2


def test_known_names_have_a_bucket_in_reserve() -> None:
    """It is the one that they would have if they were absent; other entries stand for themselves."""
    names = Vocabulary(("job",), words=0, names=("a", "b"), buckets=5)
    absent = Vocabulary(("job",), words=0, names=("x",), buckets=5)
    expected = absent.look_up(pa.table({"job": ["a", "b"]})).ravel() + 1
    assert names.fallbacks.tolist() == [*expected, *range(2, 8)]
    plain = Vocabulary(("job",), words=0, names=("a", "b"))
    assert plain.fallbacks.tolist() == [3, 3, 2, 3]


def test_entries_follow_each_other_behind_that_of_no_word() -> None:
    """Names have an entry for missing and one for unknown names, words one for unknown words."""
    names = Vocabulary(("job",), words=0, names=("a", "b"))
    words = Vocabulary(("job",), words=1, names=("a",))
    assert (names.entries, words.entries) == (4, 2)
    assert first_entries((names, words)).tolist() == [1, 5]


def test_a_description_gives_the_vocabulary_again() -> None:
    """Also through JSON."""
    vocabulary = Vocabulary(("job", "city"), words=0, names=("a",), max_absent_weight=2.5)
    described = json.loads(json.dumps(vocabulary.to_dict()))
    assert Vocabulary.from_dict(described) == vocabulary


@pytest.mark.parametrize(
    "change",
    [
        {"columns": []},
        {"columns": ["job", "job"]},
        {"columns": "job"},
        {"columns": ["job", "city"], "words": 1},
        {"words": 3},
        {"words": True},
        {"names": ["b", "a"]},
        {"names": ["a", "a"]},
        {"names": [1]},
        {"max_absent_weight": -1.0},
        {"max_absent_weight": True},
        {"more": 1},
    ],
)
def test_an_invalid_description_is_refused(change: dict[str, object]) -> None:
    """With a ValueError, from which the model's reader makes its own."""
    described = Vocabulary(("job",), words=0, names=("a",)).to_dict()
    with pytest.raises(ValueError, match="vocabular"):
        Vocabulary.from_dict(described | change)


@pytest.mark.parametrize(
    "described",
    [
        {},
        [Vocabulary(("age",), words=0, names=("a",)).to_dict()],
        [Vocabulary(("job",), words=0, names=("a",)).to_dict()] * 2,
        [
            Vocabulary(("job",), words=1, names=("a",)).to_dict(),
            Vocabulary(("job",), words=0, names=("a",)).to_dict(),
        ],
    ],
)
def test_vocabularies_that_do_not_fit_the_schema_are_refused(described: object) -> None:
    """No list, an unknown column, one twice, and words before names."""
    with pytest.raises(ValueError, match="vocabular"):
        checked_vocabularies(described, SCHEMA)
