"""Compare log-loss and accuracy with other methods on real tables. `make bench-accuracy DATA=folder`.

Results are added to a file of JSON lines, one for each table, method and seed;
what stands there already is not run again. The protocol is `accuracy_protocol`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import accuracy_report as report
import machine
import pages
from accuracy_methods import method_of, names_in
from accuracy_protocol import run, tables
from accuracy_splits import RANDOM, divisions_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accuracy_splits import Division

RESULTS = Path(__file__).parent / "results"
OUT, IN_TURN = RESULTS / "accuracy.jsonl", RESULTS / "accuracy_in_turn.jsonl"
PAGE = Path(__file__).parents[1] / "docs" / "ACCURACY.md"
PEER = "logreg"
METRICS = ("log_loss", "error")


class Work(NamedTuple):
    """What is to run: tables with their splits, methods, seeds."""

    suite: Sequence[tuple[str, Path, Division]]
    methods: Sequence[str]
    seeds: Sequence[int]


def complete(work: Work, out: Path, *, busy: bool = False, keep: Path | None = None) -> None:
    """Add the results that are not in the file yet, one line each as soon as it is there.

    Where other work runs beside, the machine is `busy`, and nothing is said of seconds later.
    Probabilities of test rows go to the folder `keep`.
    """
    done = {report.key_of(row) for row in report.read([out])}
    out.parent.mkdir(parents=True, exist_ok=True)
    missing = [
        (name, path, method, seed, by)
        for seed in work.seeds
        for method in work.methods
        for name, path, by in work.suite
        if (name, method, seed, by.kind) not in done
    ]
    device, on = machine.device(), machine.line()
    for name, path, method, seed, by in missing:
        to = None if keep is None else keep / file_of(name, method, seed, by.kind)
        row = {
            "dataset": name,
            "method": method,
            **({} if by == RANDOM else {"split": by.kind}),
            **run(method_of(method), path, seed, by, to),
            "machine": on,
        }
        row |= {"busy": True} if busy else {}
        # Another kind of machine: its seconds are compared with nobody's.
        row |= {} if device == "cpu" else {"device": device}
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        outcome = row.get("failed") or f"log-loss {row['log_loss']:.4f}, {row['fit_s']:.1f} s"
        print(f"{name}, {method}, seed {seed}: {outcome}", file=sys.stderr, flush=True)


def file_of(table: str, method: str, seed: int, split: str) -> str:
    """Return the file of a method's probabilities.

    >>> file_of("adult", "epochal:fast:l2=0.1", 0, "random")
    'adult-random-0-epochal_fast_l2=0_1.npy'
    """
    return f"{table}-{split}-{seed}-{re.sub('[^A-Za-z0-9_=-]', '_', method)}.npy"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--methods", default=f"epochal:default,{PEER}", help="to run, by comma")
    parser.add_argument("--seeds", default="0", help="of the splits, by comma (0)")
    parser.add_argument("--tables", help="only these, by comma")
    parser.add_argument("--out", type=Path, default=OUT, help="the file that results are added to")
    parser.add_argument("--against", type=Path, nargs="*", default=[], help="others' results")
    parser.add_argument(
        "--in-turn", type=Path, default=IN_TURN, help="results of one run, whose seconds are shown"
    )
    parser.add_argument(
        "--busy", action="store_true", help="other processes run meanwhile: report no seconds"
    )
    parser.add_argument(
        "--split",
        choices=("random", "time", "group"),
        default="random",
        help="by the column that the manifest names, at random where it names none (random)",
    )
    parser.add_argument(
        "--probabilities", type=Path, help="a folder for those of the test rows, as float16"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/ACCURACY.md")
    parser.add_argument("--metric", choices=METRICS, default="log_loss")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then print how the methods stand; return the exit code."""
    arguments = _arguments(argv)
    methods = names_in(arguments.methods)
    for method in methods:
        method_of(method)
    only = set(arguments.tables.split(",")) if arguments.tables else None
    divisions = divisions_in(arguments.data, arguments.split)
    suite = [
        (name, path, divisions[name])
        for name, path in tables(arguments.data)
        if not only or name in only
    ]
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    work = Work(suite, methods, seeds)
    complete(work, arguments.out, busy=arguments.busy, keep=arguments.probabilities)
    kinds = {(name, by.kind) for name, _, by in suite}
    rows = report.read([*arguments.against, arguments.out])
    rows = [row for row in rows if (row["dataset"], row.get("split", "random")) in kinds]
    print(report.comparison(rows, arguments.metric))
    for method in methods:
        if method != PEER:
            print("\n" + report.against(rows, method, PEER, arguments.metric))
            complaints = report.complaints(rows, method)
            print(*(complaints or ["no failure and no warning"]), sep="\n")
    if arguments.write:
        turns = report.read([arguments.in_turn])
        text = report.page(rows, methods[0], machine.versions(), turns)
        pages.write(text, PAGE, "accuracy", "accuracy.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
