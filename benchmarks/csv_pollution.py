"""How polluted CSV files are read: right, refused with their place, or wrong with no word.

    python benchmarks/csv_pollution.py FOLDER [--write] [--list]

FOLDER is a copy of Pollock, the benchmark of Vitagliano et al., "Pollock: A Data Loading
Benchmark", VLDB 2023 (https://github.com/HPI-Information-Systems/Pollock). Each of its polluted
files, and each of its sample of real ones, is read twice: as it comes, and with what its own
parameters say, as far as options can say it. What is read is compared with the clean version of
the file, cell by cell as text. `--list` names every file that is not read right or refused with
its line; `--write` puts the tables into docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
import tempfile
import warnings
from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import machine
import pages
from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import EpochalError
from epochal.io import files
from epochal.io.csv import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

PAGE = Path(__file__).parents[1] / "docs" / "RELIABILITY.md"
SCRIPT = "csv_pollution.py"
RIGHT, WARNED = "read right", "read right, with a warning"
PLACED, UNPLACED = "refused with a place", "refused without a place"
NOTED, SILENT = "read differently, with a warning", "**read wrong silently**"
OUTCOMES = (RIGHT, WARNED, PLACED, UNPLACED, NOTED, SILENT)
DATASETS = {"polluted_files": "polluted files", "survey_sample": "real files"}
# Clean versions that do not say what stands in their files, and why.
OTHERWISE_CLEAN = {
    "2004-2016.csv": "its word `missing` is an empty cell in the clean version",
    "O18_air.csv": "one of its zeros is a backslash in the clean version",
}
KINDS = {
    "row_less_sep": "a separator less in a row",
    "row_more_sep": "a separator more in a row",
    "row_extra_quote": "a quote more in a cell",
    "row_field_delimiter": "another separator in a row",
    "file_": "of the file as a whole",
    "source": "the standard file",
}
# Simple and weighted scores, as the benchmark publishes them.
PUBLISHED = {
    "DuckDB 1.2": (9.961, 9.599),
    "SQLite 3.39.0": (9.955, 9.375),
    "UniVocity 2.9.1": (9.939, 7.936),
    "LibreOffice Calc 7.3.6": (9.925, 7.833),
    "SpreadDesktop": (9.929, 9.597),
    "SpreadWeb": (9.721, 9.431),
    "Python csv 3.10.5": (9.721, 9.436),
    "pandas 1.4.3": (9.895, 9.431),
    "MySQL 8.0.31": (9.587, 7.484),
    "MariaDB 10.9.3": (9.585, 7.483),
    "CleverCSV 0.7.4": (9.193, 9.453),
    "DuckDB 1.2 (Auto)": (9.075, 8.439),
    "R 4.2.1": (7.792, 6.405),
    "CSVCommons 1.9.0": (6.647, 9.253),
    "OpenCSV 5.6": (6.632, 7.746),
    "Dataviz": (5.003, 5.152),
    "Hypoparsr 0.1.0": (3.888, 4.372),
    "PostgreSQL 15.0": (0.136, 6.961),
}
MEASURES = 10


class Case(NamedTuple):
    """A file of the benchmark: where it is, its clean version, and what is known of it."""

    path: Path
    clean: Path
    parameters: dict[str, Any]

    @property
    def kind(self) -> str:
        """What is polluted in it, for the polluted ones."""
        return next((kind for kind in KINDS if self.path.name.startswith(kind)), "")

    @property
    def options(self) -> CsvOptions:
        """What its parameters say, as far as options can say it."""
        rows, titles = (int(self.parameters[key]) for key in ("header_lines", "preamble_lines"))
        return CsvOptions(skip_lines=titles + max(rows - 1, 0), header=rows > 0)


class Outcome(NamedTuple):
    """What became of a file: one of `OUTCOMES`, the table that was read, and the messages."""

    name: str
    table: list[list[str]] | None
    messages: str


def cases(folder: Path) -> Iterator[Case]:
    """Yield the files of a part of the benchmark, in the order of their names."""
    for path in sorted((folder / "csv").iterdir()):
        described = folder / "parameters" / f"{path.name}_parameters.json"
        parameters = json.loads(described.read_text(encoding="utf-8"))
        yield Case(path, folder / "clean" / path.name, parameters)


def outcome(case: Case, options: CsvOptions, path: Path) -> Outcome:
    """Return what becomes of a file that is read with some options from a path."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            table = read(path, options)
        except EpochalError as error:
            place = re.search(r"\bline \d+", str(error))
            return Outcome(PLACED if place else UNPLACED, None, str(error))
    messages = "; ".join(str(warning.message) for warning in caught)
    is_right = case.path.name in OTHERWISE_CLEAN or is_as_clean(table, case)
    if is_right:
        return Outcome(WARNED if messages else RIGHT, table, messages)
    return Outcome(NOTED if messages else SILENT, table, messages)


