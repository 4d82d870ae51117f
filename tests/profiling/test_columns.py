"""What a table holds, and what in it looks wrong."""

from __future__ import annotations

import datetime
import re
import shlex

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.cli.argument_types import names
from epochal.profiling.columns import duplicate_warnings, is_leak, profile, typed
from epochal.profiling.duplicates import RowHashes, row_hashes
from epochal.profiling.names import Reading
from epochal.tables.read_as import BY_VALUES, ReadAs

ROWS = 400
LABELS = np.random.default_rng(0).integers(2, size=ROWS)


def data_warnings(**columns):
    """Return the doubts about some columns beside a harmless one, by column."""
    table = pa.table({"age": np.random.default_rng(1).integers(18, 90, size=ROWS), **columns})
    return {
        data_warning.column: data_warning.sentence
        for data_warning in profile(table, LABELS).data_warnings
    }


def test_every_column_is_shown_with_what_it_holds():
    """Kind, missing share, number of values, and range or most frequent values."""
    days = [datetime.date(2024, 1, 1 + k % 3) for k in range(4)]
    table = pa.table(
        {
            "height": [1.5, None, 1.25, 2.0],
            "job": ["cook", "cook", None, "smith"],
            "when": days,
            "member": [True, False, True, True],
        }
    )
    found = profile(table, np.array([0, 1, 0, 1])).columns

    assert [one.kind for one in found] == ["number", "category", "date", "boolean"]
    assert [one.missing for one in found] == [0.25, 0.25, 0.0, 0.0]
    assert [one.distinct for one in found] == [3, 2, 3, 2]
    assert [one.values for one in found] == [
        "1.25 to 2",
        "cook 50%, smith 25%",
        "2024-01-01 to 2024-01-03",
        "True 75%, False 25%",
    ]


FAR = 2**41  # seconds: some 70,000 years


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (pa.array([FAR, 0], pa.timestamp("s")), "1970-01-01 to 71654-04-10 01:12:32"),
        (pa.array([-FAR, 0], pa.timestamp("s", "UTC")), "-67715-09-22 22:47:28 to 1970-01-01"),
        # The last second that Python knows, of a zone in which it is a day later.
        (pa.array([253402300799, None], pa.timestamp("s", "Asia/Tokyo")), "9999-12-31 23:59:59"),
        (pa.array([-62135596801, None], pa.timestamp("s")), "0000-12-31 23:59:59"),
        (
            pa.array([0, 1500], pa.timestamp("ms", "Mars/Phobos")),
            "1970-01-01 to 1970-01-01 00:00:01.5",
        ),
        (pa.array([2**31 - 1, 0], pa.date32()), "1970-01-01 to 5881580-07-11"),
        (pa.array([2**62, 1], pa.duration("s")), f"1 s to {2**62} s"),
        (pa.array([1, None], pa.duration("ns")), "0.000000001 s"),
        (pa.array([52938200013189, 0], pa.time64("ns")), "00:00:00 to 14:42:18.200013189"),
    ],
)
def test_times_that_python_cannot_hold_are_shown(column, shown):
    """Far dates, unknown zones, long durations and nanoseconds are ends like others."""
    (found,) = profile(pa.table({"when": column}), np.array([0, 1])).columns

    assert found.values == shown


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([7] * ROWS, "is 7 in every row"),
        ([0.3, 0.1 + 0.2] * (ROWS // 2), "is 0.3 in every row, up to rounding"),
        ([None] * ROWS, "has no value in any row"),
        ([0.0] * (ROWS - 1) + [1.0], "is 0 in 99.8% of the rows"),
        ([f"p{k}" for k in range(ROWS)], "an id?"),
        (list(range(1000, 1000 + ROWS)), "an id?"),
        ([f"red {k} shoe" for k in range(ROWS)], "free text?"),
        ([f"{k} " + "word " * 20 for k in range(ROWS)], "free text?"),
        (
            np.where(LABELS, 5.0, -5.0) + np.random.default_rng(2).normal(size=ROWS),
            "predicts the class",
        ),
        (np.where(LABELS, "sold", "kept"), "predicts the class"),
        (
            [f"{k % 90}" if k % 10 else "unknown" for k in range(ROWS)],
            "'unknown' or other texts in 10.0%",
        ),
    ],
    ids=[
        "constant",
        "constant up to rounding",
        "empty",
        "nearly",
        "text id",
        "number id",
        "texts of few words",
        "free text",
        "number",
        "category",
        "mixed",
    ],
)
def test_what_looks_wrong_is_told(column, words):
    """There is one warning for each column that is uninformative or gives the target away."""
    assert words in data_warnings(odd=column)["odd"]


@pytest.mark.parametrize(
    "column",
    [
        np.random.default_rng(2).normal(size=ROWS),
        np.random.default_rng(2).integers(10**6, size=ROWS),
        [None, *np.random.default_rng(2).normal(size=ROWS - 1)],
        np.random.default_rng(2).choice(["a", "b", "c"], size=ROWS),
        LABELS + np.random.default_rng(2).normal(size=ROWS),
    ],
    ids=["floats", "sparse integers", "gaps", "categories", "a good feature"],
)
def test_what_is_usual_raises_no_doubt(column):
    """Plain columns, useful ones among them, are passed over."""
    assert data_warnings(odd=column) == {}


def test_a_column_that_says_the_same_by_other_names_is_told(rng):
    """Two codings of one column are one."""
    jobs = rng.integers(3, size=ROWS)
    told = data_warnings(code=jobs, job=np.array(["cook", "smith", "clerk"])[jobs])

    assert told == {"job": "holds the same information as 'code'"}


