"""Time training against scikit-learn and PyTorch, in turn, in one run. `make bench` runs this.

All sides do the same arithmetic: Adam, float32, relu, softmax cross-entropy,
the same rows, batches and epochs, no stopping, no dropout, no L2. Each round
times epochal, then scikit-learn, then PyTorch, if a Python that has it is named,
then one large matrix product, and those of a step by themselves; what is reported are
medians over rounds of ratios within a round, so that a change in the machine's pace meets all alike. Of
PyTorch the fastest of the ways in `torch_training.py` counts, found in the first round.

Compilation is paid once per kind of network and kept on disk: it is measured
apart, as the first fit of one epoch less the second, with the store turned off.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.ensemble import BaggingClassifier
from sklearn.neural_network import MLPClassifier

import machine
import pages
import speed_report
from epochal import EpochalClassifier
from torch_training import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochal.records import EpochEvent

HERE = Path(__file__).parent
MEMBERS = 16
WORKERS = 2


class Shape(NamedTuple):
    """A network, its rows and batches, and how many epochs one timing takes."""

    sizes: tuple[int, ...]
    batch_size: int
    rows: int
    epochs: int
    ensemble: bool

    @property
    def name(self) -> str:
        """The widths, from features to classes."""
        return "→".join(map(str, self.sizes))

    @property
    def products(self) -> int:
        """Floating-point operations of the matrix products of one epoch.

        Two per weight and row forward, two for the gradient of the weights and
        two for that of the layer's inputs, which the first layer does not need.

        >>> Shape((2, 3, 5), 1, 10, 1, ensemble=False).products
        1140
        """
        weights = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return self.rows * (6 * sum(weights) - 2 * weights[0])


# Widths of Covertype and Fashion-MNIST; epochs so that one timing takes seconds.
SHAPES = (
    Shape((20, 32, 3), 32, 50_000, 3, ensemble=False),
    Shape((54, 100, 7), 200, 100_000, 5, ensemble=True),
    Shape((54, 256, 256, 7), 256, 100_000, 3, ensemble=True),
    Shape((784, 512, 512, 10), 256, 60_000, 2, ensemble=True),
    Shape((784, 1024, 1024, 10), 1000, 100_000, 1, ensemble=False),
)


class Timing(NamedTuple):
    """One fit: seconds per epoch of the whole, and of the training in it; the last loss."""

    whole: float
    training: float
    loss: float


def rows_of(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return standard normal rows, float32, and classes that a linear teacher gives them."""
    random = np.random.default_rng(0)
    features, classes = shape.sizes[0], shape.sizes[-1]
    x = random.standard_normal((shape.rows, features), np.float32)
    teacher = random.standard_normal((features, classes), np.float32)
    noise = random.gumbel(size=(shape.rows, classes)).astype(np.float32)
    return x, np.argmax(x @ teacher + noise, axis=1)


def time_epochal(
    shape: Shape, x: np.ndarray, y: np.ndarray, *, members: int = 1, epochs: int | None = None
) -> Timing:
    """Return the timing of one fit of ours; what precedes the first epoch is in `whole` only."""
    epochs = epochs or shape.epochs
    events: list[EpochEvent] = []
    model = EpochalClassifier(
        # The plain network: nothing of what the default preset puts around it.
        preset="classic",
        learning_rate_init=1e-3,
        n_estimators=members,
        hidden_layer_sizes=shape.sizes[1:-1],
        batch_size=shape.batch_size,
        max_iter=epochs,
        solver="adam",
        l2=0.0,
        dropout=0.0,
        early_stopping=False,
        random_state=0,
        callbacks=[events.append],
    )
    seconds = machine.seconds_of(lambda: model.fit(x, y))
    last = events[-1]
    return Timing(seconds / epochs, last.seconds / epochs, last.training_loss[0])


