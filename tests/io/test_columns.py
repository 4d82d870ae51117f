"""Labelled data from real files, as a whole, streamed, and in batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal.errors import ColumnError, DataError, SettingError
from epochal.io.columns import Roles, labelled, labelled_batches
from epochal.tables.labels import Coded
from epochal.tables.read_as import ReadAs


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
    assert read.labels.tolist() == ["0", "1", "1"]
    assert read.dropped == 1


def test_dropped_columns_must_be_there(codes):
    """A column to drop that does not exist is a typing mistake."""
    assert labelled(codes, Roles("label"), drop=["size"]).rows.column_names == ["code"]
    with pytest.raises(ColumnError, match="'sise'"):
        labelled(codes, Roles("label"), drop=["sise"])


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


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", ["csv", "parquet", "folder"])
def test_texts_are_read_as_they_stand(tmp_path, form, streamed):
    """Numbers of text files keep their zeros; of each file, and of a folder's names, they are categories."""
    path = tmp_path / f"a.{form}"
    table = pa.table({"code": [3, 7, 3], "size": [1.0, 2.0, 3.0], "label": [0, 1, 1]})
    match form:
        case "csv":
            path.write_text("code,size,label\n03,1,0\n07,2,1\n03,3,1\n")
        case "parquet":
            pq.write_table(table, path)
        case "folder":
            for part, name in zip(
                (table.slice(0, 2), table.slice(2)), ("code=3", "code=7"), strict=True
            ):
                (path / name).mkdir(parents=True)
                pq.write_table(part.drop_columns("code"), path / name / "part.parquet")
    named = {"categorical": ["size"], "text": ["code"]}
    found = labelled(str(path), Roles("label"), **named, streamed=streamed)
    rows = pa.concat_tables(found.rows.read(2)) if streamed else found.rows

    expected = {"csv": ["03", "07", "03"], "parquet": [3, 7, 3], "folder": [3, 3, 7]}[form]
    assert rows.column("code").to_pylist() == expected
    assert all(pa.types.is_dictionary(rows.column(name).type) for name in ("code", "size"))
    assert found.read_as == ReadAs(names=("size",), texts=("code",))
    with pytest.raises(ColumnError, match="kode"):
        labelled(str(path), Roles("label"), text=["kode"], streamed=streamed)
    with pytest.raises(SettingError, match="'code' is in --categorical and in --text"):
        labelled(str(path), Roles("label"), categorical=["code"], text=["code"], streamed=streamed)


def test_texts_need_columns_with_names(tmp_path):
    """An array of a file has none."""
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    with pytest.raises(DataError, match="omit --text"):
        labelled(str(tmp_path / "x.npy"), Roles("1"), text=["a"])


@pytest.fixture
def visits(tmp_path) -> str:
    """Return the path of a table with a label, a weight, a group and a time."""
    path = tmp_path / "visits.csv"
    path.write_text(
        "size,when,who,counts,rich\n1,2024-01-02,ann,1,no\n2,2024-03-04,bob,2.5,yes\n"
        "3,2024-02-03,ann,1,\n4,2024-05-06,cid,0,no\n"
    )
    return str(path)


def test_streamed_data_are_the_same_as_those_in_memory(visits):
    """Rows, labels, weights, groups and timestamps of a stream are those of the whole."""
    roles = Roles("rich", "counts", "who", "when")
    whole = labelled(visits, roles, categorical=["size"])
    found = labelled(visits, roles, categorical=["size"], streamed=True)
    table = pa.concat_tables(found.rows.read(2)).unify_dictionaries().combine_chunks()

    assert isinstance(found.labels, Coded)
    assert found.labels.values[found.labels.codes].tolist() == whole.labels.tolist()
    assert table.equals(whole.rows.combine_chunks())
    assert found.rows.head.schema == whole.rows.schema
    assert found.weight.tolist() == whole.weight.tolist() == [1, 2.5, 0]
    assert found.dropped == whole.dropped == 1
    # Of texts only order and equality are kept.
    assert found.groups.tolist() == [0, 1, 2]
    assert np.argsort(found.timestamps).tolist() == np.argsort(whole.timestamps).tolist()


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_wrong_is_told_the_same_way(visits, streamed):
    """A column that is not there and a weight that is none are refused, streamed or not."""
    for roles, error, words in [
        (Roles("reich"), ColumnError, "'reich'"),
        (Roles("rich", "count"), ColumnError, "'count'"),
        (Roles("rich", "size", "group"), ColumnError, "'group'"),
        (Roles(), DataError, "--target"),
    ]:
        with pytest.raises(error, match=words):
            labelled(visits, roles, streamed=streamed)
    with pytest.raises(ColumnError, match="'sise'"):
        labelled(visits, Roles("rich"), drop=["sise"], streamed=streamed)
    with pytest.raises(DataError, match="column 'rich' .*expected a number"):
        labelled(visits, Roles("size", "rich"), streamed=streamed)
