"""Time predictions beside boosted trees, scikit-learn's network and ONNX Runtime. `make bench-predict`.

The table is Adult (14 columns of numbers and categories), the model of epochal the default one with 16
members. All sides predict the same rows, in turn, in one process; the figure is the median over rounds of the
median of several calls. Of a prediction of ours it is said how long the data frame, the encoding and the
networks take. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import machine
import pages
from epochal import EpochalClassifier
from epochal.io.frames import as_rows
from epochal.nn.layers import dense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Call = Callable[[Any], Any]

HERE = Path(__file__).parent
ADULT = HERE.parent / "examples" / "adult"
TARGET = "income"
MILLION = 10**6
# Rows of a call.
FRAME_ROWS = (1, 100, 1000, 16_281, MILLION)
ARRAY_ROWS = (1, 100, 1000)
# Seconds that a round gives to each side.
SECONDS = 0.25
START = """
import time
began = time.perf_counter()
from epochal import {name}
model = {name}({path!r})
import pandas as pd
model.predict_proba(pd.DataFrame({row!r}))
import sys
print(time.perf_counter() - began, "jax" in sys.modules)
"""
# Who predicts the first row of a process.
LOADERS = ("load_predictor", "load")


def adult(part: str) -> pd.DataFrame:
    """Return a part of Adult: `train` or `test`."""
    return pd.read_csv(ADULT / f"adult-{part}.csv.gz")


def categorical(rows: pd.DataFrame) -> list[str]:
    """Return the names of the columns of texts."""
    return [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]


def frame_sides(rows: pd.DataFrame, labels: pd.Series) -> tuple[EpochalClassifier, dict[str, Call]]:
    """Return our default model of a table, and how each side predicts rows of it."""
    names = categorical(rows)
    ours = EpochalClassifier(random_state=0).fit(rows, labels)
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), names), remainder=StandardScaler()
    )
    network = make_pipeline(encoder, MLPClassifier(random_state=0)).fit(rows, labels)
    sides: dict[str, Call] = {
        "epochal": ours.predict_proba,
        "scikit-learn's MLP": network.predict_proba,
    }
    types = {name: pd.CategoricalDtype(rows[name].dropna().unique()) for name in names}
    truth = (labels == labels.max()).astype(int)
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        trees = LGBMClassifier(n_jobs=2, verbose=-1).fit(rows.astype(types), truth)
        sides["LightGBM"] = lambda some: trees.predict_proba(some.astype(types))
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        boosted = XGBClassifier(n_jobs=2, enable_categorical=True).fit(rows.astype(types), truth)
        sides["XGBoost"] = lambda some: boosted.predict_proba(some.astype(types))
    if find_spec("catboost"):
        from catboost import CatBoostClassifier

        gaps = dict.fromkeys(names, "")
        cat = CatBoostClassifier(
            thread_count=2, verbose=0, cat_features=names, allow_writing_files=False
        ).fit(rows.fillna(gaps), truth)
        sides["CatBoost"] = lambda some: cat.predict_proba(some.fillna(gaps))
    return ours, sides


def array_sides(rows: np.ndarray, labels: np.ndarray) -> dict[str, Call]:
    """Return how each side predicts rows of numbers."""
    sides: dict[str, Call] = {
        "epochal": EpochalClassifier(random_state=0, max_iter=3).fit(rows, labels).predict_proba,
        "scikit-learn's MLP": MLPClassifier(max_iter=20, random_state=0)
        .fit(rows, labels)
        .predict_proba,
    }
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        sides["LightGBM"] = LGBMClassifier(n_jobs=2, verbose=-1).fit(rows, labels).predict_proba
    return sides


def onnx_networks(model: EpochalClassifier) -> Call | None:
    """Return a call of the same layers by ONNX Runtime, on rows that are embedded already; None without it."""
    if not (find_spec("onnx") and find_spec("onnxruntime")):
        return None
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    stacks = list(zip(*(dense(layers) for layers in model.model_.members), strict=True))
    nodes, constants, last = [], [], "x"
    for depth, layers in enumerate(stacks):
        weights = np.stack([layer.weights for layer in layers])
        biases = np.stack([layer.bias for layer in layers])[:, None]
        for name, array in ((f"w{depth}", weights), (f"b{depth}", biases)):
            constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        nodes.append(helper.make_node("MatMul", [last, f"w{depth}"], [f"m{depth}"]))
        nodes.append(helper.make_node("Add", [f"m{depth}", f"b{depth}"], [f"a{depth}"]))
        last = f"a{depth}"
        if depth + 1 < len(stacks):
            nodes.append(helper.make_node("Relu", [last], [f"h{depth}"]))
            last = f"h{depth}"
    nodes.append(helper.make_node("Softmax", [last], ["p"], axis=-1))
    inputs = int(stacks[0][0].weights.shape[0])
    graph = helper.make_graph(
        nodes,
        "members",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, None, inputs])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, None)],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    embedded = np.random.default_rng(0).normal(size=(1, 16_281, inputs)).astype(np.float32)
    return lambda rows: session.run(None, {"x": embedded[:, :rows]})


def in_turn(sides: dict[str, Call], rows: Any, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a call of each side, one figure for each round."""

    def seconds(call: Call) -> float:
        """Return the seconds of a call."""
        return machine.seconds_of(lambda: call(rows))

    for call in sides.values():
        call(rows)
    times = {name: max(min(int(SECONDS / seconds(call)), 200), 1) for name, call in sides.items()}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            found[name].append(statistics.median(seconds(call) for _ in range(times[name])))
    return found


