"""What a fit has prepared, kept in a folder for the next fit on the same data.

Each thing stands under a name that is a digest of everything it was made from:
the bytes of the files, which rows have which part, the settings that take part.
What has another origin has another name, and is made anew. A thing appears
whole or not at all; one that is damaged is passed over.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import epochal
from epochal.errors import WriteError
from epochal.io.tempfiles import name, unnamed
from epochal.preprocessing.preprocessor import KEYS, Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ = 2**22  # bytes at a time


@dataclass(frozen=True)
class PreprocessingCache:
    """A folder, and the digest of what the things that are looked for come from."""

    folder: Path
    origin: str

    @classmethod
    def of(cls, folder: str, data: str, *more: Any) -> PreprocessingCache:
        """Return where things are kept that come from data of this digest and from what else is given.

        Raises:
            WriteError: if nothing can be written there.
        """
        try:
            unnamed(folder).close()
        except OSError as error:
            raise WriteError.from_cause(folder, error) from error
        return cls(Path(folder), data).with_key(epochal.__version__, np.__version__, KEYS, *more)

    def with_key(self, *more: Any) -> PreprocessingCache:
        """Return where things are kept that come from more than this: arrays, numbers, texts, None."""
        digest = hashlib.blake2b(self.origin.encode(), digest_size=20)
        for one in more:
            if isinstance(one, np.ndarray):
                digest.update(f"{one.dtype}{one.shape}".encode())
                for start in range(0, len(one), _READ):
                    digest.update(np.ascontiguousarray(one[start : start + _READ]).data.cast("B"))
            digest.update(("" if isinstance(one, np.ndarray) else repr(one)).encode() + b"\0")
        return PreprocessingCache(self.folder, digest.hexdigest())

    def path(self, ending: str) -> Path:
        """Return the path of a thing."""
        return self.folder / f"epochal-{self.origin}.{ending}"

    def preprocessor(self, make: Callable[[], Preprocessor]) -> Preprocessor:
        """Return the preprocessing that is kept; otherwise make it, and keep it."""
        found = self.load("columns")
        if found is not None:
            described, arrays = found
            return Preprocessor.from_dict(described, arrays)
        made = make()
        self.save("columns", made.to_dict(), made.arrays())
        return made

    def load(self, ending: str) -> tuple[Any, dict[str, np.ndarray]] | None:
        """Return a description and arrays that are kept, or None."""
        try:
            with self.path(ending).open("rb") as file:
                arrays = dict(np.load(file, allow_pickle=False))
            return json.loads(str(arrays.pop("described"))), arrays
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, ending: str, described: Any, arrays: Mapping[str, Any]) -> None:
        """Keep a description and arrays.

        Raises:
            WriteError: if the folder is not there, or full.
        """
        try:
            with unnamed(self.folder) as file, io.BufferedRandom(file) as buffered:
                np.savez(buffered, described=np.array(json.dumps(described)), **arrays)
                buffered.flush()
                name(file, self.path(ending))
        except OSError as error:
            raise WriteError.from_cause(str(self.folder), error) from error
