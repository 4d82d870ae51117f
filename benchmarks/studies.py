"""Studies of settings: some methods on small and middling tables, and a text about them for the page.

Methods run by the protocol of `accuracy.py`. Results are added to a file of JSON lines, and what
stands there is not run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import accuracy_report as report
import pages
from accuracy import PAGE, Work, complete
from accuracy_protocol import tables
from accuracy_splits import RANDOM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESULTS = Path(__file__).parent / "results"
TABLES = [
    "churn",
    "credit_g",
    "cylinder_bands",
    "phoneme",
    "satimage",
    "segment",
    "titanic",
    "vehicle",
    "wine_quality",
]


class Study(NamedTuple):
    """A study: its name on the page, its script and what that says of itself, methods, seeds."""

    name: str
    script: Path
    told: str
    methods: Sequence[str]
    seeds: str
    text_of: Callable[[list[dict[str, Any]]], str]

    @property
    def out(self) -> Path:
        """The file that results are added to."""
        return RESULTS / self.script.with_suffix(".jsonl").name


def run(study: Study, argv: Sequence[str] | None) -> int:
    """Run what is missing, print the text, put it into the page if asked; return the exit code."""
    parser = argparse.ArgumentParser(description=study.told.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with manifest.json")
    parser.add_argument(
        "--seeds", default=study.seeds, help="of the splits, by comma (%(default)s)"
    )
    parser.add_argument("--tables", default=",".join(TABLES), help="by comma")
    parser.add_argument(
        "--out", type=Path, default=study.out, help="results are added to this file"
    )
    parser.add_argument("--write", action="store_true", help="put the text into docs/ACCURACY.md")
    arguments = parser.parse_args(argv)
    chosen = arguments.tables.split(",")
    suite = [(name, path, RANDOM) for name, path in tables(arguments.data) if name in chosen]
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    complete(Work(suite, study.methods, seeds), arguments.out)
    wanted = {(name, seed) for name, *_ in suite for seed in seeds}
    rows = [r for r in report.read([arguments.out]) if (r["dataset"], r["seed"]) in wanted]
    text = study.text_of(rows)
    print(text)
    if arguments.write:
        names = ", ".join(name for name, *_ in suite)
        conditions = f"{names}; seeds {arguments.seeds}; {report.machines(rows)}"
        pages.write(f"{conditions}\n\n{text}", PAGE, study.name, study.script.name)
    return 0
