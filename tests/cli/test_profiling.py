"""`epochal inspect DATA`, and what `epochal train` warns of."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from epochal import EpochalClassifier
from epochal.cli import profiling
from epochal.cli.layout import text_lines
from epochal.cli.profiling import cell_report, warning_report
from epochal.errors import DataError
from epochal.io.csv.cleaned_cells import CleanedCells
from epochal.profiling.columns import DataWarning

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


def with_leak(table):
    """Add two columns to a table, one that gives the target away and an id; return nothing."""
    head, *rows = table.read_text().splitlines()
    more = [f"{row},{'x' if row.endswith('high') else 'y'},{k}" for k, row in enumerate(rows)]
    table.write_text("\n".join([head + ",leak,id", *more]) + "\n")


def test_columns_are_shown_before_any_training(run, table):
    """Rows, classes, and a line for every column."""
    ended = run("inspect", table, "--target", "income")

    assert ended.code == 0
    for words in ("160 rows", "high", "age", "number", "category", "date", "boolean", "cook"):
        assert words in ended.out
    assert "income " not in ended.out


def test_inspect_and_train_show_data_warnings(run, table):
    """A giveaway and an id are named, with the option that leaves them out."""
    with_leak(table)
    shown = run("inspect", table, "--target", "income").out
    trained = run("train", table, "--target", "income", *TINY).err

    for output in (shown, trained):
        assert "'leak' alone predicts the class" in output
        assert "'id' has a unique value in nearly every row" in output
        assert "--drop leak" in output


def test_counts_of_cells_are_lines_of_their_columns(monkeypatch):
    """A column without such cells has no line, and of very many columns some are shown."""
    cells = {
        "age": CleanedCells(),
        "job": CleanedCells(1200, Counter({"NA": 3, "?": 1})),
        "city": CleanedCells(0, Counter({"?": 1})),
    }
    assert text_lines(cell_report(cells))[2:] == [
        "  job   outer spaces are trimmed in 1,200, 'NA' is missing in 3, '?' is missing in 1",
        "  city  '?' is missing in 1",
    ]
    monkeypatch.setattr(profiling, "LISTED", 1)
    assert text_lines(cell_report(cells))[3:] == ["  … and 1 more"]


def test_columns_may_be_dropped_from_the_view(run, table):
    """Columns of `--drop` are not profiled."""
    with_leak(table)
    shown = run("inspect", table, "--target", "income", "--drop", "leak,id").out

    assert "Data warnings" not in shown


def test_json_has_the_same_for_machines(run, table):
    """Columns, classes and data warnings under their names."""
    with_leak(table)
    found = json.loads(run("inspect", table, "--target", "income", "--json").out)

    assert found["rows"] == 160
    assert sum(found["classes"].values()) == 160
    assert [one["name"] for one in found["columns"]][:2] == ["age", "job"]
    assert {one["column"] for one in found["warnings"]} >= {"leak", "id"}


def test_rows_that_are_on_both_sides_are_counted(run, table, tmp_path):
    """Duplicates of training rows in the holdout, and in a file of test or validation rows, are counted."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[1:], *lines[1:]]) + "\n")
    valid = tmp_path / "valid.csv"
    valid.write_text("\n".join(lines[:11]) + "\n")
    apart = run("train", table, "--target", "income", *TINY, "--test-fraction", "0.2")
    given = run("train", table, "--target", "income", *TINY, "--valid", valid)

    limited = run("train", table, "--target", "income", *TINY, "--valid", valid, "--memory", "1GB")
    tested = run("train", table, "--target", "income", *TINY, "--test", valid)

    assert "to test on with inputs of training rows" in apart.err
    for ended in (given, limited):
        assert "10 rows to validate on with inputs of training rows" in ended.err
    assert "10 rows to test on with inputs of training rows" in tested.err


def test_errors_in_test_rows_are_found_before_training(run, table, tmp_path):
    """A value that is no number is refused with its row; a row that lacks columns is no duplicate."""
    lines = table.read_text().splitlines()
    test = tmp_path / "test.csv"
    first = lines[0].split(",")
    values = dict(zip(first, lines[1].split(","), strict=True)) | {"age": "old"}
    test.write_text("\n".join([*lines[:9], ",".join(values[name] for name in first)]) + "\n")
    ended = run("train", table, "--target", "income", *TINY, "--test", test)

    assert ended.code == 4
    assert "column 'age' holds 'old' in row 8" in ended.err
    assert "Trained" not in ended.out + ended.err
    assert "best" not in ended.err


