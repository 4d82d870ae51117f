"""Counts of cells that are not read as they stand."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.io.csv import blocks
from epochal.io.csv.cleaned_cells import cleaned_cells

CONTENT = 'n,s\n 1,a \n"NA","NA"\nNA, NA\n" 2"," a"\n,""\n?,None\n'


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a line or a few."""
    monkeypatch.setattr(blocks, "BLOCK", 16)


def counts(path, texts=("s",), options=PLAIN):
    """Return trimmed cells and missing words, by column."""
    found = cleaned_cells(str(path), ["n", "s"], texts, options)
    return {name: (of.trimmed, dict(of.missing)) for name, of in found.items()}


def test_cells_are_counted_by_column(tmp_path):
    """Quoted cells count in columns of values, and not in those of text; empty ones never do."""
    path = tmp_path / "a.csv"
    path.write_text(CONTENT)
    assert counts(path) == {"n": (2, {"NA": 2, "?": 1}), "s": (2, {"NA": 1, "None": 1})}
    assert counts(path, texts=("n", "s"))["n"] == (1, {"NA": 1, "?": 1})


def test_options_are_counted_by(tmp_path):
    """Other words, and spaces that are kept, count as they are read."""
    path = tmp_path / "a.csv"
    path.write_text(CONTENT)
    options = CsvOptions(missing_values=("None", "a"), strip=False)
    assert counts(path, options=options) == {"n": (0, {}), "s": (0, {"None": 1})}


def test_parts_are_counted_together(tmp_path):
    """A folder of parts is one table; what is no text has no counts."""
    (tmp_path / "1.csv").write_text(CONTENT)
    (tmp_path / "2.csv").write_text(CONTENT)
    assert counts(tmp_path)["s"] == (4, {"NA": 2, "None": 2})
    pyarrow.parquet.write_table(pa.table({"n": [" NA"]}), tmp_path / "a.parquet")
    assert cleaned_cells(str(tmp_path / "a.parquet"), ["n"], ["n"], PLAIN) == {}
