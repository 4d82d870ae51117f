"""Memory and speed on a large table: what a run writes, keeps and shows. Commands are stood in for."""

from __future__ import annotations

import json
import sys

import pytest

import larger_than_memory as larger
from memory_watch import Watched

EPOCHS = [
    {"event": "epoch", "epoch": n, "seconds": 5.0 + 2 * n, "training_loss": [1.0 / n]}
    for n in (1, 2, 3)
]
FIGURES = {"accuracy": 0.75, "log_loss": 0.5}


@pytest.fixture(autouse=True)
def commands(monkeypatch):
    """Return the list of commands asked for, each of which only prints what its phase would."""
    from_preset = []

    def stand_in(method, phase, task):
        from_preset.append((method, phase, task))
        lines = EPOCHS if phase in ("train", "validate") else [FIGURES] * (phase == "evaluate")
        return ["echo", "\n".join(map(json.dumps, lines))]

    monkeypatch.setattr(larger, "command", stand_in)
    monkeypatch.setattr(larger, "start_up", lambda *_: 0.5)
    monkeypatch.setattr(larger, "available", lambda *_: True)
    return from_preset


@pytest.fixture
def run(tmp_path, capsys):
    """Return a function that measures with some options, and returns its results and its page."""

    def run(*words):
        out = tmp_path / "new" / "results.jsonl"
        always = ["--rows", "100", "--columns", "10", "--out", str(out)]
        assert larger.main([str(tmp_path), *always, *words]) == 0
        lines = out.read_text().splitlines()
        return [json.loads(line) for line in lines], capsys.readouterr().out

    return run


def test_every_phase_of_every_method_is_a_line(run, commands):
    """Each says what was measured, on which table and machine, under which limit."""
    rows, page = run("--methods", "epochal,sklearn", "--memory", "2GB")
    phases = [(row["method"], row["phase"]) for row in rows]
    first = rows[0]

    assert phases == [(m, p) for m in ("epochal", "sklearn") for p in larger.PHASES]
    assert phases == [(method, phase) for method, phase, _ in commands]
    assert {"processor", "date", "bytes", "seconds", "peak_mb", "own_mb", "files_mb"} <= set(first)
    assert (first["mode"], first["rows"], first["format"]) == ("methods", 100, "parquet")
    assert (first["limit"], "limit" in rows[4]) == ("2GB", False)
    assert first["above_start_mb"] == pytest.approx(first["peak_mb"] - first["start_mb"])
    assert rows[3]["accuracy"] == 0.75
    assert "| `sklearn` | evaluate | – |" in page


def test_rows_per_second_count_epochs_and_rows_to_validate_on(run):
    """Three epochs of 100 rows in 15 s; within the epochs two of them, or of 110, take 4 s."""
    train, validate, predict, _ = run("--methods", "epochal")[0]
    printed = "\n".join(map(json.dumps, EPOCHS))
    watched = Watched(0, 15.0, 1.0, 1.0, 1.0, printed, "")

    assert larger._outcome(watched, rows=100)["rows_per_s"] == 20
    assert larger._outcome(watched._replace(printed=""), rows=100) == {"rows_per_s": 7}
    assert (train["rows_per_s_within"], validate["rows_per_s_within"]) == (50, 55)
    assert "rows_per_s_within" not in predict


def test_tables_are_written_once(run, tmp_path):
    """A second run finds what the first has written, and adds its lines."""
    run("--phases", "predict", "--methods", "epochal")
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    rows, page = run("--phases", "predict", "--methods", "epochal")

    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")} == written
    assert len(written) == len(rows) == 2
    assert page.count("| `epochal` | predict |") == 2  # in the tables of memory and of time


def test_throughput_takes_the_two_limits_in_turn(run, commands):
    """Neither side is always first; ours alone is compared."""
    words = ("--throughput", "--rounds", "2", "--memory", "1MB", "--large", "9GB")
    (row,), page = run("--methods", "epochal,sklearn", *words)

    assert [task.limit for _, _, task in commands] == ["1MB", "9GB", "9GB", "1MB"]
    assert [one["disk"]["epoch_s"] for one in row["rounds"]] == [2.0, 2.0]
    assert row["rounds"][0]["memory"]["training_loss"] == pytest.approx(1 / 3)
    assert "**100%** (100 – 100)" in page


def test_sorted_rows_are_learnt_with_the_small_limit_and_measured_on_others(run, commands):
    """The same rows as drawn are learnt with the large limit; both are tested on rows of another seed."""
    rows, page = run("--sorted", "--methods", "epochal", "--memory", "1MB", "--large", "9GB")
    from_preset = [(task.limit, "sorted" in task.table.name, phase) for _, phase, task in commands]

    assert from_preset[::2] == [("9GB", False, "train"), ("1MB", True, "train")]
    assert len({task.new for _, _, task in commands}) == 1
    assert f"seed-{larger.TEST_SEED}" in commands[0][2].new.name
    assert [(row["order"], row["accuracy"]) for row in rows] == [
        ("as drawn", 0.75),
        ("by class", 0.75),
    ]
    assert rows[0]["best_accuracy"] == rows[1]["best_accuracy"] > 1 / 3
    assert "| by class | 1MB | 75.00% | 0.5000 |" in page


def test_a_command_that_fails_is_kept_with_its_words(run, monkeypatch):
    """The exit code and the last line of its complaint stand in the results and the table."""
    code = "import sys; sys.exit('first\\nout of memory')"
    monkeypatch.setattr(larger, "command", lambda *_: [sys.executable, "-c", code])
    (row,), page = run("--phases", "train", "--methods", "epochal")

    assert row["failed"] == "exit code 1: out of memory"
    assert "| exit code 1: out of memory |" in page


def test_a_training_that_fails_leaves_no_model_of_an_earlier_one(run, monkeypatch, tmp_path):
    """What follows shall not be measured with what another run has left."""
    model = tmp_path / "models" / "rows-100-columns-10-seed-0.parquet-epochal.epochal"
    model.parent.mkdir()
    model.write_text("old")
    monkeypatch.setattr(larger, "command", lambda *_: ["false"])
    run("--phases", "train", "--methods", "epochal")

    assert not model.exists()


def test_a_method_that_is_not_there_is_left_out(run, monkeypatch, commands):
    """Without its packages nothing of it is run; the others are."""
    monkeypatch.setattr(larger, "available", lambda method, _: method != "torch")
    run("--methods", "torch,epochal", "--phases", "train")

    assert [method for method, _, _ in commands] == ["epochal"]


@pytest.mark.parametrize(
    "words", [["--methods", "magic"], ["--phases", "sleep"], ["--throughput", "--epochs", "1"]]
)
def test_what_cannot_be_measured_is_refused(words, tmp_path):
    """An unknown method or phase, and a throughput of one epoch, are refused before any work."""
    with pytest.raises(SystemExit):
        larger.main([str(tmp_path / "new"), *words])
    assert not (tmp_path / "new").exists()


def test_results_are_written_into_the_page(run, monkeypatch, tmp_path):
    """Without measuring anything, what is there is put between the markers."""
    page = tmp_path / "page.md"
    page.write_text("\n".join(larger.pages.markers("larger-than-memory", "larger_than_memory.py")))
    monkeypatch.setattr(larger, "PAGE", page)
    run("--methods", "epochal", "--phases", "evaluate")
    rows, _ = run("--read", "--write")

    assert len(rows) == 1
    assert "| `epochal` | evaluate |" in page.read_text()
