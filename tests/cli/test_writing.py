"""Predictions on disk: what is written, and that nothing is half-written."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow.parquet
import pytest

from epochal.cli.writing import check_output, prediction_writer
from epochal.errors import SettingError, WriteError

SHARES = np.array([[0.25, 0.75], [0.9, 0.1], [1 / 3, 2 / 3]])


def written(path, classes, pieces) -> None:
    """Write some pieces of probabilities to a path."""
    with prediction_writer(path, np.array(classes)) as write:
        for piece in pieces:
            write(piece)


@pytest.mark.parametrize(
    "classes", [["no", "yes"], ["a,b", 'say "x"'], ["two\nlines", "ä"], [0, 1]]
)
def test_csv_reads_back_to_the_same_labels_and_bits(tmp_path, classes):
    """Any CSV reader gets the labels back, and the probabilities to the last bit."""
    path = tmp_path / "out.csv"
    written(path, classes, [SHARES[:1], SHARES[1:]])
    head, *rows = csv.reader(io.StringIO(path.read_text("utf-8"), newline=""))

    assert head == ["prediction", *(f"probability_{label}" for label in classes)]
    assert [row[0] for row in rows] == [str(classes[k]) for k in (1, 0, 1)]
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=float), SHARES)


def test_plain_labels_have_no_quotes(tmp_path):
    """A file that needs no quotes has none."""
    written(tmp_path / "out.csv", ["no", "yes"], [SHARES])

    assert '"' not in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("classes", [["no", "yes"], [3, 7], [False, True], [0.5, 1.5]])
def test_parquet_keeps_the_type_of_the_labels(tmp_path, classes):
    """Labels come back as what they were in training."""
    path = tmp_path / "out.parquet"
    written(path, classes, [SHARES[:2], SHARES[2:]])
    table = pyarrow.parquet.read_table(path)

    assert table.column("prediction").to_pylist() == [classes[1], classes[0], classes[1]]
    assert table.column(f"probability_{classes[0]}").to_pylist() == SHARES[:, 0].tolist()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_failure_leaves_what_was_there(tmp_path, name):
    """A failure after the first piece leaves the old file, and no other."""
    path = tmp_path / name
    path.write_text("old")

    def pieces():
        """Yield one piece and fail."""
        yield SHARES
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written(path, ["a", "b"], pieces())

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_rows_give_a_file_with_a_head(tmp_path):
    """Nothing to predict is a file with nothing under its head."""
    written(tmp_path / "out.csv", ["a", "b"], [])

    assert (tmp_path / "out.csv").read_text() == "prediction,probability_a,probability_b\n"


def test_outputs_that_cannot_be_are_refused_before_the_work(tmp_path):
    """An unknown ending, the input itself and a folder that is not there are refused at once."""
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    with pytest.raises(SettingError, match=r"\.parquet"):
        check_output(tmp_path / "out.xlsx", str(data))
    with pytest.raises(SettingError, match="another file"):
        check_output(data, str(data))
    with pytest.raises(WriteError):
        check_output(tmp_path / "no" / "out.csv", str(data))
    check_output(None, str(data))
