"""Time what is not training speed: small data, searches, start, prediction, how cost grows.

`make bench-everyday` runs this. Both sides of a comparison do the same work:
relu, softmax cross-entropy, the same rows, batches and epochs, no stopping, no
dropout. They are timed in turn, and what is reported are medians over rounds
of what was compared within a round. Targets are printed beside the figures.

What is compiled in this process is compiled before it is timed, but for the
search, which is timed from nothing. Processes that are timed whole find the
programs of an earlier one on disk, as a user's second call does.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV

import everyday_report
import machine
import pages
from everyday_costs import MANY, MEMBERS, apart, growth, network, peer, predictors
from training_speed import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from everyday_costs import Calls

HERE = Path(__file__).parent
# Rows a step on iris: what epochal's "auto" gives, and what scikit-learn's does.
SMALL_BATCHES, SMALL_EPOCHS = (32, 150), 100
# 24 settings, none of which is a shape: rates and momenta beside three decays.
RATES, DECAYS, MOMENTA = (0.003, 0.006, 0.012, 0.024), (0.0, 1e-4, 1e-3), (0.5, 0.9)
SEARCH_EPOCHS, FOLDS = 100, 5
# Calls of one timing of one row; processes that are short, of each kind and round.
CALLS, PROCESSES = 500, 5
TRAIN = ("--target", "target", "--random-state", "0", "--quiet")
FIRST_FIT = """
import json, time
from sklearn.datasets import load_iris
from epochal import EpochalClassifier
x, y = load_iris(return_X_y=True)
def fit():
    told = []
    model = EpochalClassifier(random_state=0, callbacks=[told.append])
    began = time.perf_counter()
    model.fit(x, y)
    first, last = told[0], told[-1]
    per_epoch = (last.seconds - first.seconds) / max(last.epoch - first.epoch, 1)
    return time.perf_counter() - began, per_epoch * last.epoch
(first, epochs), (second, _) = fit(), fit()
print(json.dumps({"first": first, "epochs": epochs, "second": second}))
"""


def in_turn(calls: Calls, rounds: int) -> list[dict[str, float]]:
    """Return the seconds of each call in each round, in which one follows the other."""
    return [{name: machine.seconds_of(call) for name, call in calls.items()} for _ in range(rounds)]


def in_turn_with_peak(
    calls: Calls, rounds: int, shape: Shape | None = None
) -> list[dict[str, Any]]:
    """Return the same, each round with the pace of one large matrix product, GFLOP/s.

    With the shape of a network also what the products of one of its steps take alone, seconds.
    """
    timings: list[dict[str, Any]] = []
    for _ in range(rounds):
        (timing,) = in_turn(calls, 1)
        peak = {"jax": machine.jax_product_rate(), "numpy": machine.numpy_product_rate()}
        timings.append({**timing, "peak": peak})
        if shape is not None:
            alone = machine.products_seconds(shape.sizes, shape.batch_size)
            timings[-1]["alone"] = alone["least"]
    return timings


def small_data(rounds: int) -> list[dict[str, Any]]:
    """Return the rounds of fits on iris, by the rows of a step."""
    x, y = load_iris(return_X_y=True)
    results = []
    for batch_size in SMALL_BATCHES:
        same = {"hidden_layer_sizes": (100,), "batch_size": batch_size, "max_iter": SMALL_EPOCHS}
        ours = network(solver="adam", learning_rate_init=1e-3, **same)
        theirs = peer(solver="adam", **same)
        calls: Calls = {
            "epochal": partial(ours.fit, x, y),
            "sklearn": partial(theirs.fit, x, y),
        }
        in_turn(calls, 1)
        timings = in_turn(calls, 5 * rounds)
        results.append({"batch_size": batch_size, "epochs": SMALL_EPOCHS, "rounds": timings})
    return results


def search(rounds: int) -> dict[str, Any]:
    """Return the rounds of searches on digits, and how many programs each of ours compiles."""
    x, y = load_digits(return_X_y=True)
    x = x / 16.0
    shape = Shape((x.shape[1], 100, 10), 200, len(x), 1, ensemble=False)
    rows = len(x) * (FOLDS - 1) // FOLDS
    same = {
        "hidden_layer_sizes": shape.sizes[1:-1],
        "batch_size": shape.batch_size,
        "max_iter": SEARCH_EPOCHS,
    }
    ours, theirs = network(solver="sgd", **same), peer(solver="sgd", **same)
    rates = {"learning_rate_init": RATES}
    whole = {**rates, "momentum": MOMENTA}
    compiled: list[str] = []

    def searched(model: Any, grid: dict[str, Any]) -> None:
        """Search anew, with nothing compiled."""
        jax.clear_caches()
        compiled.clear()
        GridSearchCV(model, grid, cv=FOLDS, refit=False, error_score="raise").fit(x, y)

    def count(event: str, duration_secs: float, **kwargs: str | int) -> None:  # noqa: ARG001
        """Count a program that is compiled."""
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    compilations: dict[str, int] = {}
    jax.monitoring.register_event_duration_secs_listener(count)
    for grid in (rates, {**whole, "l2": DECAYS}):
        machine.seconds_of(partial(searched, ours, grid))
        compilations[str(int(np.prod([len(values) for values in grid.values()])))] = len(compiled)
    jax.monitoring.unregister_event_duration_listener(count)
    settings = int(max(compilations, key=int))
    calls: Calls = {
        "epochal": partial(searched, ours, {**whole, "l2": DECAYS}),
        "sklearn": partial(searched, theirs, {**whole, "alpha": DECAYS}),
    }
    return {
        "folds": FOLDS,
        "epochs": SEARCH_EPOCHS,
        "compilations": compilations,
        "products": shape.products * (FOLDS - 1) * SEARCH_EPOCHS * settings,
        "steps": math.ceil(rows / shape.batch_size) * SEARCH_EPOCHS * settings * FOLDS,
        "rounds": in_turn_with_peak(calls, rounds, shape),
    }


def start(rounds: int) -> dict[str, Any]:
    """Return the seconds of whole processes, and what a first fit takes beside its epochs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "EPOCHAL_CACHE": str(folder / "programs")}
        table = folder / "iris.csv"
        load_iris(as_frame=True).frame.to_csv(table, index=False)

        def run(*words: object) -> str:
            """Return what a process of this Python prints."""
            return subprocess.run(
                [sys.executable, *map(str, words)],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ).stdout

        train = ("-m", "epochal", "train", table, *TRAIN, "--out", folder / "iris.epochal")
        run(*train)
        run("-c", FIRST_FIT)
        calls: Calls = {
            "epochal": lambda: run("-c", "import epochal"),
            "bare": lambda: run("-c", "pass"),
        }
        return {
            "train": in_turn({"epochal": lambda: run(*train)}, 2 * rounds),
            "import": in_turn(calls, PROCESSES * rounds),
            "first_fit": [json.loads(run("-c", FIRST_FIT)) for _ in range(2 * rounds)],
        }


