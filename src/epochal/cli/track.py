"""Mean loss curves, speed and time left of a training, from the events of its epochs."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epochal.records import EpochEvent

# Epochs over which speed is averaged: enough for a steady value, few enough for a current one.
RECENT = 5
BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Track:
    """The loss curves of a training, as means over the members, and its speed.

    A member that has stopped counts in the means with its last loss, so that
    a curve does not jump when a member stops.
    """

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    event: EpochEvent | None = None
    _last: dict[str, list[float]] = field(default_factory=dict)
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RECENT + 1))

    def add(self, event: EpochEvent) -> None:
        """Add the losses and times of an epoch; returns nothing."""
        self.training.append(mean(self._latest("training", event.training_loss)))
        self.validation.append(mean(self._latest("validation", event.validation_loss)))
        self._recent.append((event.seconds, event.rows))
        self.event = event

    @property
    def best(self) -> float:
        """The members' best losses, averaged; NaN before there is one."""
        return math.nan if self.event is None else mean(list(self.event.best_loss))

    @property
    def rows_per_second(self) -> float:
        """Training rows per second in the latest epochs, all members together.

        The first epoch, which includes compilation, counts only while it is the only one.
        """
        if not self._recent:
            return math.nan
        seconds = self._recent[-1][0]
        rows = sum(rows for _, rows in list(self._recent)[1:])
        if len(self._recent) == 1:
            rows = self._recent[0][1]
        else:
            seconds -= self._recent[0][0]
        return rows / seconds if seconds > 0 else math.nan

    def left(self, patience: int | None) -> str:
        """Return the estimated time left, to follow the elapsed time, at the speed of the latest epochs.

        The longest time is that until `max_iter`. With patience, the shortest is that without any
        further improvement. The text is empty before there is a speed, and when all members have stopped.
        """
        if self.event is None or len(self._recent) < 2 or not any(self.event.active):
            return ""
        epochs = self.event.max_iter - self.event.epoch
        per_epoch = (self._recent[-1][0] - self._recent[0][0]) / (len(self._recent) - 1)
        longest = clock(per_epoch * epochs)
        if patience is None:
            return f", at most {longest} left"
        waiting = zip(self.event.best_epoch, self.event.active, strict=True)
        least = max(
            (best + patience - self.event.epoch for best, active in waiting if active), default=0
        )
        shortest = clock(per_epoch * min(max(least, 0), epochs))
        span = longest if shortest == longest else f"{shortest} to {longest}"
        return f", {span} left"

    def _latest(self, name: str, losses: tuple[float, ...]) -> list[float]:
        """Return each member's last finite loss."""
        last = self._last.setdefault(name, [math.nan] * len(losses))
        for k, loss in enumerate(losses):
            if math.isfinite(loss):
                last[k] = loss
        return last


def mean(values: list[float] | tuple[float, ...]) -> float:
    """Return the mean of the finite values; NaN if there are none.

    >>> mean([1.0, float("nan"), 3.0])
    2.0
    """
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def bars(curves: list[list[float]], width: int) -> list[str]:
    """Return the last `width` points of curves as rows of bars, all on one scale.

    >>> bars([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]], width=10)
    ['█▅▁', '█▁▅']
    """
    shown = [curve[-width:] for curve in curves]
    finite = [value for curve in shown for value in curve if math.isfinite(value)]
    low, span = (min(finite), max(finite) - min(finite)) if finite else (0.0, 0.0)

    def bar(value: float) -> str:
        """Return the bar of one value; a gap where there is none."""
        if not math.isfinite(value):
            return " "
        share = (value - low) / span if span > 0 else 0.0
        return BARS[min(math.floor(share * (len(BARS) - 1) + 0.5), len(BARS) - 1)]

    return ["".join(map(bar, curve)) for curve in shown]


def epochs_named(epochs: tuple[int, ...]) -> str:
    """Return one or several epochs in words.

    >>> epochs_named((7, 7)), epochs_named((7, 12, 9))
    ('epoch 7', 'epochs 7 to 12')
    """
    low, high = min(epochs), max(epochs)
    return f"epoch {low}" if low == high else f"epochs {low} to {high}"


def clock(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours.

    >>> clock(7.4), clock(75), clock(3700), clock(float("nan"))
    ('7 s', '1:15 min', '1:01 h', '–')
    """
    if not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
