"""Which columns are candidates for target statistics, of names and of words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from epochal.preprocessing.name_candidates import Names, name_candidates, vocabularies
from epochal.preprocessing.vocabulary import Vocabulary
from epochal.tables.categories import Rare, ValueCounts
from epochal.tables.read_as import BY_VALUES, ReadAs

TABLE = pa.table(
    {
        "title": ["bank clerk", "night clerk", "bank clerk", "night cook"] * 5,
        "code": ["x", "y", "x", "y"] * 5,
    }
)
COUNTS = {name: ValueCounts.of(TABLE.column(name), np.ones(20)) for name in TABLE.column_names}


def candidates(many: list[str], read_as: ReadAs) -> dict[str, list[int]]:
    """Return the numbers of words of each column's candidates."""
    found: dict[str, list[int]] = {}
    for names in name_candidates(COUNTS, many, read_as):
        found.setdefault(names.columns[0], []).append(names.words)
    return found


def test_columns_with_many_categories_are_candidates() -> None:
    """Their names, and their words if the values have several; columns with few are none."""
    assert candidates(["title", "code"], BY_VALUES) == {"title": [0, 1, 2], "code": [0]}
    assert candidates(["code"], BY_VALUES) == {"code": [0]}
    assert candidates([], BY_VALUES) == {}


def test_names_have_no_words() -> None:
    """Whatever the values are."""
    assert candidates(["title", "code"], ReadAs(names=("title",))) == {"title": [0], "code": [0]}
    assert candidates([], ReadAs(names=("title",))) == {}


def test_texts_have_words_whatever_their_number() -> None:
    """Also of one word, and of few values; then names have vectors, and need no statistics."""
    texts = ReadAs(texts=("title", "code"))
    assert candidates(["title", "code"], texts) == {"title": [0, 1, 2], "code": [0, 1]}
    assert candidates([], texts) == {"title": [1, 2], "code": [1]}


def test_dropped_values_may_be_absent() -> None:
    """What the counts have dropped to bound the memory, a vocabulary must not tell of."""
    dropped = {"code": COUNTS["code"]._replace(dropped=3.0)}
    (names,) = name_candidates(dropped, ["code"], BY_VALUES)
    assert names.max_absent_weight == 10.0


def names_of(column: str, weights: dict[str, float]) -> tuple[Names, ...]:
    """Return the names and words of a column whose values have these weights."""
    return Names.of(column, pa.array([*weights]), np.array([*weights.values()]))


def test_a_complete_vocabulary_lacks_nothing() -> None:
    """With room enough each name is there, also one that occurs once."""
    (found,) = vocabularies(names_of("job", {"b": 5.0, "a": 1.0}), most=10)
    assert found == Vocabulary(("job",), words=0, names=("a", "b"), max_absent_weight=0.0)


def test_of_equal_names_all_or_none_are_there() -> None:
    """Where there is no room for all names of one weight, there is none of them."""
    weights = {"a": 3.0, "b": 1.0, "c": 1.0, "d": 2.0, "e": 1.0, "f": 1.0}
    (found,) = vocabularies(names_of("job", weights), most=5)
    assert found.names == ("a", "d")
    assert found.max_absent_weight == 1.0
    assert found.buckets == 3


def test_names_that_were_not_counted_have_buckets() -> None:
    """As many as there are of them, if there is room; an unknown number takes all the room."""
    texts, weights = pa.array(["a", "b"]), np.array([900.0, 200.0])
    for distinct, buckets in ((30.0, 30), (1000.0, 98), (np.inf, 98)):
        (names,) = Names.of("job", texts, weights, 1.0, Rare(5000.0, distinct))
        assert names.vocabulary(100)[2:] == (("a", "b"), 1.0, buckets)


def test_identifiers_that_were_not_counted_do_not_recur() -> None:
    """About as many names as rows say nothing of other rows; fewer do, and of an unknown number nothing is known."""
    texts, weights = pa.array(["a", "b"]), np.array([1.0, 1.0])
    for distinct, recur in ((5000.0, False), (4990.0, False), (2500.0, True), (np.inf, False)):
        found = Names.of("job", texts, weights, 0.0, Rare(5000.0, distinct))
        assert bool(found) == recur


def test_small_vocabularies_leave_their_share() -> None:
    """What one does not need is there for the other; of too many names half have entries of their own."""
    many = names_of("job", {f"{number}": 2.0 + number for number in range(20)})
    few = names_of("city", {"x": 2.0, "y": 2.0})
    sizes = {v.columns[0]: (len(v.names), v.buckets) for v in vocabularies([*many, *few], most=12)}
    assert sizes == {"job": (5, 5), "city": (2, 0)}


def test_names_that_never_recur_have_no_vocabulary() -> None:
    """An identifier, one name for each row, says nothing of other rows."""
    identifier = names_of("job", {f"{number}": 1.0 for number in range(500)})
    assert identifier == ()


def test_words_of_texts_that_never_recur_have_one() -> None:
    """Titles are all different; their words are not."""
    titles = names_of("job", {f"the book {number}": 1.0 for number in range(500)})
    assert [names.words for names in titles] == [1, 2]
    words, pairs = vocabularies(titles, most=10)
    assert words.names == ("book", "the")
    assert pairs.names == ("the book",)


def test_names_of_one_word_are_no_texts() -> None:
    """Codes and names have no vocabulary of words."""
    codes = names_of("job", {"x": 4.0, "yy": 4.0})
    assert [names.words for names in codes] == [0]


def test_the_user_decides_about_words() -> None:
    """Names of several words have none if they are said to be names, and texts of one word have some."""
    titles, codes = pa.array(["bank clerk", "night clerk"]), pa.array(["x", "yy"])
    weights = np.array([4.0, 4.0])
    assert [n.words for n in Names.of("job", titles, weights)] == [0, 1, 2]
    assert [n.words for n in Names.of("job", titles, weights, has_words=False)] == [0]
    # Where each value has one word, there are no pairs of consecutive words.
    assert [n.words for n in Names.of("job", codes, weights, has_words=True)] == [0, 1]