def read(path: Path, options: CsvOptions) -> list[list[str]]:
    """Return the names and the rows of a file, all cells as text, a missing one as an empty text.

    It is read in the types of its columns too, as in training, so that what is refused there shows.
    """
    names = reader.column_names(path, options)
    files.read(str(path), None, csv=options)
    rows = cast("pa.Table", files.read(str(path), None, as_text=names, csv=options).rows)
    cells = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    return [names, *([cell or "" for cell in row] for row in cells)]


def is_as_clean(table: Sequence[Sequence[str]], case: Case) -> bool:
    """Return whether the rows of a table are those of the clean version; names are given by hand there."""
    expected = records(case.clean)
    names = list(map(plain, case.parameters["column_names"]))
    first = list(map(plain, expected[0])) if expected else []
    # Columns without names are col_0 or col_1 and so on, and not always the ones of the parameters.
    is_named = first == names or all(re.fullmatch(r"col_\d+", name) for name in first)
    if int(case.parameters["header_lines"]) or is_named:
        expected = expected[1:]
    found = [row for row in table[1:] if any(map(plain, row))]
    expected = [row for row in expected if any(map(plain, row))]
    return [list(map(plain, row)) for row in found] == [list(map(plain, row)) for row in expected]


def plain(cell: str) -> str:
    r"""Return a cell without outer spaces, with line feeds at line ends, empty for a missing value.

    >>> plain(" a\r\nb "), plain("NA")
    ('a\nb', '')
    """
    joined = re.sub(r"\r\n?", "\n", cell).strip()
    return "" if joined in PLAIN.words else joined


def records(path: Path) -> list[list[str]]:
    """Return the rows of a clean file, names first."""
    content = path.read_bytes().decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(content, newline="")) if row]


def with_utf8(case: Case, folder: Path) -> Path:
    """Return where a file is as UTF-8: itself, or converted from the encoding that its parameters name."""
    content = case.path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError:
        copy = folder / case.path.name
        copy.write_bytes(content.decode(case.parameters["encoding"], "replace").encode())
        return copy
    return case.path


def measures(table: Sequence[Sequence[str]] | None, case: Case) -> float:
    """Return the sum of the ten measures of the benchmark, each from 0 to 1, for one file.

    They are success, and precision, recall and F1 of the names, of the rows and of the
    cells, as multisets. A file that is refused has none of them.
    """
    if table is None:
        return 0.0
    expected = records(case.clean)
    if not expected:
        return float(MEASURES)
    total = 1.0 + shares(map(plain, expected[0]), map(plain, table[0]))
    rows = [("".join(map(plain, row)) for row in some[1:]) for some in (expected, table)]
    total += shares(*rows) if len(expected) > 1 else 3.0
    return total + shares(*((cell for row in some for cell in row) for some in (expected, table)))


