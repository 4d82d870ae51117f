"""Writing a table that is large, made small here."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import big_table
from big_table_columns import CLASSES, TARGET


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    """Draw few rows at once, and put few into a file."""
    monkeypatch.setattr(big_table, "CHUNK", 40)
    monkeypatch.setattr(big_table, "PART", 80)


def test_parts_and_what_is_known_of_the_table_are_written(tmp_path):
    """Files have whole chunks; size, rows and the best accuracy stand beside the folder."""
    path = tmp_path / "new" / "t.parquet"
    known = big_table.write(path, 210, 10)

    assert [pq.read_table(part).num_rows for part in sorted(path.iterdir())] == [80, 80, 50]
    assert known == json.loads(big_table.described_at(path).read_text())
    assert known["bytes"] == sum(part.stat().st_size for part in path.iterdir())
    assert (known["rows"], known["columns"], known["sorted"]) == (210, 10, False)
    assert 1 / 3 < known["best_accuracy"] < 1


def test_sorted_by_class_the_rows_are_the_same(tmp_path):
    """One class follows the other, and no row is lost or changed."""
    drawn, ordered = tmp_path / "drawn.parquet", tmp_path / "ordered.parquet"
    known = big_table.write(drawn, 210, 10)
    again = big_table.write(ordered, 210, 10, by_class=True)
    first, second = pq.read_table(drawn), pq.read_table(ordered)
    by = [(TARGET, "ascending"), ("number_01", "ascending"), ("id_01", "ascending")]

    assert second[TARGET].to_pylist() == sorted(first[TARGET].to_pylist())
    assert first[TARGET].to_pylist() != second[TARGET].to_pylist()
    assert first.sort_by(by).equals(second.sort_by(by))
    assert again["best_accuracy"] == pytest.approx(known["best_accuracy"])


def test_text_has_the_same_rows(tmp_path):
    """A name in .csv or .arrow is one file, with all rows."""
    for name in ("t.parquet", "t.csv", "t.arrow"):
        big_table.write(tmp_path / name, 100, 10)
    text = pa.csv.read_csv(tmp_path / "t.csv")
    binary = pq.read_table(tmp_path / "t.parquet")

    assert text.column_names == binary.column_names
    assert pa.ipc.open_file(tmp_path / "t.arrow").read_all().equals(binary)
    for name in ("number_01", "id_01", TARGET):
        assert text[name].to_pylist() == binary[name].to_pylist()


def test_a_table_written_again_has_nothing_of_the_one_before(tmp_path, capsys):
    """Fewer rows have fewer files; the command prints what is known of the table."""
    path = tmp_path / "t.parquet"
    big_table.write(path, 210, 10)

    assert big_table.main([str(path), "--rows", "50", "--columns", "9", "--sorted"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == pq.read_table(path).num_rows == 50
    assert len(list(path.iterdir())) == 1
    assert set(pq.read_table(path)[TARGET].to_pylist()) == set(CLASSES)