def rows_of(test: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return so many rows, repeated if there are not enough."""
    copies = -(-count // len(test))
    return (pd.concat([test] * copies, ignore_index=True) if copies > 1 else test).iloc[:count]


def parts_of(model: EpochalClassifier, rows: pd.DataFrame, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of our parts of a prediction: the data frame, the encoding, the networks."""
    preprocessor, compiled = model.model_.preprocessor, model.model_.compiled
    table = as_rows(rows)
    x = preprocessor.encode(table[: min(len(rows), 65_536)])
    times = len(rows) / len(x)
    parts: dict[str, Call] = {"frame": as_rows, "encoding": lambda _: preprocessor.encode(table)}
    found = in_turn(parts, rows, rounds)
    if compiled is not None:
        of_x = in_turn({"networks": compiled.mean_probabilities}, x, rounds)["networks"]
        found["networks"] = [times * seconds for seconds in of_x]
    return found


def start_seconds(path: Path, row: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of importing, loading and predicting one row in a new process, for each loader."""
    found: dict[str, list[float]] = {name: [] for name in LOADERS}
    for _ in range(rounds):
        for name, seconds in found.items():
            code = START.format(path=str(path), name=name, row=row)
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            taken, jax = done.stdout.split()
            if jax != "False":
                raise RuntimeError("predicting one row has loaded JAX")
            seconds.append(float(taken))
    return found


def measure(counts: Sequence[int], rounds: int, command: str) -> dict[str, Any]:
    """Return all results, JSON-ready, with the machine that they are of.

    Args:
        counts: rows of a data frame.
        rounds: timings of each side.
        command: with which this was called.
    """
    result: dict[str, Any] = {"machine": machine.description(), "command": command}
    train, test = adult("train"), adult("test").drop(columns=TARGET)
    ours, sides = frame_sides(train.drop(columns=TARGET), train[TARGET])
    result["weights"] = sum(layer.weights.size for m in ours.model_.members for layer in dense(m))
    result["frame"], result["parts"] = {}, {}
    for count in counts:
        rows = rows_of(test, count)
        result["frame"][count] = in_turn(sides, rows, rounds)
        result["parts"][count] = parts_of(ours, rows, rounds)
        _tell(f"frame of {count:,}")
    runtime = onnx_networks(ours)
    if runtime is not None:
        few = [count for count in counts if count <= 16_281]
        result["onnx"] = {n: in_turn({"onnx": runtime}, n, rounds)["onnx"] for n in few}
    random = np.random.default_rng(0)
    numbers = random.normal(size=(5000, 14))
    labels = (numbers[:, 0] * numbers[:, 1] > 0).astype(int)
    of_arrays = array_sides(numbers, labels)
    result["array"] = {n: in_turn(of_arrays, numbers[:n], rounds) for n in ARRAY_ROWS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adult.epochal"
        ours.save(path)
        first = test.dropna()[:1]
        result["start"] = start_seconds(path, first.to_dict("list"), rounds)
    result["peak"] = [machine.numpy_product_rate() for _ in range(rounds)]
    result["load_after"] = round(os.getloadavg()[0], 2)
    return result


def page(result: dict[str, Any]) -> str:
    """Return the tables of the results."""
    middle = statistics.median
    names = list(next(iter(result["frame"].values())))
    head = ("rows of a data frame", *(f"{name}, ms" for name in names))
    frames = [
        (f"{int(n):,}", *(f"{1e3 * middle(found[name]):,.2f}" for name in names))
        for n, found in result["frame"].items()
    ]
    parts = []
    for n, found in result["parts"].items():
        whole, each = (
            middle(result["frame"][n]["epochal"]),
            {k: middle(v) for k, v in found.items()},
        )
        networks = each.get("networks", math.inf)
        share = 2e-9 * result["weights"] * int(n) / networks / middle(result["peak"])
        onnx = result.get("onnx", {}).get(n)
        cells = [
            f"{1e3 * whole:,.2f}",
            f"{1e3 * each['frame']:,.2f}",
            f"{1e3 * each['encoding']:,.2f}",
        ]
        cells += [f"{1e3 * networks:,.2f}", f"{share:.0%}"] if "networks" in each else ["", ""]
        parts.append((f"{int(n):,}", *cells, f"{1e3 * middle(onnx):,.2f}" if onnx else ""))
    columns = ("rows", "whole, ms", "data frame", "encoding", "networks", "share of peak")
    arrays = [
        (f"{int(n):,}", *(f"{1e3 * middle(seconds):,.3f}" for seconds in found.values()))
        for n, found in result["array"].items()
    ]
    sides = [f"{name}, ms" for name in next(iter(result["array"].values()))]
    starts = [f"{middle(found):.2f} s with `{name}`" for name, found in result["start"].items()]
    start = f"Import, load, pandas and the first row in a new process: {', '.join(starts)}."
    return "\n\n".join(
        [
            pages.conditions(result),
            pages.table(head, frames),
            "Where our time goes; in the last column the layers alone by ONNX Runtime, without the embedding:",
            pages.table((*columns, "ONNX Runtime, ms"), parts),
            pages.table(("rows of an array of 14 numbers", *sides), arrays),
            start,
        ]
    )


def _tell(line: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, keep the results; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="timings of each side (3)")
    parser.add_argument("--rows", help="of the data frames, by comma (1 to a million)")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "prediction_speed.json")
    parser.add_argument("--read", type=Path, help="show these results instead of measuring")
    parser.add_argument("--write", action="store_true", help="put the tables into BENCHMARKS.md")
    arguments = parser.parse_args(argv)
    if arguments.read:
        result = json.loads(arguments.read.read_text(encoding="utf-8"))
    else:
        counts = [int(n) for n in arguments.rows.split(",")] if arguments.rows else FRAME_ROWS
        command = shlex.join(["python", "benchmarks/prediction_speed.py", *(argv or sys.argv[1:])])
        result = json.loads(json.dumps(measure(counts, arguments.rounds, command)))
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = page(result)
    print(text)
    if arguments.write:
        pages.write(
            text, HERE.parent / "docs" / "BENCHMARKS.md", "prediction-speed", "prediction_speed.py"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