def one_row(rounds: int) -> dict[str, Any]:
    """Return the rounds of predictions of one row by one network, seconds of so many calls."""
    x, y = load_iris(return_X_y=True)
    ours, theirs = (make(hidden_layer_sizes=(100,), max_iter=20) for make in (network, peer))
    machine.seconds_of(lambda: (ours.fit(x, y), theirs.fit(x, y)))
    row = x[:1]
    calls: Calls = {
        "epochal": lambda: [ours.predict_proba(row) for _ in range(CALLS)],
        "sklearn": lambda: [theirs.predict_proba(row) for _ in range(CALLS)],
    }
    in_turn(calls, 1)
    return {"calls": CALLS, "rounds": in_turn(calls, 5 * rounds)}


def many_rows(rounds: int) -> dict[str, Any]:
    """Return the rounds of predictions of many rows by several networks, and their memory."""
    calls = predictors(MANY.rows)
    ours, theirs = calls["epochal"]()[:1000], calls["sklearn"]()[:1000]
    if ours.shape != theirs.shape:
        raise ValueError(f"probabilities of shapes {ours.shape} and {theirs.shape}")
    weights = sum(a * b for a, b in zip(MANY.sizes, MANY.sizes[1:], strict=False))
    return {
        "network": MANY.name,
        "rows": MANY.rows,
        "members": MEMBERS,
        "products": 2 * weights * MANY.rows * MEMBERS,
        "beyond_mb": {side: apart(side=side, rows=MANY.rows)["beyond_mb"] for side in calls},
        "rounds": in_turn_with_peak(calls, rounds),
    }


PARTS: dict[str, Callable[[int], Any]] = {
    "small": small_data,
    "search": search,
    "start": start,
    "one_row": one_row,
    "many_rows": many_rows,
    "growth": lambda _: growth(),
}


def _tell(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def measure(parts: Sequence[str], rounds: int, command: str) -> dict[str, Any]:
    """Return all results, with the machine that they are of, JSON-ready."""
    result: dict[str, Any] = {"machine": machine.description(), "command": command}
    for part in parts:
        _tell(part)
        result[part] = PARTS[part](rounds)
    result["load_after"] = round(os.getloadavg()[0], 2)
    return result


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="timings of long calls (3)")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which ({','.join(PARTS)})")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "everyday_speed.json")
    parser.add_argument("--read", type=Path, help="show these results instead of measuring")
    parser.add_argument("--write", action="store_true", help="put table and picture into docs/")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, keep the results; return the exit code."""
    arguments = _arguments(argv)
    # Programs kept on disk would hide what is compiled.
    os.environ["EPOCHAL_CACHE"] = ""
    if arguments.read:
        result = json.loads(arguments.read.read_text(encoding="utf-8"))
    else:
        command = shlex.join(["python", "benchmarks/everyday_speed.py", *(argv or sys.argv[1:])])
        result = measure(arguments.parts.split(","), arguments.rounds, command)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    docs = HERE.parent / "docs"
    for section, text in everyday_report.sections(result).items():
        print(text, end="\n\n")
        if arguments.write:
            pages.write(text, docs / "BENCHMARKS.md", section, "everyday_speed.py")
    if arguments.write and "growth" in result:
        drawn = everyday_report.picture(result["growth"])
        (docs / "cost.svg").write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
