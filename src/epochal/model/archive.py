"""The zip archive of a model: three entries, written reproducibly and validated when read.

Nothing is extracted to disk, and every size in the archive is checked against the size of the file.
"""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from epochal.errors import EpochalError, MissingFileError, ModelError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DESCRIPTION, WEIGHTS, CHECKSUMS = "model.json", "weights.safetensors", "checksums.json"
ENTRIES = (DESCRIPTION, WEIGHTS, CHECKSUMS)
LIMITS = {DESCRIPTION: 64 * 2**20, CHECKSUMS: 4096}
# The header of the weights names every tensor, so its size bounds their number.
LONGEST_HEADER = 4 * 2**20
_MAGIC = b"PK\x03\x04"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
    LookupError,
)


def pack(file: BinaryIO, description: bytes, weights: bytes) -> None:
    """Write the archive; equal content gives equal bytes on every machine."""
    if len(description) > LIMITS[DESCRIPTION]:
        raise WriteError(
            f"the description of the model has {len(description):,} bytes",
            f"at most {LIMITS[DESCRIPTION]:,}",
            "lower max_categories, or leave out columns with very many categories",
        )
    if header_bytes(weights) > LONGEST_HEADER:
        raise WriteError(
            f"the names and shapes of the weights have {header_bytes(weights):,} bytes",
            f"at most {LONGEST_HEADER:,}",
            "train a network of fewer layers",
        )
    sums = {DESCRIPTION: _digest(description), WEIGHTS: _digest(weights)}
    checksums = f"{json.dumps(sums, indent=2, sort_keys=True)}\n".encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in zip(ENTRIES, (description, weights, checksums), strict=True):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            # By default Python writes the operating system of the machine.
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)


def header_bytes(weights: bytes) -> int:
    """Return the size of the header of a safetensors file, as its first bytes say.

    >>> header_bytes(bytes([2, 1, 0, 0, 0, 0, 0, 0]))
    258
    """
    return int.from_bytes(weights[:8], "little")


class Archive:
    """An open archive whose entries are read one by one, each checked first."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive, self._size = archive, size
        self._entries = archive.infolist()

    def check_entries(self) -> None:
        """Refuse an archive that has other entries than the three."""
        counts = Counter(entry.filename for entry in self._entries)
        for name in counts:
            if name not in ENTRIES:
                raise ModelError.from_damage(
                    f"there is a surplus entry {name!r}", f"only {', '.join(ENTRIES)}"
                )
            if counts[name] > 1:
                raise ModelError.from_damage(f"there are {counts[name]} entries {name}", "one")
        for name in ENTRIES:
            if name not in counts:
                raise ModelError.from_damage(f"there is no entry {name}")
        if sum(entry.file_size for entry in self._entries) > self._size:
            raise ModelError.from_damage("the entries are larger than the file")

    def read(self, name: str) -> bytes:
        """Return the content of an entry."""
        entry = self._entry(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise ModelError.from_damage(f"the entry {name} is compressed", "a stored entry")
        limit = min(LIMITS.get(name, self._size), self._size)
        if entry.file_size > limit:
            raise ModelError.from_damage(
                f"the entry {name} claims {entry.file_size:,} bytes", f"at most {limit:,}"
            )
        return self._archive.read(entry)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        """Return the one entry of this name."""
        entries = [entry for entry in self._entries if entry.filename == name]
        if not entries:
            raise ModelError(
                f"this zip archive has no {name}",
                "a model that epochal saved",
                "epochal reads what `epochal train` and `EpochalClassifier.save` write",
            )
        # zipfile cuts names at a zero byte, which must not hide the rest.
        if len(entries) > 1 or entries[0].orig_filename != name:
            raise ModelError.from_damage(f"there are {len(entries)} entries {name}", "one")
        return entries[0]


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Yield the archive at `path`; errors of the zip file become a ModelError."""
    try:
        _check_file(path)
        with path.open("rb") as file:
            _check_start(file.read(4))
            with zipfile.ZipFile(file) as archive:
                yield Archive(archive, path.stat().st_size)
    except EpochalError:
        raise
    except OSError as error:
        raise ModelError(f"it cannot be read: {error.strerror or error}") from error
    except _ZIP_ERRORS as error:
        raise ModelError.from_damage(f"the zip archive is damaged ({error})") from error


def verify_checksums(checksums: bytes, description: bytes, weights: bytes) -> None:
    """Refuse content whose SHA-256 is not the stored one."""
    try:
        written = json.loads(checksums)
    except (ValueError, RecursionError) as error:
        raise ModelError.from_damage(f"{CHECKSUMS} is no JSON") from error
    actual = {DESCRIPTION: _digest(description), WEIGHTS: _digest(weights)}
    if not isinstance(written, dict) or written.keys() != actual.keys():
        raise ModelError.from_damage(f"{CHECKSUMS} does not list {DESCRIPTION} and {WEIGHTS}")
    for name, digest in actual.items():
        if written[name] != digest:
            raise ModelError.from_damage(f"the checksum of {name} is wrong")


def _check_file(path: Path) -> None:
    """Refuse a path that is no file."""
    if not path.exists():
        raise MissingFileError(f"there is no model file {path}", "", "check the path")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not an ordinary file"
        raise ModelError(f"it is {what}", "a model file", "name the .epochal file")


def _check_start(start: bytes) -> None:
    """Refuse a file that does not begin as a zip archive."""
    if start != _MAGIC:
        problem = f"it begins with {start!r}" if start else "it is empty"
        raise ModelError(
            f"{problem} and is no epochal model",
            "a zip archive",
            "epochal reads what `epochal train` and `EpochalClassifier.save` write",
        )


def _digest(content: bytes) -> str:
    """Return the SHA-256 of the content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
