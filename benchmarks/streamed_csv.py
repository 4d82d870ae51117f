"""What a streamed CSV costs: how often a fit reads it, for how long, and the memory that this takes.

    python benchmarks/streamed_csv.py FOLDER

A table of `big_table` is written to FOLDER once: as CSV, as CSV compressed by gzip, and as Arrow, which
stores types. Each run is a process of its own: a fit of one member for one epoch, with a limit. *Reading*
is one more pass, whose rows are not used; *processor* are seconds of all cores together, which other
work on the machine changes less; *text* is how often all of the text is read, without that last pass.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from big_table import described_at, write
from big_table_columns import TARGET
from memory_watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Rows of a pass that uses none.
PIECE = 1 << 14
PHASES = ("typing", "statistics", "encoding", "rest")
ENDINGS = (".csv", ".csv.gz", ".arrow")


def measured(path: str, limit: int) -> dict[str, float]:
    """Return the seconds of each phase of a fit in this process, and how often it reads the text."""
    from epochal import preparation
    from epochal.config.presets import from_preset
    from epochal.fit import fit
    from epochal.fit_types import RunConfig
    from epochal.io.columns import Roles, labelled
    from epochal.io.csv import blocks
    from epochal.loader.encode import encoded
    from epochal.loader.memory import Memory
    from epochal.preprocessing.preprocessor import Preprocessor

    began = time.process_time()
    cut_blocks, lengths, seconds = blocks.cut_blocks, list[int](), dict.fromkeys(PHASES, 0.0)

    def counted(*arguments: Any) -> Iterator[Any]:
        """Yield blocks, whose lengths are noted."""
        for block in cut_blocks(*arguments):
            lengths.append(block.length)
            yield block

    def timed(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose seconds are noted."""

        def called(*arguments: Any, **named: Any) -> Any:
            """Return the result of the function."""
            start = time.perf_counter()
            result = function(*arguments, **named)
            seconds[phase] += time.perf_counter() - start
            return result

        return called

    settings = from_preset("classic", {"max_iter": 1, "n_estimators": 1})
    with (
        patch.object(blocks, "cut_blocks", counted),
        patch.object(Preprocessor, "fit", timed("statistics", Preprocessor.fit)),
        patch.object(preparation, "encoded", timed("encoding", encoded)),
    ):
        data = timed("typing", labelled)(path, Roles(target=TARGET), streamed=True)
        once = sum(lengths)
        timed("rest", fit)(data, settings, RunConfig(0, memory=Memory(limit * 10**6)))
    seconds["rest"] -= seconds["statistics"] + seconds["encoding"]
    seconds["all"] = sum(seconds.values())
    seconds["processor"] = time.process_time() - began
    times = sum(lengths) / once if once else 0
    seconds["reading"] = 0.0
    timed("reading", _read)(data.rows)
    return seconds | {"text": times}


def _read(rows: Any) -> None:
    """Read all rows, and use none."""
    for _ in rows.read(PIECE):
        pass


def files(folder: Path, rows: int, columns: int) -> list[Path]:
    """Return the files of the table, one for each ending; those that are not there are written."""
    path = folder / "streamed.csv"
    for ending in ENDINGS:
        made = folder / f"streamed{ending}"
        if ending == ".csv.gz" and not made.exists():
            with path.open("rb") as plain, gzip.open(made, "wb", compresslevel=1) as out:
                shutil.copyfileobj(plain, out)
        elif ending != ".csv.gz" and not described_at(made).exists():
            write(made, rows, columns)
    return [folder / f"streamed{ending}" for ending in ENDINGS]


def main() -> None:
    """Print a row for every file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=40, help="beside the target")
    parser.add_argument("--limit", type=int, default=300, help="MB")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file:
        from epochal.loader.memory import return_freed_memory

        return_freed_memory()
        print(json.dumps(measured(arguments.file, arguments.limit)))
        return
    names = (*PHASES, "all", "processor", "reading", "text")
    print(" | ".join(["| file", "MB", *names, "peak, MB |"]))
    print("|---" * (len(names) + 3) + "|")
    for path in files(arguments.folder, arguments.rows, arguments.columns):
        words = [sys.executable, __file__, str(path.parent), "--file", str(path)]
        run = watch([*words, "--limit", str(arguments.limit)])
        if run.code:
            raise RuntimeError(run.complaint[-2000:])
        found = json.loads(run.printed.splitlines()[-1])
        cells = [f"{found[name]:.1f}" for name in names]
        size = path.stat().st_size / 1e6
        print(" | ".join([f"| {path.name}", f"{size:.0f}", *cells, f"{run.peak_mb:.0f} |"]))


if __name__ == "__main__":
    main()
