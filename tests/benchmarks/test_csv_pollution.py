"""How polluted CSV files are counted: a corpus of a few files, in the form of the public one."""

from __future__ import annotations

import json

import pytest

import csv_pollution

CLEAN = 'age,job\r\n31,"cook"\r\n45,"clerk, old"\r\n28,""\r\n'
FILES = {
    "source.csv": CLEAN,
    "file_preamble.csv": "People,\r\n,\r\n" + CLEAN,
    "row_extra_quote1_col1.csv": CLEAN.replace('"cook"', '""cook"'),
    "row_less_sep_row2_col1.csv": CLEAN.replace('45,"clerk', '45"clerk'),
    "file_no_payload.csv": "",
    "file_changed.csv": CLEAN.replace("cook", "nurse"),
}


@pytest.fixture
def corpus(tmp_path):
    """Return a function that writes a corpus of files and gives its folder."""

    def written(names):
        for dataset in csv_pollution.DATASETS:
            for part in ("csv", "clean", "parameters"):
                (tmp_path / dataset / part).mkdir(parents=True)
            for name in names:
                titles = 2 if name == "file_preamble.csv" else 0
                parameters = {
                    "header_lines": 1,
                    "preamble_lines": titles,
                    "encoding": "ascii",
                    "column_names": ["age", "job"],
                }
                folder = tmp_path / dataset
                (folder / "csv" / name).write_bytes(FILES[name].encode())
                (folder / "clean" / name).write_bytes(CLEAN.encode())
                described = folder / "parameters" / f"{name}_parameters.json"
                described.write_text(json.dumps(parameters))
        weights = {name: 1 + number for number, name in enumerate(names)}
        (tmp_path / "pollock_weights.json").write_text(json.dumps(weights))
        return tmp_path

    return written


def test_each_file_has_one_outcome(corpus):
    """Right, refused with its line or without, told, and wrong with no word, by what is read and said."""
    folder = corpus(FILES) / "polluted_files"
    found = {
        case.path.name: csv_pollution.outcome(case, case.options, case.path).name
        for case in csv_pollution.cases(folder)
    }
    assert found == {
        "source.csv": csv_pollution.RIGHT,
        "file_preamble.csv": csv_pollution.RIGHT,
        "row_extra_quote1_col1.csv": csv_pollution.PLACED,
        "row_less_sep_row2_col1.csv": csv_pollution.NOTED,
        "file_no_payload.csv": csv_pollution.UNPLACED,
        "file_changed.csv": csv_pollution.SILENT,
    }
    titled = next(c for c in csv_pollution.cases(folder) if c.path.name == "file_preamble.csv")
    plain = csv_pollution.outcome(titled, csv_pollution.PLAIN, titled.path)
    assert plain.name == csv_pollution.NOTED
    assert "--skip-lines 2" in plain.messages


def test_measures_are_those_of_multisets(corpus):
    """A file read as its clean version has all ten; a refused one none; a changed cell some less."""
    folder = corpus(["source.csv", "file_changed.csv"]) / "polluted_files"
    right, changed = reversed(list(csv_pollution.cases(folder)))
    table = csv_pollution.read(right.path, csv_pollution.PLAIN)
    assert csv_pollution.measures(table, right) == pytest.approx(10)
    assert csv_pollution.measures(None, right) == 0
    # Two of three rows and seven of eight cells are as they should be.
    other = csv_pollution.read(changed.path, csv_pollution.PLAIN)
    assert csv_pollution.measures(other, changed) == pytest.approx(1 + 3 + 3 * 2 / 3 + 3 * 7 / 8)


def test_tables_and_exit_code(corpus, capsys):
    """The tables have every outcome and the scores; a file that is wrong with no word is a failure."""
    folder = corpus([name for name in FILES if name != "file_changed.csv"])
    assert csv_pollution.main([str(folder), "--list"]) == 0
    shown = capsys.readouterr().out
    assert "| read right | 1 | 2 | 1 | 2 |" in shown
    assert "| **read wrong silently** | 0 | 0 | 0 | 0 |" in shown
    assert "| a quote more in a cell | 0 | 1 | 0 | 0 |" in shown
    assert "| **epochal** |" in shown
    assert "polluted files, as they come: file_no_payload.csv: refused without a place" in shown


def test_a_wrong_file_fails(corpus, capsys):
    """One file that is read wrong silently is enough for an exit code of 1."""
    assert csv_pollution.main([str(corpus(["source.csv", "file_changed.csv"]))]) == 1
    assert "| **read wrong silently** | 1 | 1 | 1 | 1 |" in capsys.readouterr().out


def test_the_page_has_the_markers(monkeypatch, tmp_path, corpus, capsys):
    """The tables are put between the markers of the page."""
    page = tmp_path / "RELIABILITY.md"
    page.write_text(csv_pollution.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(csv_pollution, "PAGE", page)
    assert csv_pollution.main([str(corpus(["source.csv"])), "--write"]) == 0
    assert "| read right | 1 | 1 | 1 | 1 |" in page.read_text(encoding="utf-8")