def test_a_target_that_is_not_there_is_refused(run, table):
    """As everywhere, with a hint."""
    ended = run("inspect", table, "--target", "incom")

    assert ended.code == 4
    assert "did you mean 'income'" in ended.err


def test_continuing_with_rows_of_one_class_is_no_warning(run, table, tmp_path):
    """New rows may all be of one class: the model knows the others."""
    model = tmp_path / "m.epochal"
    run("train", table, "--target", "income", *TINY, "--out", model)
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *(one for one in lines[1:] if one.endswith("high"))]))
    ended = run("train", table, "--from", model, "--max-iter", "1", "--out", "more.epochal")

    assert ended.code == 0
    assert "high 100.0 %" in ended.err


HEAD = "age,job,income"
PEOPLE = [
    f"{18 + k * 7 % 60},{('clerk', 'cook')[k % 2]},{('high', 'low', 'low')[k % 3]}"
    for k in range(200)
]
OTHERS = [re.sub("low", "high", row) for row in PEOPLE[:40]]
# The files of a folder, each with the lines of it, and a part of what is to be warned of.
POLLUTED = {
    "few rows": ([[HEAD, *PEOPLE[:30]]], "there are 30 rows to learn from"),
    "repeated rows": ([[HEAD, *PEOPLE, *OTHERS]], "of them with another class"),
    "title above": ([["People,,", HEAD, *PEOPLE]], "is it a title?"),
    "joined files": ([[HEAD, *PEOPLE, HEAD, *PEOPLE]], "line 202 repeats the names of the columns"),
    "no header": ([PEOPLE], "type --no-header"),
    "apostrophes": ([[HEAD, *(re.sub("([^,]+)", r"'\1'", row) for row in PEOPLE)]], "apostrophes"),
    "windows": ([[HEAD, *PEOPLE, "40,caf\x92,high"]], "control character U+0092"),
    "lost separator": ([[HEAD, *PEOPLE, '40,co"ok,"high"', '41,a"b,c"']], "is a separator missing"),
    "words": ([[HEAD, *PEOPLE, "old,cook,high"]], "holds numbers, but 'old'"),
    "many columns": (
        [
            [f"{HEAD},id,{','.join(map(str, range(20)))}"]
            + [f"{row},{k}{',7' * 20}" for k, row in enumerate(PEOPLE)]
        ],
        "an id?",
    ),
    "quantity": ([[HEAD, *(f"{k},cook,{k * k}" for k in range(200))]], "200 different numbers"),
    "gaps": (
        [[HEAD + ",none", *(row + "," for row in PEOPLE), "NA,None,,"]],
        "no value in any row",
    ),
    "parts": ([[HEAD, *PEOPLE], [HEAD, *PEOPLE, HEAD]], "line 202 repeats the names"),
    "weights": ([[HEAD + ",households", *(row + ",2" for row in PEOPLE)]], ""),
}


def warned(ended) -> tuple[list[str], list[object]]:
    """Return the warnings among events: those of the reader, and data warnings."""
    events = [json.loads(line) for line in ended.out.splitlines()]
    messages = [event["message"] for event in events if event["event"] == "warning"]
    found = [one for event in events for one in event.get("warnings", [])]
    return sorted(messages), found


@pytest.fixture
def nothing_is_trained(monkeypatch) -> None:
    """End every fit after its data have been profiled."""

    def stop(*_):
        """Raise an error."""
        raise DataError("this is enough")

    monkeypatch.setattr("epochal.preparation.bags_for", stop)


@pytest.mark.usefixtures("nothing_is_trained")
@pytest.mark.parametrize("name", list(POLLUTED))
def test_inspect_and_train_raise_the_same_warnings(run, tmp_path, name):
    """Whole and in pieces, with a holdout; Python's fit has those of reading."""
    folder = tmp_path / "data"
    folder.mkdir()
    files, part = POLLUTED[name]
    for number, lines in enumerate(files):
        (folder / f"{number}.csv").write_text("\n".join(lines) + "\n")
    Path("columns.toml").write_text('weight = "households"\n' if name == "weights" else "")
    target = "low" if name == "no header" else "income"
    words = (folder, "--target", target, "--columns", "columns.toml", "--json")
    inspected = warned(run("inspect", *words))
    classifier = EpochalClassifier()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        with pytest.raises((DataError, KeyError)):
            classifier.fit(str(folder), target)
    in_python = {str(one.message) for one in raised if "left out" not in str(one.message)}

    assert part in json.dumps(inspected)
    for command, *more in (
        ("inspect", "--memory", "1GB"),
        ("train",),
        ("train", "--memory", "1GB"),
        *([] if name == "few rows" else [("train", "--test-fraction", "0.2")]),
    ):
        assert warned(run(command, *words, *more)) == inspected, (command, *more)
    assert in_python == set(inspected[0])


