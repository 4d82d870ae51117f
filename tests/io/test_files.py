"""The door for files: every format, whole and in batches."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import ColumnError, DataError, SourceError
from epochal.io.files import batches, discover, labelled_batches, read
from epochal.tables.dates import seconds
from epochal.tables.numeric import Place, booleans, numbers
from epochal.tables.schema import kind_of

_TABLE = pa.table({"a": [1, 2, 3], "s": ["x", None, "y"], "y": ["no", "yes", None]})


def _csv(path, separator=","):
    """Write the table as text."""
    lines = [_TABLE.column_names, *(row.values() for row in _TABLE.to_pylist())]
    text = "\n".join(separator.join("" if v is None else str(v) for v in line) for line in lines)
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


_WRITERS = {
    "d.csv": _csv,
    "d.csv.gz": _csv,
    "d.tsv": lambda path: _csv(path, "\t"),
    "d.parquet": lambda path: pyarrow.parquet.write_table(_TABLE, path),
    "d.arrow": lambda path: pyarrow.feather.write_feather(_TABLE, str(path)),
}


@pytest.mark.parametrize("name", _WRITERS)
def test_every_table_format_reads_the_same(tmp_path, name):
    """All formats of tables give the same rows, labels and count of dropped rows."""
    path = tmp_path / name
    _WRITERS[name](path)
    found = read(str(path), "y")
    assert found.rows.to_pydict() == {"a": [1, 2], "s": ["x", None]}
    assert (found.labels.tolist(), found.dropped) == (["no", "yes"], 1)
    assert found.source == str(path)
    whole = pa.concat_tables(piece.rows for piece in batches(str(path), 2))
    assert whole.column("s").to_pylist() == ["x", None, "y"]
    parts = list(labelled_batches(str(path), 2, ["a"], "y"))
    assert [part.labels.tolist() for part in parts] == [["no", "yes"], []]
    assert [part.dropped for part in parts] == [0, 1]
    assert parts[0].rows.column_names == ["a"]


def test_columns_and_text_on_demand(tmp_path):
    """Only the chosen columns and the target are read; chosen ones stay as written."""
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n01,1,p\n02,2,q\n")
    found = read(str(path), "y", columns=["a"], as_text=["a", "not there"])
    assert found.rows.to_pydict() == {"a": ["01", "02"]}
    assert read(str(path), "y", as_text=["y"]).rows.column_names == ["a", "b"]
    assert read(str(path), None).labels is None


def test_labels_of_text_files_stay_letter_for_letter(tmp_path):
    """Whatever the labels look like, whole or in batches, they are the texts in the file."""
    path = tmp_path / "d.csv"
    path.write_text("a,i,b\n1,007,TRUE\n2,7,false\n")
    for target, labels in (("i", ["007", "7"]), ("b", ["TRUE", "false"])):
        assert read(str(path), target).labels.tolist() == labels
        assert next(labelled_batches(str(path), 5, None, target)).labels.tolist() == labels


def test_folder_of_parts(tmp_path):
    """A folder is read as one table, in the order of the names, also in batches."""
    (tmp_path / "1.csv").write_text("a,y\n1,p\n2,q\n3,p\n")
    (tmp_path / "2.csv").write_text("y,a\nq,4.5\n")
    (tmp_path / "3.csv").write_text("a,y\n")
    assert read(str(tmp_path), "y").rows.to_pydict() == {"a": [1, 2, 3, 4.5]}
    tables = [piece.rows for piece in batches(str(tmp_path), 2, ["a"])]
    assert [table.num_rows for table in tables] == [2, 1, 1]
    assert [v for t in tables for v in t.column("a").to_pylist()] == ["1", "2", "3", "4.5"]


@pytest.mark.parametrize("columns", [None, ["a"]])
def test_wrong_target(tmp_path, columns):
    """A target that is not there is refused with the nearest name, whole and in batches."""
    path = tmp_path / "d.csv"
    path.write_text("a,income\n1,2\n")
    with pytest.raises(ColumnError, match="did you mean 'income'"):
        read(str(path), "incme", columns)
    with pytest.raises(ColumnError, match="did you mean 'income'"):
        list(labelled_batches(str(path), 2, columns, "incme"))


def test_no_rows(tmp_path):
    """A table without rows or without labels is refused if labels are needed."""
    path = tmp_path / "d.csv"
    path.write_text("a,y\n")
    with pytest.raises(SourceError, match="has no rows"):
        read(str(path), "y")
    with pytest.raises(SourceError, match="has no rows"):
        list(labelled_batches(str(path), 2, None, "y"))
    path.write_text("a,y\n1,\n2,NA\n")
    with pytest.raises(DataError, match="none of the 2 rows of .* has a label"):
        read(str(path), "y")


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow", ".npy", ".npz"])
def test_no_rows_are_one_batch_of_none(tmp_path, ending):
    """Without labels, an empty file has one batch, which has the columns or the shape."""
    path, rows = tmp_path / f"d{ending}", np.zeros((0, 3))
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".csv.gz": lambda: frame.to_csv(path, index=False),
        ".parquet": lambda: frame.to_parquet(path),
        ".arrow": lambda: pyarrow.feather.write_feather(frame, path),
        ".npy": lambda: np.save(path, rows),
        ".npz": lambda: np.savez(path, X=rows),
    }[ending]()

    ((found, _),) = batches(str(path), 2)
    assert found.shape == (0, 3)
    assert not isinstance(found, pa.Table) or found.column_names == ["a", "b", "c"]


def test_arrays_of_parts(tmp_path):
    """Parts of arrays are joined; other shapes, or labels in some only, are refused."""
    np.savez(tmp_path / "1.npz", X=np.zeros((2, 3)), y=[0, 1])
    np.savez(tmp_path / "2.npz", X=np.ones((1, 3)), y=[1])
    found = read(str(tmp_path), None)
    assert (found.rows.shape, found.labels.tolist()) == ((3, 3), [0, 1, 1])
    assert [len(piece.rows) for piece in batches(str(tmp_path), 2)] == [2, 1]
    np.savez(tmp_path / "3.npz", X=np.ones((1, 3)))
    with pytest.raises(SourceError, match=r"3.npz has no labels"):
        read(str(tmp_path), None)
    np.savez(tmp_path / "3.npz", X=np.ones((1, 4)), y=[1])
    with pytest.raises(SourceError, match=r"rows of .*3.npz have the shape \(4,\)"):
        read(str(tmp_path), None)


def test_npy_by_column_number(tmp_path):
    """A .npy file gives rows and labels, and drops rows without a label."""
    np.save(tmp_path / "d.npy", np.array([[1.0, 0], [2, np.nan], [3, 1]]))
    found = read(str(tmp_path / "d.npy"), "-1")
    assert (found.rows.tolist(), found.dropped) == ([[1.0], [3.0]], 1)
    part = next(labelled_batches(str(tmp_path / "d.npy"), 9, None, "1"))
    assert (part.rows.tolist(), part.dropped) == ([[1.0], [3.0]], 1)


def test_folder_of_idx_files(tmp_path):
    """A folder with IDX files is the training images with their labels."""
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        struct.pack(">4B3I", 0, 0, 8, 3, *images.shape) + images.tobytes()
    )
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\7\3")
    assert len(discover(str(tmp_path))) == 1
    found = read(str(tmp_path), None)
    assert np.array_equal(found.rows, images)
    assert found.labels.tolist() == [7, 3]
    assert next(batches(str(tmp_path), 5)).rows.shape == (2, 2, 2)


# Cells that are not always read as they stand, by what their column may be.
_KINDS = [
    ["1", "-5", " 7", "", "007", '" 5"', '"NA"', " ?", '"-999"', "-999"],
    ["1.5", "1e5", "NAN", '"3 "', "NA", '""'],
    ["true", "False", '" true"', '"?"', " NULL"],
    ["2024-01-01", '" 2024-01-02"', "2024-01-01 10:00", '"None"', " ?"],
    ["x", " x", '"x "', '" x"', '"None"', '" "', "None", '"a\nb"', 'a"b', '"\u00a0x"'],
]
_COLUMN = st.sampled_from(_KINDS).flatmap(
    lambda values: st.lists(st.sampled_from(values), min_size=1, max_size=30)
)
_OPTIONS = [
    PLAIN,
    CsvOptions(missing_values=("x", "-999", "2024-01-01")),
    CsvOptions(missing_values=("1",), strip=False),
]
_READERS = {"number": numbers, "boolean": booleans, "date": seconds}


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@settings(deadline=None, max_examples=150)
@given(st.lists(_COLUMN, min_size=1, max_size=3), st.sampled_from(_OPTIONS))
def test_batches_have_the_values_of_the_whole(tmp_path_factory, columns, options):
    """Law: texts and values are the same in batches as in the whole file."""
    path = tmp_path_factory.mktemp("law") / "a.csv"
    lines = [",".join(row) for row in zip(*columns, ["end"] * 30, strict=False)]
    names = [*"abc"[: len(columns)], "last"]
    path.write_text("\n".join([",".join(names), *lines]), newline="")
    whole = read(str(path), None, csv=options).rows
    together = pa.concat_tables(p.rows for p in batches(str(path), 7, csv=options))
    for name in names:
        typed, text = whole.column(name), together.column(name)
        kind = kind_of(typed.type, name)
        if kind == "category":
            # A column of nothing but quoted words for a missing value has no value in the whole.
            assert pa.types.is_null(typed.type) or text.to_pylist() == typed.to_pylist()
        else:
            reader, place = _READERS[kind], Place(name, words=options.words)
            np.testing.assert_array_equal(reader(text, place), reader(typed, place))
