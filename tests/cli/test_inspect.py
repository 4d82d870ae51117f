"""`epochal inspect`, through the real entry point."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from epochal.cli import profiling
from epochal.config.settings import Settings
from epochal.model.persistence import load

if TYPE_CHECKING:
    from pathlib import Path

TINY = ("--max-iter", "1", "--n-estimators", "1", "--hidden-layer-sizes", "4", "--preset", "fast")


def test_the_model_is_described(run, model):
    """Target, classes, networks, training, scores, columns with kinds, and settings."""
    ended = run("inspect", model)

    assert ended.code == 0
    for words in (
        "income",
        "high, low",
        "2 networks",
        "reached max_iter",
        "3 categories",
        "may be missing",
        "* max_iter 2",
        "momentum 0.9",
        "batch_size 32",
    ):
        assert words in " ".join(ended.out.split())
    assert not {"* momentum", "* batch_size"} & {
        line.strip()[:12] for line in ended.out.splitlines()
    }


@pytest.mark.parametrize("width", ["60", "80", "140"])
def test_it_fits_the_terminal(run, model, monkeypatch, width):
    """No line is wider, but the first one: the model's path, however long that is."""
    monkeypatch.setenv("COLUMNS", width)
    lines = run("inspect", model).out.splitlines()

    assert max(map(len, lines[1:])) <= int(width)


def test_json_holds_the_settings_and_the_schema_as_stored(run, model):
    """The JSON output has the content of the model file."""
    described = json.loads(run("inspect", model, "--json").out)
    stored = load(model)

    assert Settings.from_dict(described["settings"]) == stored.settings
    columns = stored.preprocessor.schema.to_dict()
    assert {name: described[name] for name in columns} == columns
    assert described["layer_sizes"] == list(stored.layer_sizes)
    assert described["weights"] == sum(
        array.size
        for layers in stored.members
        for layer in layers
        for array in layer.parameters().values()
    )


def test_what_is_no_model_is_refused(run, table, tmp_path):
    """Another file is no model, and data need a target."""
    other = tmp_path / "people.bin"
    other.write_bytes(table.read_bytes())
    ended, data = run("inspect", other), run("inspect", table)

    assert ended.code == 5
    assert "people.bin" in ended.err
    assert data.code == 4
    assert "--target" in data.err


def test_data_larger_than_memory_are_profiled_in_part(run, table, monkeypatch):
    """With bounded memory an even sample of rows is profiled, and the report has its size."""
    monkeypatch.setattr(profiling, "STREAMED_ROWS", 50)
    whole = run("inspect", table, "--target", "income", "--json")
    some = run("inspect", table, "--target", "income", "--memory", "1GB", "--json")
    first, second = (json.loads(ended.out) for ended in (whole, some))

    assert (first["rows"], first["rows_profiled"]) == (160, 160)
    assert (second["rows"], second["rows_profiled"]) == (160, 54)
    assert first["classes"] == second["classes"]
    assert [c["kind"] for c in first["columns"]] == [c["kind"] for c in second["columns"]]
    assert (
        "columns of 54 rows profiled"
        in run("inspect", table, "--target", "income", "--memory", "1GB").out
    )


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow", "npy", "npz"])
def test_data_without_a_target_are_refused_before_they_are_read(run, tmp_path, monkeypatch, form):
    """The names of the columns are in the first bytes: nothing else is read, by train neither."""
    path = tmp_path / f"data.{form}"
    table = pa.table({"a": range(100), "b": range(100)})
    match form:
        case "csv":
            pyarrow.csv.write_csv(table, path)
        case "parquet":
            pyarrow.parquet.write_table(table, path)
        case "arrow":
            pyarrow.feather.write_feather(table, str(path))
        case "npy":
            np.save(path, np.zeros((100, 2)))
        case "npz":
            np.savez(path, X=np.zeros((100, 2)))
    for room in ("csv.reader", "parquet", "arrow", "numpy_files"):
        monkeypatch.setattr(f"epochal.io.{room}.read", pytest.fail)
    for words in (("inspect", path), ("train", path), ("inspect", path, "--memory", "1GB")):
        ended = run(*words)
        assert ended.code == 4
        assert "has no labels of its own" in ended.err
        assert "--target" in ended.err


def test_arrays_with_labels_need_no_target(run, tmp_path):
    """.npz and IDX files have labels of their own."""
    np.savez(tmp_path / "xy.npz", X=np.eye(4), y=np.arange(4) % 2)

    assert run("inspect", "xy.npz").code == 0


