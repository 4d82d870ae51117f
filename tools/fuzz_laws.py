"""What every loader promises of any bytes, as laws that are checked of one input.

A loader gives what can be used, or raises an error of epochal. It takes at most a second, and at most the size of
the file, of what it gives, and 50 MB of memory.
"""

from __future__ import annotations

import os
import time
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.errors import EpochalError, ModelError
from epochal.inference.predict import predict_proba
from epochal.io import files
from epochal.io.discovery import format_of
from epochal.io.streams import stream
from epochal.loading import classifier_of
from epochal.model.persistence import load
from epochal.nn.layers import Layer
from epochal.training.checkpoints import read
from epochal.training.state import TrainingState

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.model.description import Model

SECONDS, MEMORY = 1.0, 50 * 2**20
# Of reading data. Parquet files are held to time and memory in the first one only: to read them in batches, Arrow
# believes the sizes in the headers of pages.
WAYS = 4
# The suffix of a file of each format.
SUFFIXES = {
    "model": ".epochal",
    "checkpoint": ".safetensors",
    "csv": ".csv",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "npy": ".npy",
    "npz": ".npz",
    "idx": ".idx",
}
# Layers as those of the checkpoints among the seeds.
LIKE = (Layer((2, 3, 2), (2, 2)),)


class ViolationError(Exception):
    """A law that does not hold: its kind, and what happened."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Loaders:
    """The loaders, which are given inputs as files of one folder."""

    def __init__(self, folder: Path, *, measured: bool = True) -> None:
        """Use a folder, best one in memory; `measured`: time and memory are held to their bounds."""
        self.is_measured = measured
        self.paths = {form: folder / f"input{suffix}" for form, suffix in SUFFIXES.items()}
        self.slowest, self.largest = 0.0, 0

    def check(self, form: str, content: bytes) -> bool:
        """Return whether an input is loaded; False if it is refused.

        Raises:
            ViolationError: if a law does not hold.
        """
        path = self.paths[form]
        path.write_bytes(content)
        before, start = _reset_peak(), time.process_time()
        try:
            given = _FORMS.get(form, _use_data)(path, zlib.crc32(content))
            is_loaded = True
        except EpochalError as error:
            if form in {"model", "checkpoint"} and not isinstance(error, ModelError):
                raise ViolationError("error", f"{type(error).__name__} is no ModelError") from error
            _ = str(error)
            given, is_loaded = 0, False
        except (AssertionError, ViolationError):
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise ViolationError("exception", f"{type(error).__name__}: {error}"[:500]) from error
        seconds, taken = time.process_time() - start, _peak() - before
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, taken)
        if not self.is_measured or (form == "parquet" and zlib.crc32(content) % WAYS):
            return is_loaded
        if seconds > SECONDS:
            raise ViolationError("time", f"{seconds:.2f} seconds of the processor")
        if taken > len(content) + given + MEMORY:
            raise ViolationError("memory", f"{taken:,} bytes for a file of {len(content):,}")
        return is_loaded


def _use_model(path: Path, _: int) -> int:
    """Load a model, make a classifier of it and predict one row; return 0."""
    model = load(path)
    try:
        classifier_of(model)
    except ModelError as error:
        raise ViolationError("use", f"a classifier is refused: {error}") from error
    probabilities = predict_proba(model, one_row(model))
    if probabilities.shape != (1, len(model.classes)):
        raise ViolationError("use", f"probabilities of shape {probabilities.shape}")
    return 0


def one_row(model: Model) -> pa.Table | np.ndarray:
    """Return a row that a model can predict: its categories, or missing values, or zeros."""
    schema = model.preprocessor.schema
    if not schema.named:
        return np.zeros((1, *schema.shape))
    columns = {
        column.name: pa.array([column.categories[0] if column.categories else None])
        for column in schema.columns
    }
    return pa.table(columns)


def _use_checkpoint(path: Path, _: int) -> int:
    """Read a checkpoint and restore its state; return 0."""
    stored = read(path)
    TrainingState.from_arrays(stored.state, LIKE)
    return 0


def _use_data(path: Path, number: int) -> int:
    """Read data in one of four ways, which a number chooses; return about how many bytes they have."""
    name, target = str(path), "y" if format_of(path) in {*files.TABLES} else None
    way = number % WAYS
    if way == 0:
        return _size_of(files.read(name, None).rows)
    if way == 1:
        return sum(
            _size_of(labelled.rows) for labelled in files.labelled_batches(name, 3, None, target)
        )
    if way == 2:
        return sum(_size_of(piece.rows) for piece in files.batches(name, 2))
    streamed = stream(name, target)
    return sum(_size_of(rows) for rows in streamed.rows.read(2))


def _size_of(rows: pa.Table | np.ndarray) -> int:
    """Return about how many bytes rows take while they are converted."""
    return 4 * int(rows.nbytes)


_FORMS: dict[str, Callable[[Path, int], int]] = {"model": _use_model, "checkpoint": _use_checkpoint}


def quiet() -> None:
    """Turn warnings off, which damaged data bring by the thousand; return nothing."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")


def _reset_peak() -> int:
    """Return the memory of the process in bytes; from now on `_peak` counts from there."""
    try:
        with Path("/proc/self/clear_refs").open("w") as file:
            file.write("5")
    except OSError:
        return _peak()
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def _peak() -> int:
    """Return the largest memory of the process in bytes since the last reset; 0 where it is not known."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(text.split("VmHWM:", 1)[1].split(None, 1)[0]) * 1024


def described(error: BaseException) -> tuple[str, Any]:
    """Return in a word where an error was raised, to count equal ones once; and the traceback's last place."""
    cause = error.__cause__ or error
    trace, place = cause.__traceback__, "nowhere"
    while trace is not None:
        code = trace.tb_frame.f_code
        if "epochal" in code.co_filename:
            place = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{getattr(error, 'kind', 'other')}-{type(cause).__name__}-{place}", cause
