"""The input files of a command: all are found before anything is read or written."""

from __future__ import annotations

import os
import stat
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from epochal.errors import SettingError
from epochal.io import idx
from epochal.io.discovery import FORMATS, files_of, format_of, open_data

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

STANDARD_STREAM = "-"
# The arguments that name data, and those that name one file, with their names in messages.
_DATA = {"data": "DATA", "path": "DATA", "valid": "--valid", "test": "--test"}
_FILES = {"model": "MODEL", "earlier": "--from", "columns": "--columns"}


def open_inputs(arguments: argparse.Namespace) -> None:
    """Replace the names of data in the arguments by opened data; pipes are read to their end; returns nothing.

    Raises:
        EpochalError: for data that are not there; for standard input named twice; for
            a format that contradicts the name of a file.
    """
    paths = {name: getattr(arguments, name, None) for name in _DATA}
    several = [_DATA[name] for name, value in paths.items() if value == STANDARD_STREAM]
    if len(several) > 1:
        found = f"{' and '.join(several)} are both standard input"
        raise SettingError(
            found, "one of them at the most", "give the path of a file for the other"
        )
    form = arguments.format
    for name, value in paths.items():
        if value is not None:
            opened = open_data(value, form, arguments.output.waiting)
            if form is not None and name in {"data", "path"}:
                _refuse_contradiction(opened.parts[0], form)
            setattr(arguments, name, opened)


def refuse_inputs(out: Path | str, arguments: argparse.Namespace) -> None:
    """Return nothing if an output, `-` for standard output, is none of the files that are read.

    Otherwise it is refused. Files are the same if they are one on the disk, whatever link or
    spelling leads to it.
    """
    is_stream = out == STANDARD_STREAM
    try:
        found = os.fstat(1) if is_stream else Path(out).stat()
    except OSError:
        # What is not there yet replaces nothing.
        return
    if not stat.S_ISREG(found.st_mode):
        return
    resolved = None if is_stream else os.path.realpath(out)
    for use, path in files_read(arguments):
        if _is_same(path, found, resolved):
            shown = "standard output" if is_stream else f"the output {str(out)!r}"
            hint = "name another file with --out"
            raise SettingError(f"{shown} is a file of {use}", "a file that is not read", hint)


def files_read(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield every file that a command reads, behind the argument that names it."""
    for name, use in _DATA.items():
        value = getattr(arguments, name, None)
        if value == STANDARD_STREAM:
            yield use, Path("/dev/stdin")
        elif value is not None:
            for part in files_of(value):
                yield use, part
                labels = idx.labels_file(part) if format_of(part) == "idx" else None
                if labels is not None:
                    yield use, labels
    for name, use in _FILES.items():
        path = getattr(arguments, name, None)
        if path is not None:
            yield use, path


def _is_same(path: Path, found: os.stat_result, resolved: str | None) -> bool:
    """Return whether a path leads to a file that is known by its status, and by its path without links."""
    try:
        other = path.stat()
    except OSError:
        return False
    if os.path.samestat(found, other):
        return True
    # Some network drives give a file a new number every time.
    return resolved == os.path.join(_folder(path.absolute().parent), path.name)  # noqa: PTH118


@cache
def _folder(folder: Path) -> str:
    """Return a folder without links in its path."""
    return os.path.realpath(folder)


def _refuse_contradiction(part: Path, form: str) -> None:
    """Raise SettingError for a format that contradicts the name of a file; returns nothing otherwise."""
    known = format_of(part)
    if known is not None and known != format_of(PurePath(f"a{FORMATS[form]}")):
        hint = "omit --format, or rename the file"
        raise SettingError(f"--format is {form!r}, and the name {part} means {known}", "", hint)