ODD = {
    "sentinel": pa.array([253402300799, 0, 1, 2] * 20, pa.timestamp("s", "Asia/Tokyo")),
    "before": pa.array([-62135596801, 0, 1, 2] * 20, pa.timestamp("s")),
    "far": pa.array([2**41, 0, 1, 2] * 20, pa.timestamp("s")),
    "farther": pa.array([2**62, -(2**62), 1, 2] * 20, pa.timestamp("us", "UTC")),
    "nowhere": pa.array([0, 1, 2, 3] * 20, pa.timestamp("us", "Mars/Phobos")),
    "day": pa.array([2**31 - 1, 0, 1, 2] * 20, pa.date32()),
    "long": pa.array([2**62, 0, 1, 2] * 20, pa.duration("s")),
    "clock": pa.array([52938200013189, 0, 1, 2] * 20, pa.time64("ns")),
}
NESTED = {
    "union": pa.UnionArray.from_sparse(
        pa.array([0, 1] * 40, pa.int8()), [pa.array([1, 2] * 40), pa.array(["a", "b"] * 40)]
    ),
    "interval": pa.array([(1, 2, 3), (4, 5, 6)] * 40, pa.month_day_nano_interval()),
    "views": pa.array([b"a", b"b"] * 40, pa.binary_view()),
    "list": pa.array([[1], [2]] * 40),
    "struct": pa.array([{"a": 1}, {"a": 2}] * 40),
    "map": pa.array([[("a", 1)], [("b", 2)]] * 40, pa.map_(pa.string(), pa.int8())),
    "lists": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 40, pa.int8()), [[1], [2]]),
    "uuid": pa.array([b"0" * 16, b"1" * 16] * 40, pa.uuid()),
}
LABELS = pa.array(["no", "yes", "yes", None] * 20)


def written(path: Path, columns: dict[str, pa.Array]) -> Path:
    """Return the path of an Arrow file with these columns."""
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=30)
    return path


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("name", list(ODD))
def test_times_that_python_cannot_hold_are_columns_like_others(run, tmp_path, name, memory):
    """Inspected, trained on as dates and as categories, predicted: never a mistake of ours."""
    path = written(tmp_path / "odd.arrow", {"label": LABELS, name: ODD[name]})
    words = ("--target", "label", *memory)
    assert run("inspect", path, *words).code == 0
    for more in ((), ("--categorical", name)):
        ended = run("train", path, *words, *TINY, *more)
        assert ended.code == 0, ended.err
        assert run("inspect", "odd.epochal").code == 0
        assert run("predict", "odd.epochal", path, "--keep", name).code == 0
        assert run("evaluate", "odd.epochal", path).code == 0


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("name", [*ODD, *NESTED])
def test_odd_targets_are_an_error_of_ours_or_an_answer(run, tmp_path, name, memory):
    """The column is named, whether it is read whole or not."""
    values = (ODD | NESTED)[name]
    path = written(tmp_path / "odd.arrow", {name: values, "a": pa.array(range(80))})
    for command in ("inspect", "train"):
        words = TINY if command == "train" else ()
        ended = run(command, path, "--target", name, *memory, *words)
        assert ended.code in {0, 4}, ended.err
        if name in NESTED:
            assert ended.code == 4
            assert f"column '{name}'" in ended.err


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("name", list(NESTED))
def test_odd_columns_are_refused_by_name_or_dropped(run, tmp_path, name, memory):
    """Beside rows without a label too, and for prediction they are surplus like others."""
    path = written(
        tmp_path / "odd.arrow", {"label": LABELS, "a": pa.array(range(80)), name: NESTED[name]}
    )
    words = ("--target", "label", *memory)
    refused = [
        run("inspect", path, *words),
        run("train", path, *words, *TINY),
        run("train", path, *words, *TINY, "--test-fraction", "0.2", "--quiet"),
        run("train", path, *words, *TINY, "--categorical", name),
    ]
    dropped = run("train", path, *words, *TINY, "--drop", name)

    assert [ended.code for ended in refused] == [4, 4, 4, 4]
    for ended in refused:
        assert f"'{name}'" in ended.err
    assert dropped.code == 0, dropped.err
    assert run("inspect", path, *words, "--drop", name).code == 0
    assert run("predict", "odd.epochal", path).code == 0
    assert run("evaluate", "odd.epochal", path).code == 0
