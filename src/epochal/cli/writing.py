"""Predictions as CSV, TSV or Parquet, written piece by piece, completely or not at all."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet

from epochal.cli.inputs import STANDARD_STREAM
from epochal.cli.output import STANDARD_OUTPUT, discard_standard_output
from epochal.cli.spelling import csv_lines, refuse_unspellable
from epochal.errors import DataError, EpochalError, SettingError, WriteError
from epochal.inference.decision import Decision
from epochal.io.atomic import atomic, check_writable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".pq": "parquet"}
SEPARATORS = {"csv": ",", "tsv": "\t"}
Write = Callable[[pa.Table], None]


class Destination(NamedTuple):
    """Where predictions go: a file, or standard output (None); and in which format."""

    path: Path | None
    form: str


def destination(out: Path | None, form: str | None) -> Destination:
    """Return where predictions go, by the name of a file and a format, each None if not given.

    Raises:
        SettingError: if the two contradict each other, or neither gives the format.
    """
    if out is None or str(out) == STANDARD_STREAM:
        return Destination(None, form or "csv")
    known = SUFFIXES.get(out.suffix.lower())
    # A device is refused for what it is, by `check_destination`.
    is_file = not out.exists() or out.is_file()
    if known is None and form is None and is_file:
        hint = "give the format: --out-format csv"
        raise SettingError(
            f"--out is {str(out)!r}", "a name that ends in .csv, .tsv or .parquet", hint
        )
    if None not in {known, form} and known != form:
        hint = "omit --out-format, or name another file"
        raise SettingError(
            f"--out is {str(out)!r}, and --out-format is {form!r}", "one format", hint
        )
    return Destination(out, form or str(known or "csv"))


def check_destination(to: Destination) -> None:
    """Return nothing if a file could be written there now; long work checks this before it begins."""
    if to.path is not None:
        check_writable(to.path)


@contextmanager
def table_writer(to: Destination, types: pa.Schema) -> Iterator[Write]:
    """Provide a function that writes the rows of a table with columns of these types.

    The file appears when the block ends without an error, and not at all otherwise. Standard output
    gets nothing before the first rows.
    """
    if to.path is None:
        with _standard_output() as stream, _written_to(stream, to.form, types) as write:
            try:
                yield write
            except BaseException:
                # An incomplete stream must not get the end of a complete file.
                stream.abandon()
                raise
            # Without any rows, the head alone.
            stream.release()
        return
    with atomic(to.path) as file, _written_to(file, to.form, types) as write:
        yield write


def prediction_types(classes: NDArray[Any], copied: pa.Schema) -> pa.Schema:
    """Return the names and types of the columns that are written, copied columns first.

    Raises:
        SettingError: if a copied column has the name of another.
    """
    shares = [(f"probability_{label}", pa.float64()) for label in classes]
    own = pa.schema([("prediction", _label_type(classes)), *shares])
    both = sorted(set(copied.names) & set(own.names))
    if both:
        hint = "rename it in the data, or leave it out of --keep"
        raise SettingError(f"--keep has the column {both[0]!r}", "no name of the result", hint)
    return pa.schema([*copied, *own])


def predictions(
    classes: NDArray[Any],
    probabilities: NDArray[np.float64],
    decision: Decision | None = None,
    copied: pa.Table | None = None,
) -> pa.Table:
    """Return the table that is written: copied columns, the predicted class, a probability per class.

    >>> import numpy as np
    >>> p = np.array([[0.25, 0.75]])
    >>> predictions(np.array(["no", "yes"]), p).to_pylist()
    [{'prediction': 'yes', 'probability_no': 0.25, 'probability_yes': 0.75}]
    """
    types = prediction_types(classes, pa.schema([]) if copied is None else copied.schema)
    kind = types.field("prediction").type
    names = (
        pa.array(classes.tolist(), kind) if classes.dtype.kind == "O" else pa.array(classes, kind)
    )
    chosen = (decision or Decision()).chosen(probabilities)
    winners = names.take(pa.array(chosen, mask=chosen < 0))
    front: Sequence[Any] = [] if copied is None else copied.columns
    columns = [*front, winners, *map(pa.array, probabilities.T.copy())]
    return pa.Table.from_arrays(columns, schema=types)


def _label_type(classes: NDArray[Any]) -> pa.DataType:
    """Return the Arrow type of the labels; integers beyond 64 bits are decimals, as in a file."""
    if classes.dtype.kind not in "OU":
        return pa.from_numpy_dtype(classes.dtype)
    if isinstance(classes[0], str):
        return pa.string()
    digits = max(len(str(abs(label))) for label in classes)
    return pa.decimal128(digits, 0) if digits <= 38 else pa.decimal256(min(digits, 76), 0)


@contextmanager
def _written_to(file: BinaryIO | _StandardOutput, form: str, types: pa.Schema) -> Iterator[Write]:
    """Provide a function that writes rows to a file in a format."""
    if form in SEPARATORS:
        yield _text_writer(file, SEPARATORS[form], types)
        return
    try:
        opened = pyarrow.parquet.ParquetWriter(file, types)
    except pa.ArrowNotImplementedError as error:
        hint = "leave the columns of such types out of --keep"
        found = f"a column cannot be written to Parquet: {error}"
        raise DataError(found, "plain values", hint) from error
    with opened as writer:
        yield lambda table: _begun(file, lambda: writer.write_table(table))


def _text_writer(file: BinaryIO | _StandardOutput, separator: str, types: pa.Schema) -> Write:
    """Return a function that writes rows below a head; only what needs quotes has them."""
    for field in types:
        refuse_unspellable(field.type, field.name)
    names = [pa.array([name]) for name in types.names]
    file.write(csv_lines(pa.Table.from_arrays(names, types.names), separator))
    return lambda table: _begun(file, lambda: file.write(csv_lines(table, separator)))


def _begun(file: BinaryIO | _StandardOutput, write: Callable[[], Any]) -> None:
    """Write rows, after the buffered head; returns nothing."""
    if isinstance(file, _StandardOutput):
        file.release()
    write()


class _StandardOutput(io.RawIOBase):
    """Standard output that buffers everything until the first rows."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._held, self._written = stream, bytearray(), 0
        self._is_held, self._is_abandoned = True, False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: Any) -> int:
        """Write or buffer bytes; return their number."""
        size = memoryview(content).nbytes
        self._written += size
        if self._is_held:
            self._held += content
        elif not self._is_abandoned:
            self._stream.write(content)
        return size

    def tell(self) -> int:
        """Return the number of bytes written, which a pipe does not know."""
        return self._written

    def release(self) -> None:
        """Write the buffer, and everything that follows without buffering; returns nothing."""
        if self._is_held:
            self._is_held = False
            self._stream.write(self._held)

    def abandon(self) -> None:
        """Write nothing more; returns nothing."""
        self._is_abandoned = True

    def flush(self) -> None:
        """Flush the stream; returns nothing."""
        if not (self._is_held or self._is_abandoned):
            self._stream.flush()


@contextmanager
def _standard_output() -> Iterator[_StandardOutput]:
    """Provide standard output; raises WriteError if it cannot be written."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")  # noqa: TRY301 - handled like all others
        stream = _StandardOutput(sys.stdout.buffer)
        yield stream
        stream.flush()
    except (EpochalError, BrokenPipeError):
        raise
    except OSError as error:
        discard_standard_output()
        raise WriteError.from_cause(STANDARD_OUTPUT, error) from error
