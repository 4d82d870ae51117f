"""`epochal inspect DATA`, and what `epochal train` warns of."""

from __future__ import annotations

import json
from collections import Counter

from epochal.cli import surveying
from epochal.cli.surveying import cell_lines
from epochal.data.sources.text_counts import CellCounts

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")


def with_leak(table):
    """Add a column that gives the target away, an id, and a copy of every row but for nothing."""
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


def test_doubts_are_told_by_inspect_and_by_train(run, table):
    """A giveaway and an id are named, with the option that leaves them out."""
    with_leak(table)
    shown = run("inspect", table, "--target", "income").out
    trained = run("train", table, "--target", "income", *TINY).err

    for told in (shown, trained):
        assert "'leak' alone tells the class" in told
        assert "'id' is different in nearly every row" in told
        assert "--drop leak" in told


def test_counts_of_cells_are_lines_of_their_columns(monkeypatch):
    """A column without such cells has no line, and of very many columns some are shown."""
    cells = {
        "age": CellCounts(),
        "job": CellCounts(1200, Counter({"NA": 3, "?": 1})),
        "city": CellCounts(0, Counter({"?": 1})),
    }
    assert cell_lines(cells) == [
        f"  {'job':<30}outer spaces are cut in 1,200, 'NA' is missing in 3, '?' is missing in 1",
        f"  {'city':<30}'?' is missing in 1",
    ]
    monkeypatch.setattr(surveying, "COLUMNS_SHOWN", 1)
    assert cell_lines(cells)[1:] == ["  … and 1 more"]


def test_columns_may_be_dropped_from_the_view(run, table):
    """What `--drop` names is not looked at."""
    with_leak(table)
    shown = run("inspect", table, "--target", "income", "--drop", "leak,id").out

    assert "To look at" not in shown


def test_json_has_the_same_for_machines(run, table):
    """Columns, classes and doubts under their names."""
    with_leak(table)
    found = json.loads(run("inspect", table, "--target", "income", "--json").out)

    assert found["rows"] == 160
    assert sum(found["classes"].values()) == 160
    assert [one["name"] for one in found["columns"]][:2] == ["age", "job"]
    assert {one["column"] for one in found["warnings"]} >= {"leak", "id"}


def test_rows_that_are_on_both_sides_are_counted(run, table, tmp_path):
    """Copies among the rows kept apart are told, and those of a file of their own."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[1:], *lines[1:]]) + "\n")
    valid = tmp_path / "valid.csv"
    valid.write_text("\n".join(lines[:11]) + "\n")
    apart = run("train", table, "--target", "income", *TINY, "--test-fraction", "0.2")
    given = run("train", table, "--target", "income", *TINY, "--valid", valid)

    limited = run("train", table, "--target", "income", *TINY, "--valid", valid, "--memory", "1GB")
    tested = run("train", table, "--target", "income", *TINY, "--test", valid)

    assert "to test on are copies" in apart.err
    for ended in (given, limited):
        assert "10 rows to validate on are copies" in ended.err
    assert "10 rows to test on are copies" in tested.err


def test_what_a_file_to_test_on_lacks_is_told_before_training(run, table, tmp_path):
    """A value that is no number is refused with its row; a row that lacks columns is no copy."""
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


def test_going_on_with_rows_of_one_class_is_no_doubt(run, table, tmp_path):
    """New rows may all be of one class: the model knows the others."""
    model = tmp_path / "m.epochal"
    run("train", table, "--target", "income", *TINY, "--out", model)
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *(one for one in lines[1:] if one.endswith("high"))]))
    ended = run("train", table, "--from", model, "--max-iter", "1", "--out", "more.epochal")

    assert ended.code == 0
    assert "high 100.0 %" in ended.err
