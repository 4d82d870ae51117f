"""Folders that say a value: their columns are those that Arrow's data sets find, whatever reads them."""

import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from epochal.cli.main import main
from epochal.errors import SourceError
from epochal.io import parquet
from epochal.io.files import batches, labelled_batches, read
from epochal.io.streams import stream
from epochal.model.persistence import load

WRITERS = {
    "parquet": pq.write_table,
    "arrow": pf.write_feather,
    "csv": lambda table, path: table.to_pandas().to_csv(path, index=False),
}
FOLDERS = ("g=1/s=north%20east", "g=1/s=south", "g=2/s=south", "g=__HIVE_DEFAULT_PARTITION__/s=a=b")


def write(folder, ending, folders=FOLDERS, rows=20):
    """Write a few files into folders that say values; return the folder."""
    random = np.random.default_rng(0)
    for number, name in enumerate(folders):
        inner = folder / name
        inner.mkdir(parents=True)
        x = random.normal(size=rows)
        y = np.where(x + number > 1, "yes", "no")
        WRITERS[ending](pa.table({"x": x, "y": y}), inner / f"part-0.{ending}")
    (folder / "_SUCCESS").touch()
    return str(folder)


@pytest.mark.parametrize("ending", WRITERS)
def test_columns_are_those_of_arrow(tmp_path, ending):
    """Names, types, missing values and decoded texts, of several levels, after the files' own columns."""
    path = write(tmp_path / "data", ending)
    form = {"arrow": "feather"}.get(ending, ending)
    expected = ds.dataset(path, format=form, partitioning="hive").to_table()

    found = read(path, None).rows
    assert found.schema.names == ["x", "y", "g", "s"] == expected.schema.names
    assert found.schema.types == expected.schema.types
    order = [(name, "ascending") for name in ("x", "g")]
    assert found.sort_by(order).to_pylist() == expected.sort_by(order).to_pylist()
    assert set(found["s"].to_pylist()) == {"north east", "south", "a=b"}
    assert set(found["g"].to_pylist()) == {1, 2, None}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], pa.int32()),
        (["007", "-2"], pa.int32()),
        (["1", "__HIVE_DEFAULT_PARTITION__"], pa.int32()),
        (["3000000000", "2"], pa.string()),
        (["1.5", "2"], pa.string()),
        (["+1", "2"], pa.string()),
        (["", "2"], pa.string()),
        ([" 1", "2"], pa.string()),
        (["true", "false"], pa.string()),
    ],
)
def test_types_are_those_of_arrow(tmp_path, values, kind):
    """Whole numbers of 32 bits, or text: as Arrow's discovery of a data set has it."""
    path = write(tmp_path / "data", "parquet", [f"g={value}" for value in values])
    expected = ds.dataset(path, partitioning="hive").schema.field("g").type

    assert read(path, None).rows.schema.field("g").type == kind == expected


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("target", ["y", "g", "s"])
def test_rows_are_the_same_whole_streamed_and_in_batches(tmp_path, ending, target):
    """Rows are the same, with the target in files or in folder names; those without a label are dropped."""
    path = write(tmp_path / "data", ending)
    whole, streamed = read(path, target), stream(path, target)
    pieces = list(labelled_batches(path, 7, None, target))

    rows = pa.concat_tables(streamed.rows.read(9))
    assert rows.to_pylist() == whole.rows.to_pylist()
    assert rows.schema.types == whole.rows.schema.types
    different = streamed.values  # noqa: PD011  (no data frame)
    assert different[streamed.codes].tolist() == whole.labels.tolist()
    assert streamed.dropped == whole.dropped == (20 if target == "g" else 0)
    texts = [str(label) for piece in pieces for label in piece.labels]
    assert texts == [str(label) for label in whole.labels]
    assert sum(piece.dropped for piece in pieces) == whole.dropped


def test_a_stream_says_what_the_pages_of_its_columns_take(tmp_path):
    """Columns of the folders' names are in no page, and labels are not read with the rows."""
    path = write(tmp_path / "data", "parquet")
    (file,) = (tmp_path / "data" / "g=1" / "s=south").iterdir()

    assert stream(path, "y").rows.page_bytes == parquet.page_bytes(file, ["x"])
    assert stream(write(tmp_path / "text", "csv"), "y").rows.page_bytes == 0


