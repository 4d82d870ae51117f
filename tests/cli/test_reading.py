"""What the commands read, from real files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal.cli.reading import Roles, labelled, labelled_batches, like
from epochal.errors import ColumnError, DataError


@pytest.fixture
def codes(tmp_path) -> str:
    """Return the path of a table with codes and labels of digits."""
    path = tmp_path / "codes.csv"
    path.write_text("code,size,label\n01,1,0\n02,2,1\n1,3,\n01,4,1\n")
    return str(path)


def test_digits_that_are_names_stay_as_written(codes):
    """`categorical` keeps the leading zero that makes 01 another code than 1."""
    read = labelled(codes, Roles("label"), categorical=["code"])

    assert read.rows.column("code").to_pylist() == ["01", "02", "01"]
    assert read.labels.tolist() == [0, 1, 1]
    assert read.dropped == 1


def test_dropped_columns_must_be_there(codes):
    """A column to drop that does not exist is a typing mistake."""
    assert labelled(codes, Roles("label"), drop=["size"]).rows.column_names == ["code"]
    with pytest.raises(ColumnError, match="'sise'"):
        labelled(codes, Roles("label"), drop=["sise"])


def test_labels_of_another_file_get_the_type_of_the_classes(codes):
    """Text labels of a file of its own become the numbers of the training."""
    read = like(np.array([0, 1]), codes, Roles("label"), drop=())

    assert read.labels.dtype == np.int64
    assert read.labels.tolist() == [0, 1, 1]
    assert read.dropped == 1


def test_pieces_are_the_whole(codes):
    """Rows and labels come piece by piece, none twice and none lost."""
    pieces = list(labelled_batches(codes, Roles("label"), 2))

    assert [label for piece in pieces for label in piece.labels] == ["0", "1", "1"]
    assert sum(piece.dropped for piece in pieces) == 1


def test_data_without_labels_asks_for_a_target(codes, tmp_path):
    """The hint names the option, and for a table the columns."""
    with pytest.raises(DataError, match="--target") as caught:
        labelled(codes, Roles())
    assert "code" in str(caught.value)

    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    with pytest.raises(DataError, match="--target"):
        labelled(str(tmp_path / "x.npy"), Roles())


def test_numbers_of_any_file_can_be_names(tmp_path):
    """`categorical` makes categories of whole numbers in Parquet; a column must be there."""
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"code": [3, 7, 3], "size": [1.0, 2.0, 3.0], "label": [0, 1, 1]}), path)
    rows = labelled(path, Roles("label"), categorical=["code"]).rows

    assert pa.types.is_dictionary(rows.column("code").type)
    assert rows.column("code").to_pylist() == [3, 7, 3]
    assert rows.column_names == ["code", "size"]
    with pytest.raises(ColumnError, match="kode"):
        labelled(path, Roles("label"), categorical=["kode"])
