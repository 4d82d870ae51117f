"""A running count of rows on a terminal, by rich's progress display."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

# No count in the first second; then two refreshes per second.
DELAY, REFRESHES_PER_SECOND = 1.0, 2


@dataclass
class Count:
    """Rows so far, shown on a terminal (None: nowhere) after `DELAY` seconds."""

    terminal: TextIO | None
    began: float
    rows: int = 0
    _display: tuple[Progress, TaskID] | None = None

    def add(self, rows: int) -> None:
        """Add a number of rows, and show the sum if it is time to; returns nothing."""
        self.rows += rows
        seconds = time.monotonic() - self.began
        if self.terminal is None or seconds < DELAY:
            return
        if self._display is None:
            self._display = _display(self.terminal)
        progress, task = self._display
        progress.update(task, completed=self.rows, rate=self.rows / seconds)
        progress.start()

    def clear(self) -> None:
        """Clear the count from the screen; returns nothing."""
        if self._display is not None:
            self._display[0].stop()
            self._display = None


@contextmanager
def counting(stream: TextIO, *, quiet: bool) -> Iterator[Count]:
    """Provide a count that is shown on the stream if that is a terminal, and cleared at the end."""
    count = Count(stream if stream.isatty() and not quiet else None, time.monotonic())
    try:
        yield count
    finally:
        count.clear()


def _display(terminal: TextIO) -> tuple[Progress, TaskID]:
    """Return a display of rows and rows per second, and its only task."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    progress = Progress(
        TextColumn("  {task.completed:,.0f} rows"),
        TextColumn(" {task.fields[rate]:,.0f} rows/s"),
        console=Console(file=terminal, highlight=False),
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
    )
    return progress, progress.add_task("", total=None, rate=0.0)
