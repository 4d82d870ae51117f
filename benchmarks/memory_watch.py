"""How much memory a command takes at its peak, and how long it runs, as Linux tells it of the process.

RssAnon is what the process has itself; RssFile are pages of files that it has
mapped, which the system takes back when it needs the memory.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seconds between two looks.
INTERVAL = 0.02
# Peak of what is resident, and what is resident now: of its own, and of files.
FIGURES = ("VmHWM", "RssAnon", "RssFile")
_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


class Watched(NamedTuple):
    """A command that has ended: exit code, seconds, peaks in MB (10⁶ bytes), and what it printed."""

    code: int
    seconds: float
    peak_mb: float
    own_mb: float
    files_mb: float
    printed: str
    complaint: str


def watch(words: Sequence[str]) -> Watched:
    """Run a command to its end, and return what it took.

    Peaks of its own memory and of files may be missed if they last for less
    than `INTERVAL`; the peak of all is missed only in the last of it.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as told:
        began = time.perf_counter()
        process = subprocess.Popen(list(words), stdout=out, stderr=told)
        highest = dict.fromkeys(FIGURES, 0)
        try:
            while process.poll() is None:
                seen = kilobytes(Path(f"/proc/{process.pid}/status"))
                highest = {name: max(highest[name], seen.get(name, 0)) for name in FIGURES}
                time.sleep(INTERVAL)
        finally:
            process.kill()
            process.wait()
        seconds = time.perf_counter() - began
        out.seek(0)
        told.seek(0)
        peak, own, files = (round(highest[name] * 1024 / 1e6, 1) for name in FIGURES)
        return Watched(process.returncode, seconds, peak, own, files, out.read(), told.read())


def kilobytes(status: Path) -> dict[str, int]:
    """Return the figures in kB of a process's status; none if it has ended."""
    try:
        return {name: int(number) for name, number in _LINE.findall(status.read_text())}
    except (FileNotFoundError, ProcessLookupError):
        return {}