def _peer(shape: Shape) -> MLPClassifier:
    """Return scikit-learn's network of the same arithmetic."""
    return MLPClassifier(
        hidden_layer_sizes=shape.sizes[1:-1],
        batch_size=shape.batch_size,
        max_iter=shape.epochs,
        solver="adam",
        alpha=0.0,
        tol=0.0,
        n_iter_no_change=shape.epochs + 1,
        random_state=0,
    )


def time_sklearn(shape: Shape, x: np.ndarray, y: np.ndarray) -> Timing:
    """Return the timing of one fit of theirs, which prepares next to nothing."""
    model = _peer(shape)
    seconds = machine.seconds_of(lambda: model.fit(x, y)) / shape.epochs
    return Timing(seconds, seconds, float(model.loss_curve_[-1]))


def time_bagging(shape: Shape, x: np.ndarray, y: np.ndarray) -> Timing:
    """Return the timing of their ensemble, two members at a time, all rows to each."""
    model = BaggingClassifier(
        _peer(shape), n_estimators=MEMBERS, bootstrap=False, n_jobs=WORKERS, random_state=0
    )
    seconds = machine.seconds_of(lambda: model.fit(x, y)) / shape.epochs
    return Timing(seconds, seconds, float(model.estimators_[0].loss_curve_[-1]))