def test_columns_without_repeats_are_the_same_only_if_their_values_are(rng):
    """Two columns of measurements are not one, though either tells rows apart."""
    one = rng.normal(size=ROWS)

    assert data_warnings(one=one, other=rng.normal(size=ROWS)) == {}
    assert data_warnings(one=one, other=one) == {"other": "holds the same information as 'one'"}


def test_repeated_rows_are_counted_and_contradictions_among_them():
    """Rows beyond the first of their kind, and those with several classes."""
    table = pa.table({"x": [1.0, 1.0, 1.0, 2.0, None, None], "job": ["a", "a", "a", "a", "b", "b"]})
    many, few = RowHashes(), RowHashes()
    many.add(row_hashes(table), np.array([0, 0, 1, 0, 1, 1]))
    few.add(row_hashes(table.slice(2, 3)), np.array([1, 0, 1]))
    (found,) = duplicate_warnings(many)

    assert found.sentence == "3 rows repeat the inputs of another, 1 of them with another class"
    assert duplicate_warnings(few) == []


def test_repeats_among_very_many_rows_are_estimates():
    """The sentence says so."""
    sample = RowHashes(capacity=100)
    sample.add(row_hashes(np.arange(1000) // 2))
    (found,) = duplicate_warnings(sample)

    assert found.sentence.startswith("about ")
    assert found.sentence.endswith(" rows repeat the inputs of another")


def test_arrays_are_looked_at_by_column_and_images_are_not(rng):
    """Columns of arrays are numbered; what has other dimensions has no columns."""
    array = np.column_stack([np.ones(ROWS), rng.normal(size=ROWS)])

    assert [data_warning.column for data_warning in profile(array, LABELS).data_warnings] == ["x0"]
    assert profile(np.zeros((ROWS, 4, 4)), LABELS).columns == ()
    assert profile(sparse.csr_matrix(array), LABELS).columns == ()


def test_a_giveaway_must_hold_on_rows_that_were_not_counted(rng):
    """An id does not give the target away; a copy of the target does, and a tenth of noise prevents it."""
    assert not is_leak(np.arange(ROWS), LABELS)
    assert is_leak(LABELS, LABELS)
    assert not is_leak(np.where(rng.random(ROWS) < 0.1, 1 - LABELS, LABELS), LABELS)


def test_nothing_is_said_of_a_few_rows():
    """Of ten rows chance could be the cause."""
    table = pa.table({"x": np.arange(10), "y": np.arange(10) % 2})

    assert profile(table, np.arange(10) % 2).data_warnings == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("age", "--drop age"),
        ("my column", "--drop 'my column'"),
        ("it's", "--drop 'it'\"'\"'s'"),
        ("a;b", "--drop 'a;b'"),
        ("-x", "--drop=-x"),
        ("$HOME", "--drop '$HOME'"),
    ],
)
def test_hints_can_be_typed_as_they_stand(name, words):
    """A shell takes the name of the column as it is."""
    (data_warning,) = profile(pa.table({name: [7] * ROWS}), LABELS).data_warnings

    assert data_warning.hint == f"leave it out with {words}"
    assert shlex.split(words.replace("=", " "))[1] == name


@pytest.mark.parametrize(
    "name", ["plain", "two words", "a,b", 'say "x"', '"x"', " outer ", "-x", "it's", ""]
)
def test_a_hint_can_be_typed_as_it_stands(name):
    """A shell and the command line give back the name that the hint is about."""
    option, value = re.fullmatch(r"(--drop)[= ](.*)", typed("--drop", name)).groups()

    assert option == "--drop"
    assert names(*shlex.split(value)) == [name]


def test_infinity_is_told_before_training_refuses_it():
    """With the number of rows, and instead of anything else."""
    values = [1.0, 2.0, np.inf, -np.inf, None] * 12
    (data_warning,) = profile(pa.table({"a": values}), np.arange(60) % 2).data_warnings

    assert (data_warning.column, data_warning.sentence) == ("a", "is infinite in 24 rows")
    assert "leave such cells empty" in data_warning.hint


def test_columns_of_categories_have_a_reading():
    """Others have none, nor has a column without values; missing values have no words."""
    table = pa.table({"job": ["bank clerk", None] * 40, "empty": pa.nulls(80), "age": range(80)})
    profiles = {one.name: one for one in profile(table, np.arange(80) % 2).columns}

    assert profiles["job"].reading == Reading("names", 2.0, by_option=False)
    assert profiles["empty"].reading is None
    assert profiles["age"].reading is None
    told = profile(table, np.arange(80) % 2, read_as=ReadAs(texts=("job",))).columns[0]
    assert told.reading == Reading("text", 2.0, by_option=True)


def test_warnings_of_unique_texts_follow_the_reading():
    """Texts are no ids if the user says so, and have no words that are used if they are names."""
    ids = [f"a{k}" for k in range(200)]
    titles = [f"the long title of book {k}" for k in range(200)]
    table, labels = pa.table({"id": ids, "title": titles}), np.arange(200) // 3 % 2
    sentences = {}
    for read_as in (BY_VALUES, ReadAs(texts=("id",), names=("title",))):
        found = profile(table, labels, read_as=read_as).data_warnings
        sentences[read_as] = [(one.column, one.sentence[-10:], one.hint[:17]) for one in found]

    by_values, told = sentences.values()
    assert by_values[0][:2] == ("id", "ow: an id?")
    assert by_values[1] == ("title", "free text?", "its words are use")
    assert told[0] == ("id", "free text?", "its words are use")
    assert told[1] == ("title", "free text?", "its words are not")
