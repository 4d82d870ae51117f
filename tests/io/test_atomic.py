"""Writing whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from epochal.errors import DataError, WriteError
from epochal.io import atomic as atomic_writes
from epochal.io.atomic import atomic, check_writable
from epochal.io.tempfiles import linkable


@pytest.fixture(autouse=True, params=["without a name", "with a hidden name"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return how a file is that is not whole yet; each test runs with both."""
    found: str = request.param
    if found == "with a hidden name":
        monkeypatch.setattr(atomic_writes, "linkable", lambda _: None)
        return found
    unnamed = linkable(tmp_path)
    if unnamed is None:
        pytest.skip("the system has no files without a name")
    unnamed.close()
    return found


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def write_and_fail(file: BinaryIO, error: BaseException | type[BaseException]) -> None:
    """Write a part, then fail."""
    file.write(b"half")
    raise error


def test_the_file_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    """During the block the target keeps its old content."""
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with atomic(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, DataError("bad row")])
def test_a_failing_block_leaves_everything_as_it_was(
    tmp_path: Path, error: BaseException | type[BaseException]
) -> None:
    """An exception passes as it is; the old file stays and no other is left."""
    target = tmp_path / "target"
    target.write_bytes(b"old")
    expected = error if isinstance(error, type) else type(error)
    with pytest.raises(expected), atomic(target) as file:
        write_and_fail(file, error)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["target"]


def test_a_full_disk_is_a_write_error_with_a_hint(tmp_path: Path) -> None:
    """An error of the system within the block names the path and says what to do."""
    with pytest.raises(WriteError, match="free some space"), atomic(tmp_path / "target"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_broken_pipe_is_not_a_failure_to_write_the_file(tmp_path: Path) -> None:
    """The command line ends quietly on a broken pipe, so it must see one."""
    with pytest.raises(BrokenPipeError), atomic(tmp_path / "target"):
        raise BrokenPipeError
    assert names(tmp_path) == []


def test_the_block_may_close_the_file(tmp_path: Path) -> None:
    """A writer may close the file."""
    with atomic(tmp_path / "target") as file:
        file.write(b"all")
        file.close()
    assert (tmp_path / "target").read_bytes() == b"all"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder is not made by the way."""
    with pytest.raises(WriteError, match="(?s)none/target.*create the folder"):
        check_writable(tmp_path / "none" / "target")
    with pytest.raises(WriteError), atomic(tmp_path / "none" / "target"):
        pytest.fail("the block must not begin")


@pytest.mark.parametrize("name", ["", "a\0b", ".", "file/inside", "x" * 300])
def test_impossible_names_are_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, a zero byte, a folder, a file as a folder and a name too long are write errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        check_writable(name)
    with pytest.raises(WriteError), atomic(name):
        pass
    assert names(tmp_path) == ["file"]


def test_a_device_is_never_replaced() -> None:
    """Nobody loses /dev/null by naming it."""
    with pytest.raises(WriteError, match="device"):
        check_writable(os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint says to choose another folder."""

    def refuse(path: Path, mode: str) -> BinaryIO:
        """Refuse as the system does, also for the superuser."""
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(atomic_writes, "linkable", lambda _: None)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WriteError, match="choose a folder"):
        check_writable(tmp_path / "target")


def test_a_read_only_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be written is not replaced either."""
    target = tmp_path / "target"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(WriteError, match="permission denied"), atomic(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What a link points to is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch()
    link.symlink_to("target")
    with atomic(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_permissions_are_the_usual_ones_and_are_kept(tmp_path: Path) -> None:
    """A new file has those of any new file; a replaced one those that it had."""
    plain, fresh = tmp_path / "plain", tmp_path / "fresh"
    plain.touch()
    with atomic(fresh):
        pass
    assert fresh.stat().st_mode == plain.stat().st_mode
    fresh.chmod(0o640)
    with atomic(fresh):
        pass
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    """`check_writable` makes no file and keeps an existing one."""
    target = tmp_path / "target"
    check_writable(target)
    assert names(tmp_path) == []
    target.write_bytes(b"old")
    check_writable(target)
    assert target.read_bytes() == b"old"


KILLED = """
import os, sys
from epochal.io.atomic import atomic
with atomic("model") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name != "posix", reason="a process is killed as on POSIX systems")
def test_a_killed_process_leaves_nothing(tmp_path: Path, kind: str) -> None:
    """Nor does it change the file that was there."""
    if kind == "with a hidden name":
        pytest.skip("the hidden file is left")
    (tmp_path / "model").write_bytes(b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model").read_bytes() == b"old"


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """As one that is opened for writing; one that is replaced gives its own."""
    (tmp_path / "usual").write_bytes(b"")
    (tmp_path / "old").write_bytes(b"")
    (tmp_path / "old").chmod(0o640)
    modes = {}
    for name in ("new", "old"):
        with atomic(tmp_path / name) as file:
            file.write(b"x")
        modes[name] = (tmp_path / name).stat().st_mode & 0o777
    assert modes == {"new": (tmp_path / "usual").stat().st_mode & 0o777, "old": 0o640}