class Torch:
    """PyTorch in a process of its own; `way` is the fastest for the rows given, once it is known."""

    def __init__(self, python: str, shape: Shape, rows: Path) -> None:
        self.way: str | None = None
        sizes, size = list(shape.sizes), shape.batch_size
        self.request = {
            "sizes": sizes,
            "batch_size": size,
            "epochs": shape.epochs,
            "rows": str(rows),
        }
        self.process = subprocess.Popen(
            [python, str(HERE / "torch_training.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # Until it has started: what is timed next would have less than the whole machine.
        self._answer()

    def time(self) -> dict[str, Any]:
        """Return the timing of one training in the fastest way."""
        if self.way is None:
            answers = [self._asked(way) for way in WAYS]
            best = min((a for a in answers if "error" not in a), key=itemgetter("training"))
            self.way = best["way"]
            return {**best, "ways": answers}
        return self._asked(self.way)

    def _asked(self, way: str) -> dict[str, Any]:
        """Return the answer for a way."""
        if self.process.stdin is None:
            raise RuntimeError("the process has no ends")
        self.process.stdin.write(json.dumps({**self.request, "way": way}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """Return what the process says next."""
        if self.process.stdout is None:
            raise RuntimeError("the process has no ends")
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


@contextmanager
def torch_for(
    python: str | None, shape: Shape, x: np.ndarray, y: np.ndarray
) -> Iterator[Torch | None]:
    """Give PyTorch with some rows; None without a Python that has it."""
    if python is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npz"
        np.savez(rows, x=x, y=y)
        torch = Torch(python, shape, rows)
        try:
            yield torch
        finally:
            torch.close()


def compare_one(shape: Shape, rounds: int, python: str | None = None) -> dict[str, Any]:
    """Return the rounds of one network against one, JSON-ready; `python` has PyTorch."""
    x, y = rows_of(shape)
    compiling = _compilation(shape, x, y, members=1)
    timings = []
    with torch_for(python, shape, x, y) as torch:
        for _ in range(rounds):
            began, before = time.perf_counter(), machine.busy_seconds()
            ours, theirs = time_epochal(shape, x, y), time_sklearn(shape, x, y)
            sides: dict[str, Any] = {"epochal": ours._asdict(), "sklearn": theirs._asdict()}
            passed = time.perf_counter() - began
            others = machine.others_share(before, machine.busy_seconds(), passed)
            if torch is not None:
                sides["torch"] = torch.time()
            rates = {"jax": machine.jax_product_rate(), "numpy": machine.numpy_product_rate()}
            sides["alone"] = machine.products_seconds(shape.sizes, shape.batch_size)
            timings.append({**sides, "peak": rates, "others": round(others, 3)})
            _tell(f"{shape.name}: {theirs.training:.3f} s / {ours.training:.3f} s per epoch")
    return {**_described(shape), "compilation": compiling, "rounds": timings}


def compare_ensemble(shape: Shape, rounds: int) -> dict[str, Any]:
    """Return the rounds of an ensemble against one network and against bagging, JSON-ready."""
    shape = shape._replace(epochs=1)
    x, y = rows_of(shape)
    compiling = _compilation(shape, x, y, members=MEMBERS)
    # Their worker processes start here, outside the timing.
    time_bagging(shape, x[: shape.batch_size * 2], y[: shape.batch_size * 2])
    timings = []
    for _ in range(rounds):
        ours, one = time_epochal(shape, x, y, members=MEMBERS), time_epochal(shape, x, y)
        theirs, single = time_bagging(shape, x, y), time_sklearn(shape, x, y)
        sides = {"epochal": ours, "epochal_one": one, "sklearn": theirs, "sklearn_one": single}
        told: dict[str, Any] = {name: timing._asdict() for name, timing in sides.items()}
        timings.append({**told, "alone": machine.products_seconds(shape.sizes, shape.batch_size)})
        _tell(f"{shape.name}, {MEMBERS}: {theirs.training:.2f} s / {ours.training:.2f} s per epoch")
    return {**_described(shape), "members": MEMBERS, "compilation": compiling, "rounds": timings}


def _compilation(shape: Shape, x: np.ndarray, y: np.ndarray, members: int) -> float:
    """Return seconds of compilation: the first fit of one epoch less the second."""
    first, second = (time_epochal(shape, x, y, members=members, epochs=1) for _ in range(2))
    return max(first.whole - second.whole, 0.0)


def _described(shape: Shape) -> dict[str, Any]:
    """Return what a result says of its shape."""
    described = {"name": shape.name, "batch_size": shape.batch_size, "rows": shape.rows}
    return {**described, "epochs": shape.epochs, "products": shape.products}


def _tell(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def measure(
    shapes: Sequence[Shape], rounds: int, command: str, python: str | None = None
) -> dict[str, Any]:
    """Return all results, with the machine that they are of, JSON-ready."""
    result: dict[str, Any] = {"machine": machine.description(), "command": command}
    result["one"] = [compare_one(shape, rounds, python) for shape in shapes]
    result["ensemble"] = [compare_ensemble(shape, rounds) for shape in shapes if shape.ensemble]
    result["load_after"] = round(os.getloadavg()[0], 2)
    return result


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="timings of each side (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows to use (1)")
    parser.add_argument("--shapes", default="1,2,3,4,5", help="which of the five shapes (all)")
    parser.add_argument("--python", help="a Python that has torch, to time PyTorch too")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "training_speed.json")
    parser.add_argument("--read", type=Path, help="show these results instead of measuring")
    parser.add_argument("--write", action="store_true", help="put the tables into BENCHMARKS.md")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, keep the results; return the exit code."""
    arguments = _arguments(argv)
    # Programs kept on disk would hide the compilation; workers' warnings are not ours to show.
    os.environ.update(EPOCHAL_CACHE="", PYTHONWARNINGS="ignore")
    if arguments.read:
        result = json.loads(arguments.read.read_text(encoding="utf-8"))
    else:
        chosen = [SHAPES[int(number) - 1] for number in arguments.shapes.split(",")]
        shapes = [
            shape._replace(rows=max(int(shape.rows * arguments.scale), shape.batch_size))
            for shape in chosen
        ]
        command = shlex.join(["python", "benchmarks/training_speed.py", *(argv or sys.argv[1:])])
        result = measure(shapes, arguments.rounds, command, arguments.python)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = speed_report.page(result)
    print(text)
    if arguments.write:
        page = HERE.parent / "docs" / "BENCHMARKS.md"
        pages.write(text, page, "training-speed", "training_speed.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
