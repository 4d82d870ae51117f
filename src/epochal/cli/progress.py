"""Progress of a training, for who is watching: a person at a terminal, a log, a machine.

Each kind is a context manager around the training and an observer of its
epochs. Nothing here changes what is trained.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from epochal.cli.track import Track, bars, clock, epochs_named

if TYPE_CHECKING:
    import argparse
    from types import TracebackType

    from epochal.cli.output import Output
    from epochal.config.settings import Settings
    from epochal.records import EpochEvent

# Twice a second: a clock that runs, and no flicker.
REFRESHES_PER_SECOND = 2
# Label, figure, and the widest remark: the panel fits into 80 columns.
LABEL, FIGURE, CURVE = 12, 24, 40


class Progress(Protocol):
    """Something that follows a training."""

    def __enter__(self) -> Self:
        """Begin to follow."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, however the training ended."""

    def __call__(self, event: EpochEvent) -> None:
        """Take notice of an epoch."""


def progress_for(arguments: argparse.Namespace, settings: Settings) -> Progress:
    """Return the progress that fits what was typed and who is there to see it."""
    if arguments.json:
        return JsonProgress(arguments.output)
    if arguments.quiet:
        return Silence()
    patience = settings.n_iter_no_change if settings.early_stopping else None
    if arguments.verbose:
        return LineProgress(arguments.output, patience)
    console = Console(stderr=True, highlight=False)
    return LiveProgress(console, patience) if console.is_terminal else Silence()


class Silence:
    """Progress that nobody sees."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def __call__(self, event: EpochEvent) -> None:
        """Say nothing about an epoch."""


class JsonProgress(Silence):
    """An event per epoch, for a machine."""

    def __init__(self, output: Output) -> None:
        """Write to an output."""
        self.output = output

    def __call__(self, event: EpochEvent) -> None:
        """Write an epoch."""
        self.output.event("epoch", **vars(event))


class LineProgress(Silence):
    """One line of text per epoch, for a log."""

    def __init__(self, output: Output, patience: int | None) -> None:
        """Write to an output; training stops early with this patience, None: it does not."""
        self.output, self.track, self.patience = output, Track(), patience

    def __call__(self, event: EpochEvent) -> None:
        """Write an epoch."""
        self.track.add(event)
        self.output.notice(epoch_line(self.track, event, self.patience))


class LiveProgress(Silence):
    """A panel on the terminal that is rewritten in place."""

    def __init__(self, console: Console, patience: int | None) -> None:
        """Draw on a console; training stops early with this patience, None: it does not."""
        self.track, self.began, self.patience = Track(), time.monotonic(), patience
        self.curves = (console.encoding or "").lower().startswith("utf")
        self.live = Live(
            get_renderable=self._drawn,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        """Draw the first panel."""
        self.live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last panel standing and give the terminal back."""
        self.live.stop()
        self.live.console.print()

    def __call__(self, event: EpochEvent) -> None:
        """Note an epoch; the next refresh shows it."""
        self.track.add(event)

    def _drawn(self) -> Text:
        """Return the panel as it is now."""
        seconds = time.monotonic() - self.began
        lines = panel(self.track, seconds, self.patience, curves=self.curves)
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def panel(track: Track, seconds: float, patience: int | None, *, curves: bool) -> list[str]:
    """Return the lines of the panel, `seconds` after the beginning."""
    event = track.event
    if event is None:
        return [_row("preparing", clock(seconds), "columns, then the training program")]
    judged = any(map(math.isfinite, track.validation))
    shown = [track.training, track.validation] if judged else [track.training]
    drawn = bars(shown, CURVE) if curves else [""] * len(shown)
    rows = [
        _row(
            "epoch",
            f"{event.epoch} of at most {event.max_iter}",
            clock(seconds) + track.left(patience),
        ),
        _row("training", _loss(track.training[-1]), drawn[0]),
    ]
    if judged:
        rows.append(_row("validation", _loss(track.validation[-1]), drawn[1]))
        rows.append(_row("best", _loss(track.best), epochs_named(event.best_epoch)))
    rows.append(
        _row(
            "members",
            f"{sum(event.active)} of {len(event.active)} in training",
            f"{_thousands(track.rows_per_second)} rows/s",
        )
    )
    return rows


def epoch_line(track: Track, event: EpochEvent, patience: int | None) -> str:
    """Return one epoch as a line of a log."""
    parts = [f"epoch {event.epoch:>4}", f"training {_loss(track.training[-1])}"]
    if math.isfinite(track.validation[-1]):
        parts.append(f"validation {_loss(track.validation[-1])}")
        parts.append(f"best {_loss(track.best)} ({epochs_named(event.best_epoch)})")
    parts.append(f"{_thousands(track.rows_per_second)} rows/s")
    parts.append(f"{clock(event.seconds)}{track.left(patience)}")
    return "   ".join(parts)


def _row(label: str, figure: str, remark: str) -> str:
    """Return a line of the panel: three aligned parts."""
    return f"  {label:<{LABEL}}{figure:<{FIGURE}}{remark}".rstrip()


def _loss(value: float) -> str:
    """Return a loss with four decimals."""
    return f"{value:.4f}" if math.isfinite(value) else "–"


def _thousands(value: float) -> str:
    """Return a number with its thousands set apart."""
    return f"{value:,.0f}" if math.isfinite(value) else "–"
