"""The options for reading CSV files: lines that are rows, missing values, spaces."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.config.csv_options import MISSING_VALUES, PLAIN, CsvOptions
from epochal.errors import SettingError

if TYPE_CHECKING:
    from epochal.model.description import Model

_OPTIONS = {
    "skip_lines": "--skip-lines",
    "no_header": "--no-header",
    "missing_values": "--missing-values",
    "keep_spaces": "--keep-spaces",
}


def add_csv_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; returns nothing."""
    group = parser.add_argument_group("CSV files")
    group.add_argument(
        "--skip-lines", type=_count, metavar="N", help="skip N lines at the top of each file"
    )
    group.add_argument(
        "--no-header",
        action="store_true",
        help="the first line is a row; the columns are named x0, x1, …",
    )
    group.add_argument(
        "--missing-values",
        type=_words,
        metavar="WORDS",
        help="comma-separated texts that mean a missing value, besides the empty cell "
        f"(default: {','.join(MISSING_VALUES)})",
    )
    group.add_argument(
        "--keep-spaces",
        action="store_true",
        help="keep spaces around texts that are not quoted",
    )


def csv_options(
    arguments: argparse.Namespace, *paths: str | None, stored: CsvOptions = PLAIN
) -> CsvOptions:
    """Return how CSV files are read: by the options given, and else as stored in a model.

    Raises:
        SettingError: if an option was given and data at one of the paths are no CSV files.
    """
    given = [
        option for name, option in _OPTIONS.items() if getattr(arguments, name) not in {None, False}
    ]
    for path in paths if given else ():
        if path is not None and not _is_text(path):
            found = f"{given[0]} is for CSV files, which {path} is not"
            raise SettingError(found, "a .csv, .tsv or .txt file", f"omit {given[0]}")
    words = arguments.missing_values
    return CsvOptions(
        skip_lines=arguments.skip_lines or 0,
        header=not arguments.no_header,
        missing_values=stored.missing_values if words is None else tuple(words),
        strip=stored.strip and not arguments.keep_spaces,
    )


def refuse_other_cells(options: CsvOptions, stored: CsvOptions) -> None:
    """Return nothing if the options are those of the earlier model; raises SettingError otherwise."""
    if options.of_cells(stored) != options:
        found = "--missing-values or --keep-spaces with --from differs from the model"
        raise SettingError(found, "the same, since columns keep their meaning", "omit it")


def reading_as(model: Model, options: CsvOptions) -> Model:
    """Return the model, which reads the texts of new rows by the options."""
    schema = model.preprocessor.schema
    preprocessor = replace(model.preprocessor, schema=schema.read_as(options))
    return replace(model, preprocessor=preprocessor)


def _is_text(path: str) -> bool:
    """Whether a path leads to CSV files; the files of a folder or a pattern are of one format."""
    # Imported here, so that the help does not load these libraries.
    from epochal.io.discovery import discover, format_of, is_data
    from epochal.io.opened_data import OpenedData

    is_found = isinstance(path, OpenedData) or is_data(path)
    return format_of(discover(path)[0] if is_found else Path(path)) == "text"


def _count(text: str) -> int:
    """Return a number of lines, at least 0."""
    if not text.isdecimal():
        msg = f"{text!r} is not a whole number from 0 up"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _words(text: str) -> tuple[str, ...]:
    """Return the words in a line of CSV.

    >>> _words('NA,-999,"a, b"')
    ('NA', '-999', 'a, b')
    """
    try:
        words = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        msg = f"{text!r} is not a line of CSV: {error}"
        raise argparse.ArgumentTypeError(msg) from None
    return tuple(words)
