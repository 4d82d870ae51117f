"""Where the time of a whole default fit goes. `make bench-whole-fit DATA=folder`.

DATA is a suite as `accuracy_protocol` has it; a table may also be a folder of it with the
IDX files of images, and have the most epochs behind a colon: `fashion_mnist:2`. Each
is fitted in two processes of its own. One is watched for seconds and peak memory. The
other is traced by JAX for a moment every few seconds, as a trace of the whole would be
cut. Tracing makes short operations several times as long: what the shortest takes is
taken from each, and loops of short ones are still an upper bound. The operations in C
go by their own names, which XLA tells where it writes down what it compiles.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

import images
import machine
import pages
from accuracy_protocol import split, tables
from epochal import EpochalClassifier
from memory_watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "BENCHMARKS.md"
# Seconds between two traces, and of each; other operations that are shown.
PAUSE, MOMENT, SHOWN = 4.0, 0.2, 3
# How the names of compiled products begin. Those of loops and calls are counted by what is in them.
PRODUCTS = ("dot", "ynn_fusion", "epochal_dense", "epochal_fused_adam")
AROUND = ("while", "call", "conditional")
DUMP = "--xla_dump_to="
# An operation in C in what XLA writes down, and what it is called there.
IN_C = re.compile(r'%(\S+) = .*custom_call_target="(epochal_\w+)"')


class Share(NamedTuple):
    """An operation of a compiled program, and its share of the time of all."""

    operation: str
    program: str
    share: float


def fit(folder: Path, table: str, preset: str) -> None:
    """Fit a preset to a table's training rows."""
    name, _, most = table.partition(":")
    settings: dict[str, Any] = {"max_iter": int(most)} if most else {}
    at = dict(tables(folder))
    if name in at:
        rows, labels, *_ = split(at[name], seed=0)
    else:
        rows, labels = images.labelled(folder / name, "train")
    EpochalClassifier(preset=preset, random_state=0, **settings).fit(rows, labels)


def traced(folder: Path, table: str, preset: str) -> list[Share]:
    """Return what a fit's operations took, the longest first."""
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as at:

        def look() -> None:
            """Trace a moment, again and again."""
            options = jax.profiler.ProfileOptions()
            options.python_tracer_level = 0
            number = 0
            while not ended.wait(PAUSE):
                jax.profiler.start_trace(Path(at) / str(number), profiler_options=options)
                ended.wait(MOMENT)
                jax.profiler.stop_trace()
                number += 1

        looking = threading.Thread(target=look)
        looking.start()
        try:
            fit(folder, table, preset)
        finally:
            ended.set()
            looking.join()
        files = Path(at).rglob("*.trace.json.gz")
        return shares((event for file in files for event in _events(file)), names_in_c())


def _events(file: Path) -> list[dict[str, Any]]:
    """Return the events of a trace."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]
    return found


def names_in_c() -> dict[str, str]:
    """Return what operations in C are, by their names in a trace; empty if XLA writes nothing down."""
    folder = os.environ.get("XLA_FLAGS", "").partition(DUMP)[2]
    files = Path(folder).glob("*after_optimizations.txt") if folder else ()
    return dict(found for file in files for found in IN_C.findall(file.read_text("utf-8")))


def shares(events: Iterable[dict[str, Any]], names: Mapping[str, str] | None = None) -> list[Share]:
    """Return the operations' shares, the longest first; products are one, as are others of one name.

    >>> event = {"ph": "X", "name": "dot.1", "dur": 3.0, "args": {"hlo_module": "jit_step"}}
    >>> shares([event, event | {"name": "add", "dur": 1.0}, event | {"name": "fusion", "dur": 2.0}])
    [Share(operation='matrix products', program='', share=0.666...), Share(operation='fusion', ...
    """
    took: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        program = event.get("args", {}).get("hlo_module")
        if event.get("ph") == "X" and program and not event["name"].startswith(AROUND):
            took[event["name"], program].append(event["dur"])
    least = min((median(times) for times in took.values()), default=0.0)
    total: dict[tuple[str, str], float] = defaultdict(float)
    for (operation, program), times in took.items():
        name = (names or {}).get(operation, operation)
        key = ("matrix products", "") if name.startswith(PRODUCTS) else (name, program)
        total[key] += sum(max(time - least, 0.0) for time in times)
    everything = sum(total.values()) or 1.0
    found = [Share(*key, time / everything) for key, time in total.items() if time]
    return sorted(found, key=lambda one: -one.share)


def row(folder: Path, table: str, preset: str) -> tuple[str, ...]:
    """Return a table's line: seconds, memory, and what took longest."""
    words = [sys.executable, __file__, str(folder), "--tables", table, "--preset", preset]
    whole = watch([*words, "--one", "fit"])
    with tempfile.TemporaryDirectory() as compiled:
        # What is on disk already would not be written down.
        told = watch(
            ["env", f"XLA_FLAGS={DUMP}{compiled}", "EPOCHAL_CACHE=", *words, "--one", "trace"]
        )
    if whole.code or told.code:
        raise RuntimeError(whole.complaint + told.complaint)
    found = [Share(*one) for one in json.loads(told.printed)]
    products = sum(one.share for one in found if not one.program)
    others = [one for one in found if one.program][:SHOWN]
    longest = ", ".join(f"{one.share:.0%} `{one.operation}`" for one in others)
    name, _, most = table.partition(":")
    name += f", {most} epochs" if most else ""
    return name, f"{whole.seconds:,.0f}", f"{whole.peak_mb:,.0f}", f"{products:.0%}", longest


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with Parquet files and a manifest.json")
    parser.add_argument("--tables", default="adult,fashion_mnist:2", help="by comma")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--one", choices=("fit", "trace"), help=argparse.SUPPRESS)
    of = parser.parse_args(argv)
    if of.one == "fit":
        fit(of.data, of.tables, of.preset)
    elif of.one == "trace":
        print(json.dumps(traced(of.data, of.tables, of.preset)))
    if of.one:
        return 0
    lines = [row(of.data, name, of.preset) for name in of.tables.split(",")]
    head = ("table", "whole process, s", "peak, MB", "matrix products", "the longest others")
    text = f"{machine.line()}\n\n{pages.table(head, lines)}"
    print(text)
    if of.write:
        pages.write(text, PAGE, "whole-fit", "whole_fit.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
