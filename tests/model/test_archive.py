"""Archives that are damaged or made to do harm."""

from __future__ import annotations

import io
import json
import pickle
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from epochal.errors import ModelError, WriteError
from epochal.model.archive import ENTRIES, LIMITS, pack
from epochal.model.persistence import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_archive_is_the_one_that_the_format_describes(saved: Path) -> None:
    """Three stored entries in order, dated 1980, with plain permissions."""
    with zipfile.ZipFile(saved) as archive:
        entries = archive.infolist()
    assert tuple(entry.filename for entry in entries) == ENTRIES
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == stat.S_IFREG | 0o644
        assert entry.create_system == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"PAR1 a parquet file", "begins with b'PAR1'"),
        (pickle.dumps({"a": 1}), "no epochal model"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_another_file_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    """What is no zip archive is refused by how it begins."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load(path)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    """A pickle with a trap is refused, and the trap stays shut."""
    trap = tmp_path / "sprung"

    class Trap:
        """An object whose unpickling would make a file."""

        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(trap), "w")

    path = tmp_path / "trap.epochal"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError):
        load(path)
    assert not trap.exists()


def test_another_zip_is_no_model(rezip: Callable[..., Path]) -> None:
    """A zip archive without a description is not one of ours."""
    with pytest.raises(ModelError, match=r"no model\.json"):
        load(rezip([("word/document.xml", b"<x/>")]))


@pytest.mark.parametrize("name", ["weights.safetensors", "checksums.json"])
def test_a_missing_entry_is_named(
    entries: dict[str, bytes], rezip: Callable[..., Path], name: str
) -> None:
    """Each entry must be there."""
    kept = [(other, content) for other, content in entries.items() if other != name]
    with pytest.raises(ModelError, match=f"no entry {name}"):
        load(rezip(kept))


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "a/", "model.json/", "MODEL.JSON", "C:\\evil", "extra.py"]
)
def test_a_surplus_entry_is_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path], name: str, tmp_path: Path
) -> None:
    """Other entries, paths that lead outside among them, are refused and never extracted."""
    path = rezip([*entries.items(), (name, b"evil")])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelError, match="surplus entry"):
        load(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_occurs_twice_is_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path], name: str
) -> None:
    """Which of two would count is never a question."""
    with pytest.warns(UserWarning, match="Duplicate"):
        path = rezip([*entries.items(), (name, entries[name])])
    with pytest.raises(ModelError, match=f"2 entries {name}"):
        load(path)


def test_compressed_entries_are_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """A small file cannot grow in memory."""
    path = rezip(list(entries.items()), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match=r"model\.json is compressed"):
        load(path)


def test_a_zip_bomb_is_refused_by_its_size(
    entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """A gigabyte of compressed zeros is not unpacked."""
    bomb = {**entries, "model.json": bytes(2**24)}
    path = rezip(list(bomb.items()), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(ModelError, match="compressed"):
        load(path)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_size_larger_than_the_file_is_refused(saved: Path, name: str) -> None:
    """The sizes that the directory claims are compared with the file before reading."""
    content = bytearray(saved.read_bytes())
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    for offset in (20, 24):
        content[place + offset : place + offset + 4] = (2**31).to_bytes(4, "little")
    saved.write_bytes(content)
    with pytest.raises(ModelError, match="claims 2,147,483,648 bytes|larger than the file"):
        load(saved)


def test_a_description_over_the_limit_is_not_read(
    entries: dict[str, bytes], rezip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit holds for a file that is as large as it claims."""
    monkeypatch.setitem(LIMITS, "model.json", 100)
    with pytest.raises(ModelError, match="at most 100"):
        load(rezip(list(entries.items())))


def test_a_description_over_the_limit_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read again is refused at saving."""
    monkeypatch.setitem(LIMITS, "model.json", 100)
    with pytest.raises(WriteError, match="101 bytes; expected at most 100"):
        pack(io.BytesIO(), bytes(101), b"")


def test_a_header_over_the_limit_is_not_written() -> None:
    """Weights whose header no reader accepts are refused at saving."""
    header = (5 * 2**20).to_bytes(8, "little")
    with pytest.raises(WriteError, match="5,242,880 bytes; expected at most 4,194,304"):
        pack(io.BytesIO(), b"{}", header)


def test_an_encrypted_entry_is_refused(saved: Path) -> None:
    """An entry marked as encrypted is a model error, not a question for a password."""
    content = bytearray(saved.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    saved.write_bytes(content)
    with pytest.raises(ModelError, match="encrypted"):
        load(saved)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_wrong_checksum_is_named(
    entries: dict[str, bytes], rezip: Callable[..., Path], name: str
) -> None:
    """Content that was changed and zipped again is found out."""
    sums = json.loads(entries["checksums.json"])
    sums[name] = "0" * 64
    changed = {**entries, "checksums.json": json.dumps(sums).encode()}
    with pytest.raises(ModelError, match=f"checksum of {name} is wrong"):
        load(rezip(list(changed.items())))


@pytest.mark.parametrize("sums", [b"", b"[]", b"{}", b"{", b"\xff", b'{"model.json": 1}'])
def test_checksums_of_another_kind_are_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path], sums: bytes
) -> None:
    """The list of checksums must be the one that was written."""
    with pytest.raises(ModelError, match=r"checksums\.json"):
        load(rezip(list({**entries, "checksums.json": sums}.items())))


def test_nested_checksums_are_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Deep nesting ends in a model error."""
    changed = {**entries, "checksums.json": b"[" * 4000}
    with pytest.raises(ModelError, match=r"checksums\.json is no JSON"):
        load(rezip(list(changed.items())))
