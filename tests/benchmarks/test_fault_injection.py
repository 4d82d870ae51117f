"""The shim counts the calls that change files, and disturbs the one that is chosen."""

from __future__ import annotations

import errno
import signal
import sys
from collections import Counter

import pytest

from fault_injection import PAUSE, Fault, Injector, Places, compiled

# Writes a file of four bytes whole, gives it another name, and says what went wrong.
PROGRAM = """
import os
from pathlib import Path
try:
    with open("a.txt", "wb", buffering=0) as file:
        left = b"word"
        while left:
            left = left[file.write(left):]
        os.fsync(file.fileno())
    os.rename("a.txt", "b.txt")
    folder = Path(os.environ["TMPDIR"]) / "c"
    folder.mkdir()
    (folder / "d.txt").write_bytes(b"")
except OSError as error:
    print(error.errno)
"""
KILLED = -signal.SIGKILL


@pytest.fixture
def injector(tmp_path, monkeypatch):
    """Return an injector whose program is the one above."""
    shim = compiled(tmp_path)
    if shim is None:
        pytest.skip("this needs Linux and a C compiler")
    program = tmp_path / "program.sh"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$PROGRAM"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PROGRAM", PROGRAM)
    monkeypatch.setattr(sys, "executable", str(program))
    return Injector(shim, tmp_path / "programs")


@pytest.fixture
def places(tmp_path):
    """Return empty places."""
    (tmp_path / "empty").mkdir()
    found = Places(tmp_path / "run")
    found.begin(tmp_path / "empty")
    return found


def test_calls_below_the_folders_are_listed(injector, places):
    """With their folder, name, number and path, in their order; what only reads is not there."""
    ended = injector.run([], places)
    listed = [(call.folder, call.call, call.number) for call in ended.calls]

    assert ended.code == 0
    assert listed == [
        ("work", "open", 1),
        ("work", "write", 1),
        ("work", "fsync", 1),
        ("work", "rename", 1),
        ("tmp", "mkdir", 1),
        ("tmp", "open", 1),
    ]
    assert ended.calls[1].path == str(places.work / "a.txt")
    assert places.names() == ["tmp/c", "tmp/c/d.txt", "work/b.txt"]


@pytest.mark.parametrize(
    ("fault", "code", "out", "names"),
    [
        ("work:rename:1:signal-before:9", KILLED, "", {"work/a.txt": b"word"}),
        ("work:rename:1:signal-after:9", KILLED, "", {"work/b.txt": b"word"}),
        ("work:write:1:half-signal:9", KILLED, "", {"work/a.txt": b"wo"}),
        ("work:write:1:half-once:0", 0, "", {"work/b.txt": b"word", "tmp/c": None, "tmp/c/d.txt": b""}),
        (f"work:write:1:half-fail:{errno.EDQUOT}", 0, f"{errno.EDQUOT}\n", {"work/a.txt": b"wo"}),
        (f"work:fsync:1:fail-once:{errno.EIO}", 0, f"{errno.EIO}\n", {"work/a.txt": b"word"}),
        (f"tmp:mkdir:1:fail-on:{errno.ENOSPC}", 0, f"{errno.ENOSPC}\n", {"work/b.txt": b"word"}),
        ("work:rename:2:signal-before:9", 0, "", {"work/b.txt": b"word", "tmp/c": None, "tmp/c/d.txt": b""}),
    ],
)  # fmt: skip
def test_a_fault_does_what_it_says(injector, places, fault, code, out, names):
    """The process ends there, or gets the error; a fault that is not reached changes nothing."""
    folder, call, number, action, value = fault.split(":")
    ended = injector.run([], places, Fault(folder, call, int(number), action, int(value)))
    paths = {name: places.root / name for name in places.names()}

    assert (ended.code, ended.out) == (code, out)
    assert {n: p.read_bytes() if p.is_file() else None for n, p in paths.items()} == names


def test_a_stopped_process_goes_on(injector, places):
    """It ends as usual, after the pause."""
    stop = Fault("work", "rename", 1, "signal-before", int(signal.SIGSTOP))
    ended = injector.run([], places, stop)

    assert (ended.code, ended.err) == (0, "")
    assert ended.seconds >= PAUSE
    assert "work/b.txt" in places.names()


def test_a_process_is_killed_after_a_time(injector, places, monkeypatch):
    """Wherever it is."""
    monkeypatch.setenv("PROGRAM", "while True: pass")
    assert injector.run([], places, kill_after=0.3).code == KILLED


THREADS = """
import os
from concurrent.futures import ThreadPoolExecutor
def write(number):
    with open(f"{number}", "wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x")
with ThreadPoolExecutor(8) as pool:
    list(pool.map(write, range(8)))
"""


def test_threads_are_counted_together(injector, places, monkeypatch):
    """Each call has a number of its own, and none is lost."""
    monkeypatch.setenv("PROGRAM", THREADS)
    calls = injector.run([], places).calls

    assert Counter(call.call for call in calls) == {"open": 8, "write": 400}
    assert sorted(call.number for call in calls if call.call == "write") == list(range(1, 401))


def test_an_unknown_fault_is_no_silent_pass(injector, places):
    """A mistake in a fault ends the process, so that no trial passes without its fault."""
    ended = injector.run([], places, Fault("work", "wirte", 1, "signal-before", 9))
    assert ended.code == -signal.SIGABRT


def test_nothing_is_compiled_without_a_compiler(tmp_path, monkeypatch):
    """There is no shim then."""
    monkeypatch.setenv("PATH", "")
    assert compiled(tmp_path) is None
    assert not list(tmp_path.iterdir())
