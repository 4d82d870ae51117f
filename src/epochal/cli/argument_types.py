"""Texts of the command line as values: numbers within bounds, sizes, lists of names."""

from __future__ import annotations

import argparse
import re

from epochal.errors import SettingError
from epochal.loader.memory import size_of

# A name, in double quotes or without, and the comma or the end after it.
_NAME = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",][^,]*|))\s*(,|$)')


def names(text: str) -> list[str]:
    """Return the names in a record as in a CSV file: one with a comma is in double quotes.

    >>> names('id, name'), names('"a,b",c'), names('6" pipe')
    (['id', 'name'], ['a,b', 'c'], ['6" pipe'])
    """
    found: list[str] = []
    place, separator = 0, ","
    while separator:
        match = _NAME.match(text, place)
        quoted, bare = match.group(1, 2) if match else (None, "")
        if match is None or (quoted is None and not bare.strip()):
            expected = "names of columns with commas between them, as in id,name"
            hint = "a name with a comma or a quote needs double quotes: '\"a,b\",c'"
            msg = f"{text!r} has an empty name or an open quote; expected {expected} ({hint})"
            raise argparse.ArgumentTypeError(msg)
        found.append(bare.strip() if quoted is None else quoted.replace('""', '"'))
        place, separator = match.end(), match[3]
    return found


def fraction(text: str) -> float:
    """Return a share between 0 and 1, both excluded."""
    return _number(text, float, 0, 1, "a number between 0 and 1")


def seed(text: str) -> int:
    """Return a seed, as NumPy takes it."""
    return int(_number(text, int, -1, 2**32, "a whole number from 0 to 2**32 - 1"))


def memory_size(text: str) -> int:
    """Return a number of bytes, of a text with a unit."""
    try:
        return size_of(int(text) if text.isdecimal() else text, "the size")
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def row_count(text: str) -> int:
    """Return a number of rows, at least 1."""
    return int(_number(text, int, 0, 2**31, "a whole number from 1 up"))


def seconds(text: str) -> float:
    """Return a time of at least 0."""
    return _number(text, float, -1e-9, 1e9, "a number of seconds")


def jobs(text: str) -> int:
    """Return a number of threads, or below 0 of cores that stay free, as `n_jobs` of scikit-learn."""
    if text.strip() == "0":
        msg = "'0' is not a whole number other than 0"
        raise argparse.ArgumentTypeError(msg)
    return int(_number(text, int, -(2**31), 2**31, "a whole number other than 0"))


def _number(text: str, kind: type, low: float, high: float, expected: str) -> float:
    """Return a number between two bounds, both excluded."""
    try:
        value = float(kind(text))
    except ValueError:
        value = high
    if not low < value < high:
        msg = f"{text!r} is not {expected}"
        raise argparse.ArgumentTypeError(msg)
    return value
