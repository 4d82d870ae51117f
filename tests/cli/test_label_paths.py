"""A class is what stands in the file, through every command and the model file."""

from __future__ import annotations

import csv
import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from epochal import EpochalClassifier
from epochal.cli.printing import shortened
from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "2")
QUIET = (*TINY, "--quiet")
ROWS = 60

# The classes of a file, as they are spelled there.
SPELLED = {
    "leading zeros": ("007", "7", "042"),
    "padded numbers": ("00", "01"),
    "twenty digits": ("12345678901234567890", "12345678901234567891"),
    "hexadecimal": ("0x1F", "0x1E"),
    "thousands": ("1,000", "2,000"),
    "booleans": ("TRUE", "FALSE"),
    "trailing zeros": ("1.50", "1.5"),
    "dates": ("2024-05-01", "2024-05-02"),
    "versions": ("2", "2.1", "2.10"),
    "integers": ("0", "1"),
}


def write(path, labels, first=0):
    """Write a table of numbers and labels, with the classes in rotation; return its path."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "y"])
        for row in range(first, first + ROWS):
            which = row % len(labels)
            writer.writerow([which * 3 + row % 7 / 10, row % 5, labels[which]])
    return path


def predicted(path):
    """Return the header and the labels of a file of predictions."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, {row[0] for row in rows}


