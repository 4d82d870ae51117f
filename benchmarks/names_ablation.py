"""What target statistics of names, words, pairs of words and pairs of columns give. `python benchmarks/names_ablation.py DATA`.

DATA has Parquet files and a manifest.json; the protocol is `accuracy_protocol`. Every variant has what
those before it have. Shown is the log-loss on the test rows.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import machine
import pages
from accuracy_methods import method_of
from accuracy_protocol import run, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Of each variant the most words of a name, and the most pairs of columns; None: no target statistics.
VARIANTS: dict[str, tuple[int, int] | None] = {
    "vectors of 64 categories only": None,
    "names": (0, 0),
    "and words": (1, 0),
    "and pairs of words": (2, 0),
    "and pairs of columns": (2, 12),
}


@contextmanager
def limited(words: int, pairs: int) -> Iterator[None]:
    """Select names of at most so many words, and at most so many pairs of columns."""
    from epochal.preprocessing import name_selection
    from epochal.preprocessing.name_candidates import Names

    original = Names.of

    def few(*arguments: Any, **others: Any) -> tuple[Names, ...]:
        """Return the names of a column that have few words."""
        return tuple(names for names in original(*arguments, **others) if names.words <= words)

    with ExitStack() as stack:
        stack.enter_context(patch.object(Names, "of", few))
        stack.enter_context(patch.object(name_selection, "MAX_PAIRS", pairs))
        yield


def losses(path: Path, preset: str, seed: int) -> list[float]:
    """Return the log-loss of each variant on a table."""
    found = []
    for limits in VARIANTS.values():
        with ExitStack() as stack:
            if limits is not None:
                stack.enter_context(limited(*limits))
            off = ":target_encoding=False" if limits is None else ""
            result = run(method_of(f"epochal:{preset}{off}"), path, seed)
        found.append(float(result["log_loss"]))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of log-losses; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--tables", help="only these, by comma")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    arguments = parser.parse_args(argv)
    only = set(arguments.tables.split(",")) if arguments.tables else None
    rows = []
    for name, path in tables(arguments.data):
        if only is None or name in only:
            found = losses(path, arguments.preset, arguments.seed)
            rows.append((name, *(f"{loss:.4f}" for loss in found)))
            print(*rows[-1], file=sys.stderr, flush=True)
    print(machine.line(), pages.table(("table", *VARIANTS), rows), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