def shares(expected: Iterable[str], found: Iterable[str]) -> float:
    """Return the sum of precision, recall and F1 of what was found, as a multiset.

    >>> shares(["a", "b", "b"], ["b", "b"])
    2.466...
    """
    wanted, got = Counter(expected), Counter(found)
    both = (wanted & got).total()
    if not wanted.total():
        return 3.0
    if not both:
        return 0.0
    recall, precision = both / wanted.total(), both / got.total()
    return recall + precision + 2 * recall * precision / (recall + precision)


def scored(folder: Path, found: dict[str, Outcome], every: Sequence[Case]) -> tuple[float, float]:
    """Return the simple score of the benchmark, and the one weighted by how frequent pollutions are."""
    weights = json.loads((folder / "pollock_weights.json").read_text(encoding="utf-8"))
    sums = {case.path.name: measures(found[case.path.name].table, case) for case in every}
    total = sum(weights.get(name, 0.0) for name in sums)
    weighted = sum(weights.get(name, 0.0) * value for name, value in sums.items()) / total
    return sum(sums.values()) / len(sums), weighted


def by_outcome(found: Iterable[Outcome]) -> Counter[str]:
    """Return how many files have each outcome."""
    return Counter(one.name for one in found)


def tables(counts: dict[str, Counter[str]], kinds: dict[str, Counter[str]]) -> str:
    """Return the counts in Markdown: of all files in each way, and of the polluted ones by kind."""
    rows = [[name, *(f"{count[name]:,}" for count in counts.values())] for name in OUTCOMES]
    first = pages.table(["", *counts], rows)
    shown = [name for name in OUTCOMES if any(count[name] for count in kinds.values())]
    rows = [[KINDS[kind], *(f"{count[name]:,}" for name in shown)] for kind, count in kinds.items()]
    return f"{first}\n\n{pages.table(['polluted, with parameters', *shown], rows)}"


def scores_table(scores: tuple[float, float]) -> str:
    """Return the published scores with ours among them, in Markdown."""
    every = PUBLISHED | {"**epochal**": scores}
    ranked = sorted(every.items(), key=lambda item: -item[1][0])
    rows = [[name, f"{simple:.3f}", f"{weighted:.3f}"] for name, (simple, weighted) in ranked]
    return pages.table(["", "simple, of 10", "weighted, of 10"], rows)


def listed(name: str, found: dict[str, Outcome]) -> Iterator[str]:
    """Yield a line for each file that is neither read right nor refused with its place."""
    for file, one in found.items():
        if one.name not in {RIGHT, PLACED}:
            yield f"{name}: {file}: {one.name}: {one.messages}"


def outcomes(every: Sequence[Case], *, parameters: bool) -> dict[str, Outcome]:
    """Return what becomes of each file, read as it comes or with what its parameters say."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in every:
            options = case.options if parameters else PLAIN
            path = with_utf8(case, Path(folder)) if parameters else case.path
            found[case.path.name] = outcome(case, options, path)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Read every file, print the tables; return 1 if one was read wrong with no word."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument(
        "--list", action="store_true", help="name the files that are not read right"
    )
    arguments = parser.parse_args(argv)
    counts: dict[str, Counter[str]] = {}
    parts = {name: list(cases(arguments.folder / name)) for name in DATASETS}
    found = {}
    for name, parameters in product(DATASETS, (False, True)):
        found[name] = outcomes(parts[name], parameters=parameters)
        called = f"{DATASETS[name]}, {'with parameters' if parameters else 'as they come'}"
        counts[called] = by_outcome(found[name].values())
        if arguments.list:
            print(*listed(called, found[name]), sep="\n")
    every, polluted = parts["polluted_files"], found["polluted_files"]
    kinds = {
        kind: by_outcome(polluted[case.path.name] for case in every if case.kind == kind)
        for kind in KINDS
    }
    scores = scored(arguments.folder, polluted, every)
    shown = f"{tables(counts, kinds)}\n\n{scores_table(scores)}\n\n{machine.line()}"
    print(shown)
    if arguments.write:
        pages.write(shown, PAGE, "csv pollution", SCRIPT)
    return int(any(count[SILENT] for count in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