@pytest.mark.parametrize("ending", WRITERS)
def test_columns_may_be_chosen(tmp_path, ending):
    """Those of folders alone, in any order, are as long as the files are."""
    path = write(tmp_path / "data", ending)

    assert read(path, None, ["s", "g"]).rows.shape == (80, 2)
    found = pa.concat_tables(piece.rows for piece in batches(path, 30, ["s"]))
    assert found.shape == (80, 1)
    assert stream(path, "y", drop=["x"]).rows.head.column_names == ["g", "s"]


@pytest.mark.parametrize("ending", WRITERS)
def test_categories_keep_what_is_written_in_text_files(tmp_path, ending):
    """Numbers that are names keep their zeros where files have no types."""
    path = write(tmp_path / "data", ending, ["zip=007", "zip=7"])
    expected = {"007", "7"} if ending == "csv" else {7}

    assert set(read(path, "y", as_text=["zip"]).rows["zip"].to_pylist()) == expected
    streamed = stream(path, "y", as_text=["zip"])
    assert set(pa.concat_tables(streamed.rows.read(9))["zip"].to_pylist()) == expected


@pytest.mark.parametrize("pattern", ["**/*.parquet", "g=*/*/*.parquet", "g=*/s=*/part-0.parquet"])
def test_a_pattern_leaves_the_same_open(tmp_path, pattern):
    """Folders that a pattern fits say their values, as those in a folder do."""
    path = write(tmp_path / "data", "parquet")

    assert read(f"{path}/{pattern}", "y").rows.equals(read(path, "y").rows)


def test_what_is_named_says_nothing(tmp_path):
    """The name of the given folder itself is no column, since all rows would have one value."""
    path = write(tmp_path / "data", "parquet")

    assert read(f"{path}/g=1", "y").rows.column_names == ["x", "s"]
    assert read(f"{path}/g=1/*/*.parquet", "y").rows.column_names == ["x", "s"]
    assert read(f"{path}/g=1/s=south", "y").rows.column_names == ["x"]
    assert read(f"{path}/g=1/s=south/part-0.parquet", "y").rows.column_names == ["x"]


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    """In the files, and in the names of folders."""
    path = write(tmp_path / "data", "parquet", ["x=1", "x=2"])

    for way in (lambda: read(path, "y"), lambda: stream(path, "y"), lambda: list(batches(path, 9))):
        with pytest.raises(SourceError, match="(?s)column 'x' is both in .*part-0.parquet.*folder"):
            way()


def test_folders_of_different_names_are_refused(tmp_path):
    """Files have the same columns, those of their folders among them."""
    path = write(tmp_path / "data", "parquet", ["g=1", "h=2"])

    with pytest.raises(SourceError, match="has no column 'g'"):
        read(path, "y")


def test_hidden_folders_and_links_are_passed_over(tmp_path):
    """Bookkeeping of writers is no data, and a link that leads back does not lead round and round."""
    path = write(tmp_path / "data", "parquet")
    rows = read(path, "y").rows.num_rows
    shutil.copytree(f"{path}/g=1", f"{path}/_delta_log")
    shutil.copytree(f"{path}/g=1", f"{path}/g=2/.tmp")
    (tmp_path / "data" / "g=1" / "again").symlink_to(tmp_path / "data")

    assert read(path, "y").rows.num_rows == rows


@pytest.mark.parametrize("more", [[], ["--memory", "1GB"]])
@pytest.mark.parametrize("ending", WRITERS)
def test_the_command_line_learns_from_folders(tmp_path, ending, more):
    """Their columns are features, groups and categories; evaluate and predict read them too."""
    path, out = write(tmp_path / "data", ending, rows=40), tmp_path / "m.epochal"
    options = ["--preset", "fast", "--max-iter", "2", "--quiet", "--group", "s", *more]
    assert main(["train", path, "--target", "y", "--out", str(out), *options]) == 0

    assert load(out).preprocessor.schema.names == ["x", "g"]
    assert main(["evaluate", str(out), path, "--quiet"]) == 0
    written = tmp_path / "p.csv"
    assert main(["predict", str(out), path, "--out", str(written), "--quiet"]) == 0
    assert len(pd.read_csv(written)) == 160


def test_moved_files_are_other_data(tmp_path):
    """Folder names are part of the digest of the data in the cache."""
    path = write(tmp_path / "data", "parquet", ["g=1", "g=2"])
    before = stream(path, "y").rows.digest()
    (tmp_path / "data" / "g=2").rename(tmp_path / "data" / "g=3")

    assert stream(path, "y").rows.digest() != before
