"""Peak memory and speed on a table that is larger than a limit. `make bench-larger-than-memory FOLDER=folder`.

Three comparisons, each on tables that are written to FOLDER once (`big_table`), every
phase in a process of its own that is watched (`memory_watch`):

- without more: epochal with `--memory` beside scikit-learn and PyTorch fed chunk by
  chunk (`streaming_peers`), the same network, batches and epochs;
- `--throughput`: epochal with a limit so small that rows are kept on disk, and with
  one so large that they are kept in memory, in turn;
- `--sorted`: accuracy on other rows, learnt from rows sorted by class with the small
  limit, and from the same rows as drawn with the large one.

Results are added to a file of JSON lines; of equal runs the last is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import big_table
import larger_than_memory_report as report
import machine
import pages
from big_table_columns import COLUMNS
from larger_than_memory_methods import (
    IMPORTS,
    OURS,
    PHASES,
    TRAINING,
    Task,
    available,
    command,
    start_up,
)
from memory_watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memory_watch import Watched

HERE = Path(__file__).parent
OUT = HERE / "results" / "larger_than_memory.jsonl"
PAGE = HERE.parent / "docs" / "BENCHMARKS.md"
FIGURES = ("accuracy", "log_loss")
# What is not kept where other work runs beside.
SECONDS = ("seconds", "rows_per_s", "rows_per_s_within", "epoch_s")
MACHINE = ("processor", "vectors", "cores", "system", "load", "date")
# Rows to validate and to test on, one for so many rows to train on, and their seeds.
ROWS_FOR_ONE = 10
VALID_SEED, TEST_SEED = 1, 2


def measured(method: str, phase: str, task: Task) -> dict[str, Any]:
    """Return what one phase of one method took, JSON-ready."""
    if phase in TRAINING:
        # A training that fails shall leave no model of an earlier one.
        task.model(method, phase).unlink(missing_ok=True)
    watched = watch(command(method, phase, task))
    _tell(f"{method}, {phase}: {watched.seconds:.1f} s, {watched.peak_mb:,.0f} MB")
    rows = described(task.table if phase in TRAINING else task.new)["rows"]
    if phase == "validate":
        rows += described(task.valid)["rows"]
    found: dict[str, Any] = {"method": method, "phase": phase}
    if method in OURS:
        found["limit"] = task.limit
    found |= {"epochs": task.epochs, "batch_size": task.batch_size}
    found |= {"seconds": round(watched.seconds, 3), "peak_mb": watched.peak_mb}
    found |= {"own_mb": watched.own_mb, "files_mb": watched.files_mb}
    if watched.code:
        return {**found, "failed": f"exit code {watched.code}: {_reason(watched.complaint)}"}
    return {**found, **_outcome(watched, rows)}


def _reason(complaint: str) -> str:
    r"""Return the line that says what went wrong: the last that names an error, or the last.

    >>> _reason("epochal: error: there is no room.\nepochal: hint: make some")
    'epochal: error: there is no room.'
    """
    lines = complaint.strip().splitlines() or ["no word"]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])[:200]


def _outcome(watched: Watched, rows: int) -> dict[str, Any]:
    """Return rows per second, of the whole and within the epochs, and the figures that were printed.

    Within: from the end of the first epoch, which compiles, to the end of the last.
    """
    said = [json.loads(line) for line in watched.printed.splitlines() if line.startswith("{")]
    epochs = [line for line in said if line.get("event") == "epoch"]
    found = {"rows_per_s": round(rows * max(len(epochs), 1) / watched.seconds)}
    if len(epochs) > 1:
        passed = epochs[-1]["seconds"] - epochs[0]["seconds"]
        found["epoch_s"] = passed / (len(epochs) - 1)
        found["rows_per_s_within"] = round(rows / found["epoch_s"])
    last = said[-1] if said else {}
    found |= {name: last[name] for name in FIGURES if name in last}
    if epochs and "training_loss" in epochs[-1]:
        found["training_loss"] = epochs[-1]["training_loss"][0]
    return found


def compare(arguments: argparse.Namespace, task: Task) -> Iterator[dict[str, Any]]:
    """Yield what every phase of every method took."""
    for method in arguments.methods:
        base = start_up(method, task.python)
        for phase in arguments.phases:
            # The model that `train` leaves is predicted and evaluated with.
            found = measured(method, phase, task)
            above = round(found["peak_mb"] - base, 1)
            if arguments.peaks_only:
                found = {name: value for name, value in found.items() if name not in SECONDS}
            yield {"mode": "methods", **found, "start_mb": base, "above_start_mb": above}


def throughput(arguments: argparse.Namespace, task: Task) -> Iterator[dict[str, Any]]:
    """Yield for each of our methods the rounds of training from disk and in memory, in turn."""
    limits = {"disk": task.limit, "memory": arguments.large}
    for method in (name for name in arguments.methods if name in OURS):
        rounds: list[dict[str, Any]] = []
        for number in range(arguments.rounds):
            # Neither side is always the first.
            order = sorted(limits, reverse=bool(number % 2))
            sides = {
                side: measured(method, "train", task._replace(limit=limits[side])) for side in order
            }
            rounds.append(sides)
        same = {"method": method, "limit": task.limit, "large": arguments.large}
        yield {"mode": "throughput", **same, "epochs": task.epochs, "rounds": rounds}


def by_class(arguments: argparse.Namespace, task: Task) -> Iterator[dict[str, Any]]:
    """Yield accuracies on other rows, learnt from sorted rows and from the same as drawn."""
    test = table_of(arguments, max(arguments.rows // ROWS_FOR_ONE, 1), TEST_SEED)
    ordered = table_of(arguments, arguments.rows, 0, ordered=True)
    drawn = task._replace(new=test, limit=arguments.large)
    for method in arguments.methods:
        for order, one in (
            ("as drawn", drawn),
            ("by class", task._replace(table=ordered, new=test)),
        ):
            found = measured(method, "train", one)
            if "failed" not in found:
                told = measured(method, "evaluate", one)
                found |= {name: told[name] for name in FIGURES if name in told}
            best = described(test)["best_accuracy"]
            yield {"mode": "sorted", "order": order, **found, "best_accuracy": best}


def table_of(arguments: argparse.Namespace, rows: int, seed: int, *, ordered: bool = False) -> Path:
    """Return where a table is, after writing it if it is not there."""
    name = f"rows-{rows}-columns-{arguments.columns}-seed-{seed}{'-sorted' if ordered else ''}"
    path: Path = arguments.folder / f"{name}.{arguments.format}"
    if not big_table.described_at(path).exists():
        written = big_table.write(path, rows, arguments.columns, seed, by_class=ordered)
        _tell(f"{path}: {written['bytes']:,} bytes in {written['generation_s']} s")
    return path


def described(table: Path) -> dict[str, Any]:
    """Return what is known of a table."""
    return dict(json.loads(big_table.described_at(table).read_text(encoding="utf-8")))


def task_of(arguments: argparse.Namespace) -> Task:
    """Return what the command line asks for, its tables written."""
    table = table_of(arguments, arguments.rows, 0)
    valid = table_of(arguments, max(arguments.rows // ROWS_FOR_ONE, 1), VALID_SEED)
    models = arguments.folder / "models"
    models.mkdir(exist_ok=True)
    kept = arguments.memory, arguments.epochs, arguments.batch_size, arguments.python
    return Task(table, valid, table, models, *kept)


def _tell(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="folder of tables and models; it needs space")
    add("--rows", type=int, default=10_000_000, help="to train on (10,000,000)")
    add("--columns", type=int, default=COLUMNS, help=f"({COLUMNS})")
    add("--format", choices=("parquet", "csv", "arrow"), default="parquet")
    add("--memory", default="1GB", help="our limit (1GB); `none`: no limit")
    add("--large", default="16GB", help="the limit with which rows stay in memory (16GB)")
    add("--epochs", type=int, default=3)
    add("--batch-size", type=int, default=1024)
    add("--methods", default="epochal,sklearn,torch", help=f"by comma; also {', '.join(OURS)}")
    add("--phases", default=",".join(PHASES), help="by comma")
    add("--python", default=sys.executable, help="a Python that has the peers' packages")
    add("--throughput", action="store_true", help="compare ours from disk and in memory")
    add("--sorted", action="store_true", help="compare rows sorted by class and as drawn")
    add("--peaks-only", action="store_true", help="other processes run meanwhile: store no seconds")
    add("--rounds", type=int, default=3, help="of --throughput (3)")
    add("--out", type=Path, default=OUT, help="the file that results are added to")
    add("--read", action="store_true", help="show stored results instead of measuring")
    add("--write", action="store_true", help="put the tables into docs/BENCHMARKS.md")
    arguments = parser.parse_args(argv)
    arguments.methods, arguments.phases = arguments.methods.split(","), arguments.phases.split(",")
    for given, known in ((arguments.methods, (*OURS, *IMPORTS)), (arguments.phases, PHASES)):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.throughput and arguments.epochs < 2:
        parser.error(
            "--throughput takes --epochs 2 or more: the first one compiles and is not counted"
        )
    return arguments


def _there(method: str, python: str) -> bool:
    """Whether a method can run here; if it cannot, tell it."""
    there = available(method, python)
    if not there:
        _tell(f"{method}: left out; {python} lacks its packages (--python PYTHON)")
    return there


def run(arguments: argparse.Namespace) -> None:
    """Measure what is asked for, and add a line to the results as soon as it is there."""
    arguments.methods = [one for one in arguments.methods if _there(one, arguments.python)]
    task = task_of(arguments)
    at = machine.description()
    same = {name: at[name] for name in MACHINE}
    same |= {"format": arguments.format, **described(task.table)}
    found = compare
    if arguments.throughput or arguments.sorted:
        found = throughput if arguments.throughput else by_class
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for row in found(arguments, task):
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(same | row) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables of all results, and return the exit code."""
    arguments = _arguments(argv)
    if not arguments.read:
        run(arguments)
    there = arguments.out.exists()
    lines = arguments.out.read_text(encoding="utf-8").splitlines() if there else []
    text = report.page([json.loads(line) for line in lines])
    print(text)
    if arguments.write:
        pages.write(text, PAGE, "larger-than-memory", "larger_than_memory.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
