"""Selection of names, words and pairs of names that say something of the class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from epochal.preprocessing.name_candidates import Names
from epochal.preprocessing.name_selection import MAX_PAIRS, Sample, selected_names
from epochal.tables.categories import ValueCounts

ROWS = 6000


def sample_of(columns: dict[str, np.ndarray], labels: np.ndarray) -> Sample:
    """Return a sample with four folds."""
    table = pa.table({name: values.astype(str) for name, values in columns.items()})
    return Sample(table, labels, np.ones(len(labels)), np.arange(len(labels)) % 4)


def candidates(sample: Sample, columns: list[str]) -> list[Names]:
    """Return the names, and words, of columns."""
    found = []
    for name in columns:
        counts = ValueCounts.of(sample.table.column(name), sample.weight)
        found += Names.of(name, *counts.by_text())
    return found


def crosses(sample: Sample, columns: list[str], many: set[str], classes: int) -> tuple[Names, ...]:
    """Return the selected pairs of columns, of which some have many names."""
    found = selected_names(sample, columns, candidates(sample, sorted(many)), classes)
    return tuple(names for names in found if len(names.columns) == 2)


def test_names_that_say_something_are_selected(rng: np.random.Generator) -> None:
    """The class depends on one of three columns of many names."""
    a, b, c = rng.integers(200, size=(3, ROWS))
    labels = ((a * 7) % 11 < 5).astype(int)
    sample = sample_of({"a": a, "b": b, "c": c}, labels)
    found = selected_names(sample, ["a", "b", "c"], candidates(sample, ["a", "b", "c"]), 2)
    assert [names.columns for names in found] == [("a",)]


def test_words_that_say_something_are_selected(rng: np.random.Generator) -> None:
    """The class depends on a word of the text; texts as a whole hardly recur."""
    words = rng.integers(60, size=(3, ROWS))
    labels = np.isin(words, np.arange(9)).any(axis=0).astype(int)
    table = pa.table({"title": [f"a{i} b{j} c{k}" for i, j, k in words.T]})
    texts = [f"w{i} w{j} w{k}" for i, j, k in words.T]
    sample = Sample(
        table.set_column(0, "title", [texts]), labels, np.ones(ROWS), np.arange(ROWS) % 4
    )
    found = selected_names(sample, ["title"], candidates(sample, ["title"]), 2)
    assert found[0].words == 1


def test_what_another_column_says_is_not_selected_again(rng: np.random.Generator) -> None:
    """Beside a column of few categories that decides, its finer copy says nothing."""
    a = rng.integers(5, size=ROWS)
    fine = a * 40 + rng.integers(40, size=ROWS)
    labels = (rng.random(ROWS) < 0.2 + 0.15 * a).astype(int)
    sample = sample_of({"a": a, "fine": fine}, labels)
    assert selected_names(sample, ["a", "fine"], candidates(sample, ["fine"]), 2) == []


def test_random_labels_select_no_names(rng: np.random.Generator) -> None:
    """Neither names of a few rows each nor names of many."""
    sizes = (80, 200, 2000, 5000)
    columns = {f"c{size}": rng.integers(size, size=ROWS) for size in sizes}
    sample = sample_of(columns, rng.integers(2, size=ROWS))
    assert selected_names(sample, [*columns], candidates(sample, [*columns]), 2) == []


def test_a_pair_that_decides_is_found(rng: np.random.Generator) -> None:
    """The class depends on both names together; each alone, and a third column, say nothing."""
    a, b, c = rng.integers(15, size=(3, ROWS))
    labels = ((a * 5 + b * 3) % 7 < 3).astype(int)
    found = crosses(sample_of({"a": a, "b": b, "c": c}, labels), ["c", "a", "b"], {"a"}, 2)
    assert [set(names.columns) for names in found] == [{"a", "b"}]
    assert float(found[0].weights.sum()) == ROWS


def test_columns_that_add_up_are_not_crossed(rng: np.random.Generator) -> None:
    """Where log-odds of single columns are all there is to know, no pair pays."""
    a, b = rng.integers(30, size=(2, ROWS))
    of_names = rng.normal(size=(2, 30))
    p = 1 / (1 + np.exp(-(of_names[0, a] + of_names[1, b])))
    labels = (rng.random(ROWS) < p).astype(int)
    assert crosses(sample_of({"a": a, "b": b}, labels), ["a", "b"], {"a", "b"}, 2) == ()


def test_random_labels_have_no_crosses(rng: np.random.Generator) -> None:
    """Among 66 pairs none seems to pay by chance."""
    columns = {f"c{number}": rng.integers(40, size=ROWS) for number in range(12)}
    labels = rng.integers(3, size=ROWS)
    assert crosses(sample_of(columns, labels), [*columns], set(columns), 3) == ()


def test_pairs_without_many_names_are_left_to_the_network(rng: np.random.Generator) -> None:
    """Only pairs with one of the named columns are tested."""
    a, b = rng.integers(15, size=(2, ROWS))
    labels = ((a + b) % 2).astype(int)
    assert crosses(sample_of({"a": a, "b": b}, labels), ["a", "b"], set(), 2) == ()


def test_a_pair_that_repeats_another_is_not_taken(rng: np.random.Generator) -> None:
    """Of two columns that are the same, one is crossed."""
    a, b = rng.integers(15, size=(2, ROWS))
    labels = ((a * 5 + b * 3) % 7 < 3).astype(int)
    columns = {"a": a, "again": a + 100, "b": b}
    found = crosses(sample_of(columns, labels), [*columns], set(columns), 2)
    assert len(found) == 1


def test_one_column_has_no_pairs(rng: np.random.Generator) -> None:
    """There is nothing to cross."""
    a = rng.integers(15, size=100)
    assert crosses(sample_of({"a": a}, a % 2), ["a"], {"a"}, 2) == ()


def test_no_more_pairs_than_there_is_room_for_are_taken(rng: np.random.Generator) -> None:
    """Where each of very many pairs decides a part of the rows, the best are taken."""
    columns = {f"c{number}": rng.integers(8, size=ROWS) for number in range(8)}
    values = np.stack([*columns.values()])
    which = values[0] % 4
    labels = ((values[2 * which % 8, np.arange(ROWS)] + values[1]) % 2).astype(int)
    found = crosses(sample_of(columns, labels), [*columns], set(columns), 2)
    assert 1 <= len(found) <= MAX_PAIRS


def test_of_a_sample_rare_pairs_may_be_absent(rng: np.random.Generator) -> None:
    """Pairs that occur once in the sample are dropped, and the weights are those of all rows."""
    a, b = rng.integers(40, size=(2, ROWS))
    labels = ((a * 5 + b * 3) % 7 < 3).astype(int)
    part = sample_of({"a": a, "b": b}, labels)._replace(scale=10.0)
    (pair,) = crosses(part, ["a", "b"], {"a"}, 2)
    times = np.unique(a * 40 + b, return_counts=True)[1]
    assert len(pair.weights) == np.count_nonzero(times > 1)
    assert pair.max_absent_weight == 10.0
    assert float(pair.weights.sum()) == 10.0 * times[times > 1].sum()


def test_names_that_a_sample_cannot_tell_are_selected(rng: np.random.Generator) -> None:
    """If hardly a name recurs in the sample, but does so in all rows, nothing speaks against it."""
    a = rng.permutation(ROWS)
    part = sample_of({"a": a}, rng.integers(2, size=ROWS))._replace(scale=100.0)
    texts = pa.array(np.arange(ROWS).astype(str))
    often, once = (Names(("a",), 0, texts, np.full(ROWS, weight)) for weight in (100.0, 1.0))
    assert selected_names(part, ["a"], [often], 2) == [often]
    assert selected_names(part, ["a"], [once], 2) == []


def test_a_part_of_a_sample_stands_for_as_many_rows(rng: np.random.Generator) -> None:
    """Every n-th row is in it, and stands for n times as many."""
    part = sample_of({"a": np.arange(100)}, rng.integers(2, size=100)).every(3)
    assert part.table.column("a").to_pylist() == [str(n) for n in range(0, 100, 3)]
    assert part.scale == 3.0
    assert len(part.labels) == len(part.weight) == len(part.folds) == 34


def test_names_that_do_not_recur_in_time_are_not_selected(rng: np.random.Generator) -> None:
    """An hour decides, but no later row has it: only where folds follow each other it says nothing."""
    hour = np.arange(ROWS) // 10
    labels = rng.integers(2, size=ROWS // 10)[hour]
    sample = sample_of({"hour": hour}, labels)
    assert len(selected_names(sample, ["hour"], candidates(sample, ["hour"]), 2)) == 1
    in_time = sample._replace(folds=np.arange(ROWS) * 4 // ROWS, ordered=True)
    assert selected_names(in_time, ["hour"], candidates(sample, ["hour"]), 2) == []


def test_words_of_texts_that_never_recur_are_tested(rng: np.random.Generator) -> None:
    """Whole texts are too rare to be tested, but their words are not: of random labels none is selected."""
    words = rng.integers(400, size=(3, ROWS))
    table = pa.table({"title": [f"a{i} b{j} c{k}" for i, j, k in words.T]})
    labels = rng.integers(2, size=ROWS)
    sample = Sample(table, labels, np.ones(ROWS), np.arange(ROWS) % 4)
    assert selected_names(sample, ["title"], candidates(sample, ["title"]), 2) == []
