"""Messages about a value name its file and its row there, whatever became of the rows before it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

FAST = ("--preset", "classic", "--max-iter", "1", "--quiet")
ROWS = 60


def write(folder, name, *, number=None, label=None, weight=None, group=None):
    """Write rows of which the first has no label and the fifth has these values; return the path."""
    folder.mkdir(exist_ok=True)
    rows = [[k, "ab"[k % 2], 1, k % 7, k] for k in range(ROWS)]
    rows[0][1] = None
    for column, value in enumerate((number, label, weight, group)):
        if value is not None:
            rows[4][column] = None if value == "" else value
    names = ("n", "y", "weight", "group", "time")
    path = folder / name
    if path.suffix == ".parquet":
        kinds = (pa.float64(), pa.string(), pa.float64(), pa.int64(), pa.int64())
        columns = zip(zip(*rows, strict=True), kinds, strict=True)
        table = pa.table([pa.array(column, kind) for column, kind in columns], names)
        pyarrow.parquet.write_table(table, path, row_group_size=3)
    else:
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        path.write_text("\n".join([",".join(names), *lines]) + "\n")
    return path


@pytest.fixture(params=[".csv", ".parquet"])
def ending(request):
    """The ending of a file of either kind."""
    return request.param


@pytest.fixture
def model(run, tmp_path):
    """A model of such rows."""
    path = tmp_path / "model.epochal"
    words = ("--drop", "weight,group,time", "--out", path)
    ended = run("train", write(tmp_path, "good.csv"), "--target", "y", *FAST, *words)
    assert ended.code == 0, ended.err
    return path


def two_parts(folder, ending, **values):
    """Write a folder of two files, of which the second has the values; return both paths."""
    write(folder, f"1{ending}")
    return folder, write(folder, f"2{ending}", **values)


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"number": float("inf")}, ()),
        ({"weight": -2}, ("--weight", "weight")),
        ({"group": ""}, ("--group", "group")),
        ({"group": ""}, ("--time", "group")),
    ],
)
def test_training_names_the_row_in_its_file(run, tmp_path, ending, values, words, memory):
    """Of two files, with rows without a label before it, in memory and streamed."""
    folder, part = two_parts(tmp_path / "parts", ending, **values)
    ended = run("train", folder, "--target", "y", *FAST, *words, *memory)

    assert ended.code == 4
    assert f"row 4 of {part}" in ended.err


@pytest.mark.parametrize("use", ["--valid", "--test"])
@pytest.mark.parametrize("values", [{"number": float("inf")}, {"label": "c"}])
def test_rows_of_another_use_are_named_in_their_file(run, tmp_path, ending, use, values):
    """Infinity and unknown labels of validation and test rows."""
    train = write(tmp_path, f"train{ending}")
    folder, part = two_parts(tmp_path / "other", ending, **values)
    ended = run("train", train, "--target", "y", *FAST, use, folder)

    assert ended.code == 4
    assert f"row 4 of {part}" in ended.err


@pytest.mark.parametrize("batch", ["3", "1000"])
@pytest.mark.parametrize("values", [{"number": float("inf")}, {"label": "c"}])
def test_evaluation_names_the_row_in_its_file(run, tmp_path, model, ending, values, batch):
    """However many rows are read at a time."""
    folder, part = two_parts(tmp_path / "new", ending, **values)
    ended = run("evaluate", model, folder, "--batch-rows", batch)

    assert ended.code == 4
    assert f"row 4 of {part}" in ended.err


@pytest.mark.parametrize("keep", [(), ("--keep", "group")])
@pytest.mark.parametrize("batch", ["3", "1000"])
def test_prediction_names_the_row_in_its_file(run, tmp_path, model, ending, batch, keep):
    """However many rows are read at a time, with copied columns or without."""
    folder, part = two_parts(tmp_path / "new", ending, number=float("inf"))
    ended = run("predict", model, folder, "--out", tmp_path / "p.csv", "--batch-rows", batch, *keep)

    assert ended.code == 4
    assert f"row 4 of {part}" in ended.err
    assert not (tmp_path / "p.csv").exists()


def test_a_text_where_a_number_was_is_named_in_its_file(run, tmp_path, model):
    """The value, the column, the row and the file."""
    folder, part = two_parts(tmp_path / "new", ".csv", number="four")
    ended = run("predict", model, folder, "--out", tmp_path / "p.csv")

    assert f"column 'n' holds 'four' in row 4 of {part}; expected a number" in ended.err


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("value", [0.5, float("inf")])
def test_labels_that_are_no_classes_are_named_in_their_file(run, tmp_path, value, memory):
    """A fraction or infinity among numbers, in a file that has types."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, last in (("1.parquet", 1.0), ("2.parquet", value)):
        labels = [None, 0.0, 1.0, last, 0.0]
        pyarrow.parquet.write_table(pa.table({"n": range(5), "y": labels}), folder / name)
    ended = run("train", folder, "--target", "y", *FAST, *memory)

    assert ended.code == 4
    assert f"column 'y' of {folder}" in ended.err
    assert f"in row 3 of {folder / '2.parquet'}" in ended.err
