"""Fuzz the loaders, guided by coverage: model files, checkpoints, and data files.

    python tools/fuzz_loaders.py --loader model,checkpoint --runs 1000000 --minutes 30

It needs atheris (`pip install epochal[fuzz]`). A process per format mutates a corpus that begins with small valid
files, and keeps each input that reaches new code. An input that violates a law (tools/fuzz_laws.py) is stored under
`build/fuzz/FORMAT/found`, once for each place of the code; one that ends the process is stored there too, and a new
process goes on. With any such input the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

FORMS = ("model", "checkpoint", "csv", "parquet", "arrow", "npy", "npz", "idx")
# The modules that count as code of a loader.
INSTRUMENTED = [
    "epochal.config",
    "epochal.io",
    "epochal.loading",
    "epochal.model",
    "epochal.preprocessing",
    "epochal.records",
    "epochal.tables",
    "epochal.training.checkpoints",
    "epochal.training.state",
    "numpy.lib._format_impl",
    "zipfile",
]
LARGEST_INPUT = 1 << 16
# Inputs between two reports of a process, and the seconds after which one input counts as endless.
REPORT_EVERY, ENDLESS = 500, 60


class Report(NamedTuple):
    """What a process has done so far."""

    runs: int
    loaded: int
    seconds: float
    slowest: float
    largest: int


def main() -> int:
    """Return the exit code: 1 if an input was found that violates a law."""
    arguments = _parser().parse_args()
    if arguments.process:
        _fuzz(arguments.loader, arguments)
        return 0
    found = 0
    for form in arguments.loader.split(","):
        if form not in FORMS:
            print(f"there is no loader {form!r}; there are {', '.join(FORMS)}", file=sys.stderr)
            return 2
        found += _supervise(form, arguments)
    return int(found > 0)


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--loader", default=",".join(FORMS), help="formats, separated by commas")
    parser.add_argument("--runs", type=int, default=10**6, help="inputs per format")
    parser.add_argument("--minutes", type=float, default=10.0, help="time per format")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/fuzz"), help="of corpus and findings"
    )
    parser.add_argument("--process", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    return parser


def _supervise(form: str, arguments: argparse.Namespace) -> int:
    """Fuzz a loader in one process after the other, until runs or time are used up; return the findings."""
    folder = arguments.folder / form
    corpus, found = folder / "corpus", folder / "found"
    for place in (corpus, found):
        place.mkdir(parents=True, exist_ok=True)
    end, runs, total = time.monotonic() + 60 * arguments.minutes, arguments.runs, Counter[str]()
    slowest, largest, crashes = 0.0, 0, 0
    while runs > 0 and (seconds := end - time.monotonic()) > 0:
        words = [sys.executable, __file__, "--process", "--loader", form, "--runs", str(runs)]
        words += ["--minutes", str(seconds / 60), "--folder", str(folder)]
        with _in_memory() as inputs, (folder / "log.txt").open("ab") as log:
            words += ["--inputs", inputs]
            code = subprocess.run(words, stdout=log, stderr=log, check=False).returncode  # noqa: S603 - itself
        report = _report_of(folder)
        runs -= max(report.runs, 1)
        total.update(runs=report.runs, loaded=report.loaded, seconds=round(report.seconds))
        slowest, largest = max(slowest, report.slowest), max(largest, report.largest)
        if code == 0:
            break
        if not report.runs:
            print(f"no input of {form} was tried: see {folder / 'log.txt'}", file=sys.stderr)
            return 1
        crashes += 1
    names = sorted(path.name for path in found.iterdir())
    print(
        f"{form}: {total['runs']:,} inputs in {total['seconds']:,} s, {total['loaded']:,} loaded, "
        f"slowest {slowest:.2f} s, most memory {largest / 2**20:.1f} MB, "
        f"{crashes} processes ended, {len(names)} findings {' '.join(names)}",
        flush=True,
    )
    return len(names)


def _in_memory() -> tempfile.TemporaryDirectory[str]:
    """Return a context with a new folder, in memory where the system has such a place."""
    place = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return tempfile.TemporaryDirectory(dir=place if place.is_dir() else None)


def _report_of(folder: Path) -> Report:
    """Return what the last process has reported, and remove its report."""
    path = folder / "report.json"
    if not path.exists():
        return Report(0, 0, 0.0, 0.0, 0)
    report = Report(*json.loads(path.read_text(encoding="utf-8")))
    path.unlink()
    return report


class _Runner:
    """One process: checks each input, stores those that violate a law, and reports."""

    def __init__(self, form: str, folder: Path, laws: Any, inputs: Path) -> None:
        self.form, self.folder, self.laws = form, folder, laws
        self.loaders = laws.Loaders(inputs)
        self.runs = self.loaded = 0
        self.start, self.known = time.monotonic(), set[str]()

    def check(self, content: bytes) -> None:
        """Check one input; return nothing."""
        try:
            self.loaded += self.loaders.check(self.form, content)
        except self.laws.ViolationError as error:
            name, _ = self.laws.described(error)
            if name not in self.known:
                self.known.add(name)
                (self.folder / "found" / name).write_bytes(content)
                print(f"found {name}: {error}", file=sys.stderr, flush=True)
        self.runs += 1
        if self.runs == 1 or self.runs % REPORT_EVERY == 0:
            self.report()

    def report(self) -> None:
        """Write the report; return nothing."""
        seconds = time.monotonic() - self.start
        report = Report(self.runs, self.loaded, seconds, self.loaders.slowest, self.loaders.largest)
        new = self.folder / "report.new"
        new.write_text(json.dumps(report), encoding="utf-8")
        new.replace(self.folder / "report.json")


def _fuzz(form: str, arguments: argparse.Namespace) -> None:
    """Fuzz a loader in this process, which ends with it; return nothing."""
    folder = arguments.folder
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        import fuzz_laws
    import fuzz_mutations
    import fuzz_seeds

    fuzz_laws.quiet()
    corpus, seeds = folder / "corpus", fuzz_seeds.seeds(form)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def mutate(content: bytes, largest: int, seed: int) -> bytes:
        """Return a changed input."""
        dice = random.Random(seed)
        if dice.random() < 0.1:
            return bytes(atheris.Mutate(content, largest))
        # Most inputs of a corpus are refused early; what begins with a valid one gets further.
        content = dice.choice(seeds) if dice.random() < 0.4 else content
        changed = fuzz_mutations.mutated(form, content, dice)
        return (
            changed if len(changed) <= largest else fuzz_mutations.of_bytes(content, dice)[:largest]
        )

    runner = _Runner(form, folder, fuzz_laws, arguments.inputs)
    options = [
        f"-runs={arguments.runs}",
        f"-max_total_time={max(round(60 * arguments.minutes), 1)}",
        f"-max_len={LARGEST_INPUT}",
        f"-timeout={ENDLESS}",
        "-rss_limit_mb=8192",
        f"-artifact_prefix={folder / 'found'}/",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], runner.check, custom_mutator=mutate)
    # This does not return.
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
