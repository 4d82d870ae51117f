"""The files of checkpoints in a folder; finding and removing them needs no JAX."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

# Seconds between checkpoints, and until the first one.
INTERVAL = 60.0
PATTERN = "checkpoint-*.safetensors"


def checkpoint_file(folder: Path, number: int) -> Path:
    """Return the file of the checkpoint with this number.

    >>> print(checkpoint_file(Path("state"), 3).as_posix())
    state/checkpoint-000003.safetensors
    """
    return folder / f"checkpoint-{number:06}.safetensors"


def checkpoint_files(folder: str | Path) -> list[Path]:
    """Return the files of the checkpoints in a folder, the oldest first; none if there is no folder."""
    return sorted(Path(folder).glob(PATTERN))


def last_number(folder: Path) -> int:
    """Return the number of the newest checkpoint; 0 if there is none."""
    files = checkpoint_files(folder)
    digits = files[-1].stem.removeprefix("checkpoint-") if files else ""
    return int(digits) if digits.isdecimal() else 0


def remove_checkpoints(folder: str | Path) -> None:
    """Remove all checkpoints of a folder, and the folder if it is empty then; returns nothing.

    If one cannot be removed, a warning says so: the training that needed it has ended well.
    """
    for path in checkpoint_files(folder):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            message = f"{path} cannot be removed: {error.strerror}\nHint: remove the folder"
            warnings.warn(message, UserWarning, stacklevel=2)
            return
    with suppress(OSError):
        Path(folder).rmdir()
