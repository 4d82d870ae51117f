"""A running count of rows, for who waits at a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

# What takes less than a second needs no count; then twice a second is calm.
PATIENCE, INTERVAL = 1.0, 0.5
CLEAR = "\r\x1b[K"


@dataclass
class Count:
    """Rows so far, shown on a stream if there is one."""

    stream: TextIO | None
    began: float
    rows: int = 0
    shown: float = 0.0

    def add(self, rows: int) -> None:
        """Count some rows, and show the count if it is time to."""
        self.rows += rows
        now = time.monotonic()
        if self.stream is None or now - self.began < PATIENCE or now - self.shown < INTERVAL:
            return
        self.shown = now
        speed = self.rows / (now - self.began)
        self.stream.write(f"{CLEAR}  {self.rows:,} rows   {speed:,.0f} rows/s")
        self.stream.flush()

    def clear(self) -> None:
        """Take the count off the screen."""
        if self.stream is not None and self.shown:
            self.stream.write(CLEAR)
            self.stream.flush()


@contextmanager
def counting(stream: TextIO, *, quiet: bool) -> Iterator[Count]:
    """Give a count that is shown on the stream if that is a terminal, and cleared at the end."""
    count = Count(stream if stream.isatty() and not quiet else None, time.monotonic())
    try:
        yield count
    finally:
        count.clear()
