"""Runs of the program with a fault: a call that changes a file fails, or the process ends there.

A small library in C (`fault_shim.c`) stands in front of the C library's calls that change files. It counts
and lists those below the watched folders, and at a chosen one it sends a signal or returns an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCES = Path(__file__).parents[1] / "src"
SHIM = Path(__file__).with_name("fault_shim.c")
# Seconds for which a stopped process waits, and after which one that hangs is killed.
PAUSE, HANGS = 0.1, 900.0


class Fault(NamedTuple):
    """What happens at the call with this number, from 1, of those with a name within a folder.

    `fault_shim.c` describes the actions; `value` is a signal or an error number.
    """

    folder: str
    call: str
    number: int
    action: str
    value: int

    def __str__(self) -> str:
        """Return it as the shim reads it.

        >>> str(Fault("work", "link", 1, "signal-before", 9))
        'work:link:1:signal-before:9'
        """
        return ":".join(map(str, self))


class Call(NamedTuple):
    """A call that changed a file: its folder, its name, its number among those, and the path."""

    folder: str
    call: str
    number: int
    path: str


class Ended(NamedTuple):
    """How a run ended, after how many seconds."""

    code: int
    out: str
    err: str
    calls: list[Call]
    seconds: float


class Places(NamedTuple):
    """The folders of a run: that of the files, and those of temporary files and of the user."""

    root: Path

    @property
    def work(self) -> Path:
        """Where data and results are."""
        return self.root / "work"

    @property
    def state(self) -> Path:
        """Where the checkpoints of a training are that writes `m.epochal`."""
        return self.work / "m.epochal.checkpoint"

    @property
    def elsewhere(self) -> tuple[Path, Path]:
        """The folder of temporary files, and the home folder."""
        return self.root / "tmp", self.root / "home"

    def begin(self, data: Path) -> None:
        """Make all folders anew, with a copy of the data; returns nothing."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(data, self.work)
        for folder in self.elsewhere:
            folder.mkdir()

    def names(self) -> list[str]:
        """Return the relative paths of all files and folders, but for those of the records of a run."""
        folders = (self.work, *self.elsewhere)
        paths = [path for folder in folders for path in folder.rglob("*")]
        return sorted(path.relative_to(self.root).as_posix() for path in paths)


def compiled(folder: Path) -> Path | None:
    """Return the shim, compiled in a folder; None without Linux or a C compiler."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        return None
    library = folder / "fault_shim.so"
    flags = ["-shared", "-fPIC", "-O1", "-std=gnu11", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE"]
    subprocess.run([compiler, *flags, SHIM, "-o", library], check=True)
    return library


class Injector(NamedTuple):
    """Runs the program, with faults: the shim, and the folder of compiled programs."""

    shim: Path
    programs: Path

    def run(
        self,
        words: Sequence[str],
        places: Places,
        fault: Fault | None = None,
        kill_after: float = HANGS,
    ) -> Ended:
        """Return how the program ends with these words; a stopped process goes on after a pause.

        Args:
            words: those behind `epochal`.
            places: its folders.
            fault: what happens to it.
            kill_after: seconds after which it is killed.
        """
        root = places.root
        log, out, err = (root / name for name in ("calls", "out", "err"))
        log.unlink(missing_ok=True)
        began = time.monotonic()
        with out.open("wb") as to, err.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "epochal", *words],
                cwd=places.work,
                env=self._environment(places, log, fault),
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=errors,
            )
            process.returncode = _code(process.pid, kill_after)
        seconds = time.monotonic() - began
        printed, told = (path.read_text(encoding="utf-8") for path in (out, err))
        return Ended(process.returncode, printed, told, list(_calls(log)), seconds)

    def _environment(self, places: Places, log: Path, fault: Fault | None) -> dict[str, str]:
        """Return the environment of a run."""
        temporary, home = map(str, places.elsewhere)
        watched = {"work": places.work, "state": places.state, "tmp": temporary, "home": home}
        return {
            **os.environ,
            "PYTHONPATH": str(SOURCES),
            "LD_PRELOAD": str(self.shim),
            "FAULT_FOLDERS": ":".join(f"{label}={folder}" for label, folder in watched.items()),
            "FAULT_LOG": str(log),
            "FAULT": "" if fault is None else str(fault),
            "TMPDIR": temporary,
            "HOME": home,
            "EPOCHAL_CACHE": str(self.programs),
            "EPOCHAL_NATIVE_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }


def _code(process: int, kill_after: float) -> int:
    """Return the exit code of a process, negative for a signal; it is killed after some seconds."""

    def kill() -> None:
        """Kill it, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    timer = threading.Timer(kill_after, kill)
    timer.start()
    try:
        while True:
            _, status = os.waitpid(process, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            time.sleep(PAUSE)
            os.kill(process, signal.SIGCONT)
    finally:
        timer.cancel()


def _calls(log: Path) -> Iterator[Call]:
    """Yield the calls that the shim has listed, in their order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    fields = [line.split("\t", 4) for line in lines]
    for _, folder, call, number, path in sorted(fields, key=lambda line: int(line[0])):
        yield Call(folder, call, int(number), path)