@pytest.mark.parametrize("memory", [(), ("--memory", "2GB")], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", SPELLED)
def test_labels_come_back_letter_for_letter(run, tmp_path, name, memory):
    """Trained, validated, tested, predicted and evaluated: the classes are those of the file."""
    classes = SPELLED[name]
    table = write(tmp_path / "t.csv", classes)
    other = write(tmp_path / "other.csv", classes, 1000)
    beside = ("--valid", other, "--test", other)

    trained = run("train", table, "--target", "y", "--out", "m.epochal", *beside, *memory, *QUIET)
    assert trained.code == 0, trained.err
    assert load(tmp_path / "m.epochal").classes.tolist() == sorted(classes)
    assert run("predict", "m.epochal", other, "--out", "p.csv", *memory).code == 0
    header, labels = predicted(tmp_path / "p.csv")

    assert header == ["prediction", *(f"probability_{label}" for label in sorted(classes))]
    assert labels <= set(classes)
    evaluated = run("evaluate", "m.epochal", other, *memory)
    assert evaluated.code == 0, evaluated.err
    assert all(shortened(label) in evaluated.out for label in classes)


# Labels of a typed file; the classes that they are; and how a CSV file may spell them.
TYPED = {
    "integers": (pa.array([0, 1]), [0, 1], ("0", "1.0")),
    "floats": (pa.array([0.0, 1.0]), [0.0, 1.0], ("0", "1.0")),
    "booleans": (pa.array([False, True]), [False, True], ("FALSE", "true")),
    "decimals of twenty digits": (
        pa.array([decimal.Decimal(10**19), decimal.Decimal(10**19 + 1)], pa.decimal128(20, 0)),
        [10**19, 10**19 + 1],
        (str(10**19), str(10**19 + 1)),
    ),
    "decimals": (
        pa.array([decimal.Decimal("1.50"), decimal.Decimal("2.25")]),
        ["1.50", "2.25"],
        ("1.5", "2.250"),
    ),
    "dates": (
        pa.array([datetime.date(2024, 5, 1), datetime.date(2024, 5, 2)]),
        ["2024-05-01", "2024-05-02"],
        ("2024-05-01", "2024-05-02T00:00:00"),
    ),
    "categories": (pa.array([7, 42]).dictionary_encode(), [7, 42], ("7", "42")),
    "long unsigned": (pa.array([2**63, 2**64 - 1], pa.uint64()), [2**63, 2**64 - 1], None),
}


@pytest.mark.parametrize("memory", [(), ("--memory", "2GB")], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", TYPED)
def test_typed_labels_are_found_however_a_file_spells_them(run, tmp_path, name, memory):
    """A model of a typed file evaluates a text file, and a model of that the typed file."""
    values, classes, spelled = TYPED[name]
    spelled = spelled or tuple(map(str, classes))
    columns = {
        "a": [row % 2 * 3 + row % 7 / 10 for row in range(ROWS)],
        "b": [row % 5 for row in range(ROWS)],
        "y": values.take(pa.array([row % 2 for row in range(ROWS)])),
    }
    typed, text = tmp_path / "t.parquet", write(tmp_path / "t.csv", spelled)
    pyarrow.parquet.write_table(pa.table(columns), typed)

    for table, other, model in ((typed, text, "typed"), (text, typed, "text")):
        words = ("train", table, "--target", "y", "--out", f"{model}.epochal", *memory, *QUIET)
        trained = run(*words, "--valid", other, "--test", other)
        assert trained.code == 0, trained.err
        evaluated = [run("evaluate", f"{model}.epochal", data, "--json") for data in (table, other)]
        assert {one.code for one in evaluated} == {0}, evaluated[1].err
        # The same rows, the same figures, whoever spells them.
        same = evaluated[0].out.replace(str(table), "") == evaluated[1].out.replace(str(other), "")
        assert same

    assert load(tmp_path / "typed.epochal").classes.tolist() == classes
    assert load(tmp_path / "text.epochal").classes.tolist() == sorted(spelled)
    for out in ("p.csv", "p.parquet"):
        assert run("predict", "typed.epochal", text, "--out", out).code == 0


def test_a_row_more_changes_no_other_class(run, tmp_path):
    """A label that is a word does not turn numeric labels into texts."""
    table = write(tmp_path / "t.csv", ("1", "02"))
    run("train", table, "--target", "y", "--out", "before.epochal", *QUIET)
    table.write_text(table.read_text() + "1,1,unknown\n" * 9)
    run("train", table, "--target", "y", "--out", "after.epochal", *QUIET)

    before, after = (
        load(tmp_path / f"{name}.epochal").classes.tolist() for name in ("before", "after")
    )

    assert before == ["02", "1"]
    assert after == [*before, "unknown"]


def test_a_continuous_target_is_refused_before_training(run, tmp_path):
    """Many different numbers are trained on, after a warning, by train and inspect alike."""
    table = tmp_path / "t.csv"
    table.write_text("a,y\n" + "".join(f"{k % 7},{k % 40}\n" for k in range(400)))

    for words in (("train", table, *TINY, "--out", "m.epochal"), ("inspect", table)):
        printed = run(*words, "--target", "y")
        assert printed.code == 0
        assert "column 'y'" in printed.err
        assert "40 different numbers in 400 rows" in printed.err


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npy"])
@pytest.mark.parametrize("memory", [(), ("--memory", "2GB")], ids=["whole", "streamed"])
def test_continuous_targets_are_refused_unless_declared_to_be_names(run, tmp_path, suffix, memory):
    """The way out is an option, which makes them texts; there and back."""
    values = np.round(np.random.default_rng(0).normal(size=120), 1)
    table, target = tmp_path / f"t.{suffix}", "y"
    columns = pa.table({"a": np.arange(120.0), "y": values})
    if suffix == "npy":
        np.save(table, np.column_stack([np.arange(120.0), values]))
        target = "1"
    elif suffix == "csv":
        pyarrow.csv.write_csv(columns, table)
    else:
        pyarrow.parquet.write_table(columns, table)
    words = ("train", table, "--target", target, "--out", "m.epochal", *memory, *QUIET)

    refused = run(*words)
    assert refused.code == 4
    assert "continuous" in refused.err
    assert "--target-as-text" in refused.err
    assert run(*words, "--target-as-text").code == 0
    assert "-0.1" in load(tmp_path / "m.epochal").classes.tolist()
    assert run("evaluate", "m.epochal", table).code == 0


def test_python_knows_the_same_classes(tmp_path):
    """A path, an array and a list of long integers: classes as they stand, also when saved."""
    table = write(tmp_path / "t.csv", ("007", "7"))
    settings = {"max_iter": 2, "n_estimators": 2, "n_folds": 2, "hidden_layer_sizes": (8,)}
    clf = EpochalClassifier(**settings, class_weight={"007": 2, 7: 1}, random_state=0)
    assert clf.fit(str(table), "y").classes_.tolist() == ["007", "7"]

    X = [[row % 2, row % 7] for row in range(ROWS)]
    long = [2**70 + row % 2 for row in range(ROWS)]
    clf = EpochalClassifier(**settings, random_state=0).fit(X, long)
    assert clf.classes_.tolist() == [2**70, 2**70 + 1]
    clf.save(tmp_path / "m.epochal")
    assert load(tmp_path / "m.epochal").classes.tolist() == [2**70, 2**70 + 1]
    assert clf.score(X, long) == clf.score(X, list(map(str, long)))
    assert 0 <= clf.score(X, long) <= 1


def test_groups_are_names_too(run, tmp_path):
    """Groups 007 and 7 are two, in memory and streamed."""
    table = tmp_path / "t.csv"
    rows = [f"{k % 7},{('7', '007', '3', '03')[k % 4]},{'xy'[k % 2]}" for k in range(80)]
    table.write_text("a,g,y\n" + "\n".join(rows) + "\n")

    for memory in ((), ("--memory", "2GB")):
        printed = run("train", table, "--target", "y", "--group", "g", *memory, *TINY)
        assert printed.code == 0, printed.err
        assert "4 groups" in printed.err
