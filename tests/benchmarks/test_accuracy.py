"""The accuracy benchmark as it is called."""

from __future__ import annotations

import json

import pytest

import accuracy


def test_missing_results_are_added_and_compared(suite, tmp_path, capsys):
    """Each table and method adds a line; a second call adds none and prints the same."""
    out = tmp_path / "new" / "results.jsonl"
    call = [str(suite), "--methods", "logreg,epochal:fast:max_iter=2", "--out", str(out)]

    assert accuracy.main(call) == 0
    first, lines = capsys.readouterr().out, out.read_text().splitlines()
    assert accuracy.main(call) == 0
    second = capsys.readouterr()

    keys = [(row["dataset"], row["method"]) for row in map(json.loads, lines)]
    names = ("logreg", "epochal:fast:max_iter=2")
    assert keys == [(name, method) for method in names for name in ("first", "second")]
    assert out.read_text().splitlines() == lines
    assert second.out == first
    assert second.err == ""
    assert "log_loss on 2 tables" in first
    assert "epochal:fast:max_iter=2 beats logreg's log_loss on" in first
    assert first.endswith("no failure and no warning\n")


def test_others_results_take_part(suite, tmp_path, capsys):
    """A file of a peer's results is compared on the tables of the suite alone."""
    peer = tmp_path / "peer.jsonl"
    rows = [
        {"dataset": name, "method": "forest", "seed": 0, "log_loss": 0.01, "fit_s": 1.0}
        for name in ("first", "elsewhere")
    ]
    peer.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "results.jsonl"
    options = ["--methods", "logreg", "--tables", "first", "--against", str(peer)]

    assert accuracy.main([str(suite), *options, "--out", str(out)]) == 0

    text = capsys.readouterr().out
    assert "log_loss on 1 tables" in text
    assert "forest" in text
    assert "elsewhere" not in text


@pytest.mark.parametrize("busy", [True, False])
def test_a_result_says_that_other_work_ran_beside(suite, tmp_path, busy):
    """So that nobody reads its seconds as those of the method."""
    out = tmp_path / "results.jsonl"
    words = ["--methods", "logreg", "--tables", "first", "--out", str(out)]

    assert accuracy.main([str(suite), *words, *(["--busy"] if busy else [])]) == 0

    assert json.loads(out.read_text()).get("busy", False) is busy


def test_a_wrong_method_is_refused_before_anything_runs(suite, tmp_path):
    """No result is written if one of the names is wrong."""
    out = tmp_path / "results.jsonl"

    with pytest.raises(ValueError, match="no method is called 'forest'"):
        accuracy.main([str(suite), "--methods", "logreg,forest", "--out", str(out)])

    assert not out.exists()


def test_a_split_by_group_is_a_result_of_its_own(suite, tmp_path, capsys):
    """A table with the column is split by it, the other at random; both splits are kept apart."""
    path = suite / "manifest.json"
    entries = json.loads(path.read_text())
    entries[0]["group_column"] = "count"
    path.write_text(json.dumps(entries))
    out = tmp_path / "results.jsonl"
    call = [str(suite), "--methods", "logreg", "--out", str(out)]

    assert accuracy.main(call) == 0
    shown = capsys.readouterr().out
    assert accuracy.main([*call, "--split", "group"]) == 0
    by_group = capsys.readouterr().out
    assert accuracy.main(call) == 0

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["dataset"], row.get("split")) for row in rows] == [
        ("first", None),
        ("second", None),
        ("first", "group"),
    ]
    assert rows[2]["log_loss"] != rows[0]["log_loss"]
    assert by_group != shown
    assert capsys.readouterr().out == shown


def test_probabilities_lie_in_the_folder_that_is_given(suite, tmp_path):
    """Each result has a file of its own, named after what it is of."""
    folder = tmp_path / "kept"
    words = ["--methods", "logreg", "--tables", "first", "--probabilities", str(folder)]

    assert accuracy.main([str(suite), *words, "--out", str(tmp_path / "r.jsonl")]) == 0

    names = {file.name for file in folder.iterdir()}
    assert names == {"first-random-0-logreg.npy", "first-random-0-logreg.labels.npy"}
