"""Checkpoints: the whole state of a training in a folder, from which it resumes to the same bits.

A thread writes them, so the training waits only for the copy of its state. Each is one safetensors file:
the arrays of the state, and in its metadata the other values, the fingerprint of the training, and a checksum.
The last two are kept, each written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import warnings
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from epochal.errors import ModelError, SettingError, WriteError
from epochal.io.atomic import atomic
from epochal.loader.digests import add_array
from epochal.training.checkpoint_files import (
    INTERVAL,
    checkpoint_file,
    checkpoint_files,
    last_number,
)
from epochal.training.state import StoredState, TrainingState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from epochal.nn.layers import Layers

# How many are kept: if the newest is damaged, the one before it is read.
KEPT = 2
FORMAT = 2
_KEY = "epochal_checkpoint"
# The exceptions of libraries for a damaged file, and for types of numbers that NumPy does not have.
_DAMAGE = (OSError, SafetensorError, ValueError, TypeError, AttributeError, RecursionError)
_PARTS = ("values", "fingerprint", "command")


class Stored(NamedTuple):
    """What a checkpoint file holds: the state, the fingerprint, and the command that began the training."""

    state: StoredState
    fingerprint: dict[str, Any]
    command: dict[str, Any]


class Checkpoints:
    """The checkpoints of a training in a folder."""

    def __init__(
        self,
        folder: Path,
        fingerprint: Callable[[], Mapping[str, Any]],
        command: Mapping[str, Any] | None = None,
        interval: float = INTERVAL,
    ) -> None:
        """Write to a folder, which is made for the first checkpoint.

        Args:
            folder: the folder.
            fingerprint: returns what identifies the training, JSON-ready: only the same training resumes.
                It is called when a checkpoint is first written or found, as digests of large data take
                seconds, and most trainings need none.
            command: how the training was begun, JSON-ready; stored with the state.
            interval: seconds between checkpoints.
        """
        self.folder, self.interval = folder, interval
        self._fingerprint, self.command = fingerprint, dict(command or {})
        self.next, self.number = time.monotonic() + interval, last_number(folder)
        self.writer: threading.Thread | None = None

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What identifies the training, as JSON restores it."""
        found: dict[str, Any] = json.loads(json.dumps(self._fingerprint()))
        return found

    def latest(self, like: Layers) -> TrainingState | None:
        """Return the state of the newest checkpoint; None if there is no checkpoint.

        Args:
            like: layers of the same types, as for `TrainingState.from_arrays`.

        Raises:
            SettingError: if it is of another training: with other data, settings or versions.
            ModelError: if no checkpoint can be read, or the one that is read holds no state.
        """
        stored = newest(self.folder)
        if stored is None:
            return None
        others = differences(stored.fingerprint, self.fingerprint)
        if others:
            hint = "train with what it was begun with, or remove the folder"
            found = f"the checkpoint in {self.folder} is of another training: {'; '.join(others)}"
            raise SettingError(found, "the same training", hint)
        return TrainingState.from_arrays(stored.state, like)

    def __call__(self, state: Callable[[], TrainingState], *, last: bool = False) -> None:
        """Write a checkpoint if it is time for one; returns nothing.

        It is time every `interval` seconds, and when a training ends that has written one before.
        """
        if last:
            self.wait()
        is_writing = self.writer is not None and self.writer.is_alive()
        is_time = self.number > 0 if last else time.monotonic() >= self.next
        if is_writing or not is_time:
            return
        arrays, values = state().to_arrays()
        self.number += 1
        self.writer = threading.Thread(
            target=self._write, args=(self.number, arrays, values), daemon=True
        )
        self.writer.start()
        self.next = time.monotonic() + self.interval

    def wait(self) -> None:
        """Wait until the last checkpoint is written; returns nothing."""
        if self.writer is not None:
            self.writer.join()

    def _write(self, number: int, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
        """Write a checkpoint, and remove those before the last two; an error is a warning; returns nothing."""
        described: dict[str, Any] = {
            "format": FORMAT,
            "values": values,
            "fingerprint": self.fingerprint,
            "command": self.command,
        }
        described["sha256"] = checksum(arrays, described)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = save(arrays, {_KEY: json.dumps(described, allow_nan=False)})
            with atomic(checkpoint_file(self.folder, number)) as file:
                file.write(content)
        except (OSError, WriteError) as error:
            message = f"no checkpoint was written, and the training goes on: {error}"
            warnings.warn(message, UserWarning, stacklevel=2)
            return
        for path in checkpoint_files(self.folder)[:-KEPT]:
            # Another checkpoint, or the end of the training, tries again.
            with suppress(OSError):
                path.unlink(missing_ok=True)


def newest(folder: Path) -> Stored | None:
    """Return what the newest checkpoint in a folder that can be read holds; None if there is none.

    Raises:
        ModelError: if there are checkpoints, but none can be read.
    """
    error: ModelError | None = None
    for path in reversed(checkpoint_files(folder)):
        try:
            return read(path)
        except ModelError as unreadable:
            error = error or unreadable
    if error is not None:
        raise error
    return None


def read(path: Path) -> Stored:
    """Return what a checkpoint file holds.

    Raises:
        ModelError: if it is damaged, or of a later format.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            described = json.loads((file.metadata() or {}).get(_KEY, "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except _DAMAGE as error:
        raise ModelError(f"{path} cannot be read: {error}", "a checkpoint") from error
    if not isinstance(described, dict) or "format" not in described:
        raise ModelError(f"{path} is no checkpoint", "a file that a training has written")
    if described["format"] != FORMAT:
        found = f"{path} has the format {described['format']}"
        raise ModelError(found, f"{FORMAT}", "go on with the version that wrote it")
    if described.pop("sha256", None) != checksum(arrays, described):
        raise ModelError(f"{path} is damaged: its checksum is another one", "a whole file")
    if not all(isinstance(described.get(part), dict) for part in _PARTS):
        raise ModelError(f"{path} is no checkpoint", f"one with {', '.join(_PARTS)}")
    stored = StoredState(arrays, described["values"])
    return Stored(stored, described["fingerprint"], described["command"])


def differences(stored: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two fingerprints; nothing if they are equal.

    >>> stored = {"data": "ab", "settings": {"l2": 0.1, "dropout": 0}, "versions": {"jax": "0.9"}}
    >>> differences(stored, {"data": "cd", "settings": {"l2": 0.2, "dropout": 0}, "versions": {"jax": "0.9"}})
    ['other data', 'settings: l2 was 0.1 and is 0.2']
    """
    found = []
    for name in {**stored, **fingerprint}:
        before, now = stored.get(name), fingerprint.get(name)
        if before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict):
            changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
            parts = [f"{key} was {before.get(key)} and is {now.get(key)}" for key in changed]
            found.append(f"{name}: {', '.join(parts)}")
        else:
            found.append(f"other {name}")
    return found


def checksum(arrays: Mapping[str, np.ndarray], described: Mapping[str, Any]) -> str:
    """Return the SHA-256 of arrays by name (names, types, shapes and bytes), and of JSON-ready values."""
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name}\0".encode())
        add_array(digest, arrays[name])
    return digest.hexdigest()