@pytest.mark.usefixtures("nothing_is_trained")
@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
def test_the_same_warnings_are_raised_of_typed_files(run, tmp_path, form):
    """A constant column and repeated rows of Parquet, Arrow and NumPy files."""
    table = pyarrow.csv.read_csv(_written(tmp_path, [f"{row},7" for row in [*PEOPLE, *OTHERS]]))
    match form:
        case "parquet":
            pyarrow.parquet.write_table(table, "data.parquet")
        case "arrow":
            pyarrow.feather.write_feather(table, "data.arrow")
        case "npz":
            x = np.column_stack([np.arange(240) % 60, np.ones(240)])
            np.savez("data.npz", X=x, income=np.arange(240) % 2)
    words = (f"data.{form}", "--target", "income", "--json")
    inspected = warned(run("inspect", *words))

    assert any(one["sentence"].endswith(" in every row") for one in inspected[1])
    assert any("repeat the inputs of another" in one["sentence"] for one in inspected[1])
    assert warned(run("train", *words)) == inspected
    assert warned(run("train", *words, "--memory", "1GB")) == inspected


def _written(folder: Path, rows: list[str]) -> Path:
    """Return the path of a CSV file with a constant column more."""
    path = folder / "people.csv"
    path.write_text("\n".join([HEAD + ",one", *rows]) + "\n")
    return path


@pytest.mark.usefixtures("nothing_is_trained")
def test_a_person_reads_the_same_warnings_of_inspect_and_of_train(run, tmp_path):
    """All of them, in the same lines."""
    columns = [f"c{k}" for k in range(12)]
    lines = [",".join([HEAD, *columns]), *(f"{row}{',7' * 12}" for row in PEOPLE)]
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    runs = [
        run(*words, "people.csv", "--target", "income")
        for words in (("inspect",), ("train",), ("train", "--memory", "1GB"))
    ]
    inspected, *trained = (
        ended.out.partition("Data warnings\n")[2]
        or ended.err.partition("Data warnings\n")[2].partition("\n\n")[0] + "\n"
        for ended in runs
    )

    assert inspected.count("is 7 in every row") == 12
    assert trained == [inspected, inspected]


def test_of_very_many_warnings_some_are_shown(monkeypatch):
    """And how many more there are."""
    data_warnings = [DataWarning(f"c{k}", "is 7 in every row", "") for k in range(5)]
    monkeypatch.setattr(profiling, "LISTED", 2)

    lines = text_lines(warning_report(data_warnings))
    assert lines[-2:] == ["  'c1' is 7 in every row", "  … and 3 more"]


def test_many_rows_are_profiled_by_a_sample(monkeypatch, run, tmp_path):
    """What repeats in all rows is no id, though it hardly does in the sample; rare values may be missed."""
    monkeypatch.setattr(profiling, "SAMPLE_ROWS", 1000)
    head = "group,id,rare,income"
    rows = [
        f"{k // 3},{9999 - k},{int(k == 5)},{('high', 'low')[k * k % 7 % 2]}" for k in range(10_000)
    ]
    (tmp_path / "many.csv").write_text("\n".join([head, *rows]) + "\n")
    found = {
        one["column"]: one["sentence"]
        for one in warned(run("inspect", "many.csv", "--target", "income", "--json"))[1]
    }

    assert found == {
        "id": "has a unique value in nearly every row: an id?",
        "rare": "is 0 in every row of the sample",
    }


def test_columns_that_say_something_about_rows_are_no_inputs(run, table):
    """Weights and groups are not described, as in training; timestamps are inputs."""
    words = ("--weight", "one", "--group", "job", "--time", "since")
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},one", *(f"{row},1" for row in rows)]) + "\n")
    found = json.loads(run("inspect", table, "--target", "income", *words, "--json").out)

    assert [one["name"] for one in found["columns"]] == ["age", "member", "since"]
