"""Small valid files of every format, from which fuzzing starts."""

from __future__ import annotations

import datetime
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

OLDER = Path(__file__).parents[1] / "tests" / "model" / "older"
ROWS = 24
KINDS: dict[str, dict[str, Any]] = {
    "default": {"n_estimators": 2},
    "classic": {"preset": "classic", "class_weight": "balanced", "clip": 3.0},
    "fast": {"preset": "fast", "categorical_features": ["city"]},
    "deep": {"preset": "classic", "hidden_layer_sizes": (2,) * 6, "activation": "tanh"},
    "linear": {"preset": "classic", "hidden_layer_sizes": (), "loss": "squared_error"},
    "images": {"n_estimators": 2, "receptive_field": (2, 2)},
    "array": {"preset": "fast", "bagging": "bootstrap", "n_estimators": 2},
}


def table() -> pd.DataFrame:
    """Return rows with numbers, gaps, categories, words and dates."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, 2))
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    frame = pd.DataFrame(numbers, columns=["a", "b"])
    frame["city"] = rng.choice(["Graz", "Köln", "Wien"], ROWS)
    frame["shop"] = [f"S{number % 7}" for number in range(ROWS)]
    frame["yes"] = rng.random(ROWS) < 0.5
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D")
    return frame


def models() -> list[bytes]:
    """Return model files of several kinds and format versions."""
    from epochal import EpochalClassifier

    found = [path.read_bytes() for path in sorted(OLDER.glob("*.epochal"))]
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, 3, 3), dtype=np.uint8)
    small: dict[str, Any] = {
        "max_iter": 1,
        "n_bins": 3,
        "embedding_size": 2,
        "hidden_layer_sizes": (2,),
    }
    for name, own in KINDS.items():
        x = {"images": pixels, "array": pixels.reshape(ROWS, -1) / 7}.get(name, table())
        labels = np.arange(ROWS) % (3 if name == "default" else 2)
        y = labels if name in {"images", "array"} else np.array(["no", "yes", "é"])[labels]
        settings: dict[str, Any] = {} if own.get("preset") == "classic" else small
        settings = {"max_iter": 1, "max_categories": 3} | settings | {"random_state": 0} | own
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / "seed.epochal"
            EpochalClassifier(**settings).fit(x, y).save(path)
            found.append(path.read_bytes())
    return found


def checkpoints() -> list[bytes]:
    """Return checkpoint files: with and without progress, averages and a best copy."""
    import json

    from safetensors.numpy import save

    from epochal.nn.layers import Layer
    from epochal.training.checkpoints import FORMAT, checksum
    from epochal.training.optimizers import AdamMoments
    from epochal.training.state import TrainingProgress, TrainingState
    from epochal.training.step import CrossFitLogits, MemberState

    layer = Layer(np.full((2, 3, 2), 0.5, np.float32), np.zeros((2, 2), np.float32))
    members = MemberState((layer,), AdamMoments((layer,), (layer,)), np.array([3, 3]), ())
    averaged = members._replace(average=(layer,))
    progress = TrainingProgress.fresh(7, 2, 2)
    logits = CrossFitLogits(np.zeros((2, 4, 2), np.float32), np.zeros((2, 2), np.float32))
    curves = ((0.5, 0.25), (0.5,))
    states = [
        TrainingState(members, 2),
        TrainingState(members, 2, (layer,), (1, 2), progress),
        TrainingState(averaged, 3, (layer,), (1, 2), progress._replace(training=curves)),
        TrainingState(averaged, 3, None, (), progress._replace(cross_fit_logits=logits)),
    ]
    found = []
    for state in states:
        arrays, values = state.to_arrays()
        described: dict[str, Any] = {
            "format": FORMAT,
            "values": values,
            "fingerprint": {"data": "ab", "settings": {"l2": 0.1}, "versions": {"jax": "0.10"}},
            "command": {"words": ["train", "a.csv"], "folder": "."},
        }
        described["sha256"] = checksum(arrays, described)
        found.append(save(arrays, {"epochal_checkpoint": json.dumps(described)}))
    return found


def _arrow_table() -> pa.Table:
    """Return a table with columns of many types."""
    days = [datetime.date(2024, 1, day) for day in range(1, 7)]
    return pa.table(
        {
            "x": [1.5, None, 3.0, 4.0, -0.0, 1e300],
            "i": pa.array([1, 2, 3, None, 5, 6], pa.int16()),
            "z": ["a", "b", None, "a", "é", ""],
            "l": pa.array(["a", "b", None, "a", "b", ""], pa.large_string()),
            "v": pa.array(["a", "b", None, "a", "b", "longer than twelve"], pa.string_view()),
            "d": pa.array(["a", "b", "a", "a", "b", None]).dictionary_encode(),
            "t": days,
            "s": pa.array([datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * 6),
            "n": pa.array([1, 2, 3, 4, 5, None], pa.decimal128(9, 2)),
            "b": [True, None, False, True, True, False],
            "y": [0, 1, 1, 0, 1, None],
        }
    )


def tables(form: str) -> list[bytes]:
    """Return files of tables in a format: text, Parquet or Arrow."""
    if form == "csv":
        frame = table().assign(y=np.arange(ROWS) % 2)
        quoted = 'a,"b ""c""",y\n1,"x\ny",0\n2,NA,1\n" 3","007",1\n'
        texts = [frame.to_csv(index=False), frame.to_csv(index=False, sep=";"), quoted]
        texts += [
            "a\ty\n1,5\t1\n2,5\t0\n",
            "y\n1\n",
            "a,y\r\n2024-01-01,x\r\n2024-01-02 10:00,z\r\n",
        ]
        return [text.encode() for text in texts]
    found = []
    for number in range(4):
        file = io.BytesIO()
        rows = _arrow_table()
        if form == "parquet":
            rows = rows.drop_columns(["v"])
            pyarrow.parquet.write_table(
                rows,
                file,
                compression=["none", "snappy", "zstd", "gzip"][number],
                row_group_size=4,
                write_page_checksum=number % 2 == 0,
                use_dictionary=number < 2,
                data_page_version="1.0" if number < 3 else "2.0",
            )
        elif number == 0:
            pyarrow.feather.write_feather(rows.drop_columns(["v"]), file, compression="lz4")
        else:
            codec = [None, "zstd", None][number - 1]
            make = pa.ipc.new_stream if number == 3 else pa.ipc.new_file
            with make(file, rows.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as out:
                out.write_table(rows, max_chunksize=4)
        found.append(file.getvalue())
    return found


def arrays(form: str) -> list[bytes]:
    """Return files of arrays in a format: .npy, .npz or IDX."""
    numbers = np.arange(12.0).reshape(4, 3)
    found: list[bytes] = []
    if form == "idx":
        return [
            bytes([0, 0, 8, 2]) + np.array([4, 3], ">u4").tobytes() + bytes(range(12)),
            bytes([0, 0, 13, 3])
            + np.array([2, 2, 3], ">u4").tobytes()
            + numbers.astype(">f4").tobytes(),
        ]
    for rows in (
        numbers,
        numbers.astype(">i2"),
        np.asfortranarray(numbers),
        numbers.reshape(2, 2, 3),
    ):
        file = io.BytesIO()
        if form == "npy":
            np.save(file, rows)
        elif len(found) < 2:
            np.savez(file, X=rows, y=np.array(["a", "b"] * 2))
        else:
            np.savez_compressed(file, rows, np.arange(len(rows)))
        found.append(file.getvalue())
    return found


def seeds(form: str) -> list[bytes]:
    """Return small valid files of a format."""
    if form == "model":
        return models()
    if form == "checkpoint":
        return checkpoints()
    return tables(form) if form in {"csv", "parquet", "arrow"} else arrays(form)
