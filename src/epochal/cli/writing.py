"""Predictions as they are written: piece by piece, as CSV or Parquet, whole or not at all."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from epochal.errors import SettingError
from epochal.model.atomic import atomic, check_writable

SUFFIXES = (".csv", ".parquet")
Write = Callable[[NDArray[np.float64]], None]


def check_output(out: Path | None, source: str) -> None:
    """Refuse a file that cannot be written, in a form that we do not write, or that is the input."""
    if out is None:
        return
    if out.suffix.lower() not in SUFFIXES:
        raise SettingError(f"--out is {str(out)!r}", "a name that ends in .csv or .parquet")
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise SettingError(f"--out is {str(out)!r}", "another file than the one that is read")
    check_writable(out)


@contextmanager
def prediction_writer(out: Path | None, classes: NDArray[Any]) -> Iterator[Write]:
    """Give a function that writes the rows of an array of probabilities.

    The file appears when the block ends well, and not at all otherwise. Without
    a file, CSV goes to standard output.
    """
    if out is None:
        with _csv_writer(sys.stdout.buffer, classes) as write:
            yield write
        sys.stdout.buffer.flush()
        return
    opened = _parquet_writer if out.suffix.lower() == ".parquet" else _csv_writer
    with atomic(out) as file, opened(file, classes) as write:
        yield write


def predictions(classes: NDArray[Any], probabilities: NDArray[np.float64]) -> pa.Table:
    """Return the table that is written: the winning class, and a column per class.

    >>> p = np.array([[0.25, 0.75]])
    >>> predictions(np.array(["no", "yes"]), p).to_pylist()
    [{'prediction': 'yes', 'probability_no': 0.25, 'probability_yes': 0.75}]
    """
    kind = _label_type(classes)
    names = (
        pa.array(classes.tolist(), kind) if classes.dtype.kind == "O" else pa.array(classes, kind)
    )
    winners = names.take(pa.array(probabilities.argmax(axis=1)))
    columns = [winners, *map(pa.array, probabilities.T.copy())]
    return pa.Table.from_arrays(columns, schema=_schema(classes))


def _schema(classes: NDArray[Any]) -> pa.Schema:
    """Return the names and types of the columns that are written."""
    shares = [(f"probability_{label}", pa.float64()) for label in classes]
    return pa.schema([("prediction", _label_type(classes)), *shares])


def _label_type(classes: NDArray[Any]) -> pa.DataType:
    """Return the Arrow type of the labels; integers beyond 64 bits are decimals, as in a file."""
    if classes.dtype.kind not in "OU":
        return pa.from_numpy_dtype(classes.dtype)
    if isinstance(classes[0], str):
        return pa.string()
    digits = max(len(str(abs(label))) for label in classes)
    return pa.decimal128(digits, 0) if digits <= 38 else pa.decimal256(min(digits, 76), 0)


@contextmanager
def _csv_writer(file: BinaryIO, classes: NDArray[Any]) -> Iterator[Write]:
    """Give a function that writes to a CSV file; only what needs quotes has them."""
    schema = _schema(classes)
    header = io.StringIO(newline="")
    csv.writer(header, lineterminator="\n").writerow(schema.names)
    file.write(header.getvalue().encode())
    special = any(mark in str(label) for label in classes for mark in ',"\r\n')
    options = pyarrow.csv.WriteOptions(
        include_header=False, quoting_style="needed" if special else "none"
    )
    with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
        yield lambda probabilities: writer.write_table(predictions(classes, probabilities))


@contextmanager
def _parquet_writer(file: BinaryIO, classes: NDArray[Any]) -> Iterator[Write]:
    """Give a function that writes to a Parquet file."""
    with pyarrow.parquet.ParquetWriter(file, _schema(classes)) as writer:
        yield lambda probabilities: writer.write_table(predictions(classes, probabilities))
