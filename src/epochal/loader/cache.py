"""The preprocessing cache: prepared data in a folder, for the next fit on the same data.

The name of an entry is a digest of everything that it was computed from: the bytes of the files, the
rows of each part, the relevant settings. If any of these changes, the name changes and the entry is
computed again. Entries are written atomically; a damaged entry is ignored.
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
from epochal.loader.digests import add_array
from epochal.preprocessing.preprocessor import KEYS, Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class PreprocessingCache:
    """A folder, and the digest of everything that its entries are computed from."""

    folder: Path
    origin: str

    @classmethod
    def of(cls, folder: str, data: str, *values: Any) -> PreprocessingCache:
        """Return the cache for data with this digest and further values.

        Raises:
            WriteError: if nothing can be written there.
        """
        try:
            unnamed(folder).close()
        except OSError as error:
            raise WriteError.from_cause(folder, error) from error
        return cls(Path(folder), data).with_key(epochal.__version__, np.__version__, KEYS, *values)

    def with_key(self, *values: Any) -> PreprocessingCache:
        """Return the cache whose digest also covers the values: arrays, numbers, texts, None."""
        digest = hashlib.blake2b(self.origin.encode(), digest_size=20)
        for value in values:
            if isinstance(value, np.ndarray):
                add_array(digest, value)
            digest.update(("" if isinstance(value, np.ndarray) else repr(value)).encode() + b"\0")
        return PreprocessingCache(self.folder, digest.hexdigest())

    def path(self, ending: str) -> Path:
        """Return the path of an entry."""
        return self.folder / f"epochal-{self.origin}.{ending}"

    def preprocessor(self, make: Callable[[], Preprocessor]) -> Preprocessor:
        """Return the cached preprocessor; otherwise make it and store it."""
        cached = self.load("columns")
        if cached is not None:
            described, arrays = cached
            return Preprocessor.from_dict(described, arrays)
        fitted = make()
        self.save("columns", fitted.to_dict(), fitted.arrays())
        return fitted

    def load(self, ending: str) -> tuple[Any, dict[str, np.ndarray]] | None:
        """Return a cached description with its arrays, or None."""
        try:
            with self.path(ending).open("rb") as file:
                arrays = dict(np.load(file, allow_pickle=False))
            return json.loads(str(arrays.pop("described"))), arrays
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, ending: str, described: Any, arrays: Mapping[str, Any]) -> None:
        """Store a description and arrays.

        Raises:
            WriteError: if the folder does not exist, or its disk is full.
        """
        try:
            with unnamed(self.folder) as file, io.BufferedRandom(file) as buffered:
                np.savez(buffered, described=np.array(json.dumps(described)), **arrays)
                buffered.flush()
                name(file, self.path(ending))
        except OSError as error:
            raise WriteError.from_cause(str(self.folder), error) from error
