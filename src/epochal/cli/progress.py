"""Progress of a training: a live panel for a terminal, a line per epoch for a log, JSON events.

Each kind is a context manager around the training and a callback of its epochs. None of them
changes the model.
"""

from __future__ import annotations

import math
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.live import Live

from epochal.cli.layout import TextTable, rich_table
from epochal.cli.track import Track, bars, clock, epochs_named
from epochal.signals import answered_by
from epochal.training.checkpoint_files import checkpoint_files

if TYPE_CHECKING:
    import argparse
    from types import TracebackType

    from rich.table import Table

    from epochal.cli.output import Output
    from epochal.config.settings import Settings
    from epochal.records import EpochEvent

# Twice a second: a clock that runs, and no flicker.
REFRESHES_PER_SECOND = 2
# Epochs of a curve: with them the panel fits into 80 columns.
CURVE = 40


class Progress(Protocol):
    """What shows the progress of a training."""

    def __enter__(self) -> Self:
        """Return itself, as the training begins."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, however the training ended; returns nothing."""

    def __call__(self, event: EpochEvent) -> None:
        """Show an epoch; returns nothing."""


def progress_for(
    arguments: argparse.Namespace, settings: Settings, checkpoints: str | None = None
) -> Progress:
    """Return the progress that the options select; without options only a terminal shows one.

    Args:
        arguments: the options.
        settings: of the training.
        checkpoints: the folder of its checkpoints, if it writes any.
    """
    if arguments.json:
        return JsonProgress(arguments.output)
    if arguments.quiet:
        return NoProgress()
    patience = settings.n_iter_no_change if settings.early_stopping else None
    if arguments.verbose:
        return LineProgress(arguments.output, patience, checkpoints)
    if not sys.stderr.isatty():
        # rich takes other streams for terminals, too, if the environment has FORCE_COLOR.
        return NoProgress()
    return LiveProgress(Console(stderr=True, highlight=False), patience, checkpoints)


class NoProgress:
    """Progress that is not shown."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def __call__(self, event: EpochEvent) -> None:
        """Do nothing."""


class JsonProgress(NoProgress):
    """A JSON event per epoch."""

    def __init__(self, output: Output) -> None:
        """Write to an output."""
        self.output = output

    def __call__(self, event: EpochEvent) -> None:
        """Write an epoch; returns nothing."""
        self.output.event("epoch", **vars(event))


class LineProgress(NoProgress):
    """One line of text per epoch, for a log."""

    def __init__(
        self, output: Output, patience: int | None, checkpoints: str | None = None
    ) -> None:
        """Write to an output; `patience` is that of early stopping in epochs, None without it."""
        self.output, self.track, self.patience = output, Track(), patience
        self.checkpoints, self.shown = checkpoints, _newest(checkpoints)

    def __call__(self, event: EpochEvent) -> None:
        """Write an epoch, and the checkpoint that was written since the last one; returns nothing."""
        self.track.add(event)
        line, newest = epoch_line(self.track, event, self.patience), _newest(self.checkpoints)
        if newest is not None and newest != self.shown:
            line += f"   checkpoint in {self.checkpoints}"
        self.shown = newest
        self.output.notice(line)


class LiveProgress(NoProgress):
    """A panel on the terminal that is rewritten in place."""

    def __init__(
        self, console: Console, patience: int | None, checkpoints: str | None = None
    ) -> None:
        """Draw on a console; `patience` is that of early stopping in epochs, None without it."""
        self.checkpoints = checkpoints
        self.track, self.began, self.patience = Track(), time.monotonic(), patience
        self.curves = (console.encoding or "").lower().startswith("utf")
        self.answer, self.answering = "", ExitStack()
        self.live = Live(
            get_renderable=self._drawn,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        """Draw the first panel; returns itself."""
        self.live.start(refresh=True)
        self.answering.enter_context(answered_by(self._show_answer))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing, below the last panel; returns nothing."""
        self.answering.close()
        self.live.stop()
        self.live.console.print()

    def __call__(self, event: EpochEvent) -> None:
        """Store an epoch, which the next refresh shows; returns nothing."""
        self.track.add(event)

    def _show_answer(self, text: str) -> None:
        """Show the answer to a signal in the panel, at once; returns nothing."""
        self.answer = text
        self.live.refresh()

    def _drawn(self) -> Table:
        """Return the panel as it is now."""
        seconds = time.monotonic() - self.began
        drawn = panel(self.track, seconds, self.patience, curves=self.curves)
        newest = _newest(self.checkpoints)
        written = []
        if newest is not None:
            written = [("checkpoint", f"{clock(max(time.time() - newest, 0.0))} ago")]
        answer = [("", self.answer)] if self.answer else []
        return rich_table(TextTable([*drawn.rows, *written, *answer]))


def _newest(folder: str | None) -> float | None:
    """Return when the newest checkpoint in a folder was written, in seconds since 1970; None if there is none."""
    files = [] if folder is None else checkpoint_files(folder)
    with suppress(OSError):
        return files[-1].stat().st_mtime if files else None
    return None


def panel(track: Track, seconds: float, patience: int | None, *, curves: bool) -> TextTable:
    """Return the panel, `seconds` after the beginning."""
    event = track.event
    if event is None:
        return TextTable([("preparing", clock(seconds), "columns, then the training program")])
    has_validation = any(map(math.isfinite, track.validation))
    shown = [track.training, track.validation] if has_validation else [track.training]
    drawn = bars(shown, CURVE) if curves else [""] * len(shown)
    rows = [
        (
            "epoch",
            f"{event.epoch} of at most {event.max_iter}",
            clock(seconds) + track.left(patience),
        ),
        ("training", _loss(track.training[-1]), drawn[0]),
    ]
    if has_validation:
        rows.append(("validation", _loss(track.validation[-1]), drawn[1]))
        rows.append(("best", _loss(track.best), epochs_named(event.best_epoch)))
    active = f"{sum(event.active)} of {len(event.active)} in training"
    rows.append(("members", active, f"{_thousands(track.rows_per_second)} rows/s"))
    return TextTable(rows)


def epoch_line(track: Track, event: EpochEvent, patience: int | None) -> str:
    """Return one epoch as a line of a log."""
    parts = [
        f"epoch {event.epoch} of at most {event.max_iter}",
        f"training {_loss(track.training[-1])}",
    ]
    if math.isfinite(track.validation[-1]):
        parts.append(f"validation {_loss(track.validation[-1])}")
        parts.append(f"best {_loss(track.best)} ({epochs_named(event.best_epoch)})")
    parts.append(f"{_thousands(track.rows_per_second)} rows/s")
    parts.append(f"{clock(event.seconds)}{track.left(patience)}")
    return "   ".join(parts)


def _loss(value: float) -> str:
    """Return a loss with four decimals."""
    return f"{value:.4f}" if math.isfinite(value) else "–"


def _thousands(value: float) -> str:
    """Return a number with separated thousands."""
    return f"{value:,.0f}" if math.isfinite(value) else "–"
