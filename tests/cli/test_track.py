"""The numbers that progress shows, from events made by hand."""

from __future__ import annotations

import math

import pytest

from epochal.cli.track import Track, bars, clock, epochs_named
from epochal.records import EpochEvent

NAN = math.nan


def event(epoch: int, training, validation, seconds: float = 1.0, rows: int = 100) -> EpochEvent:
    """Return an event with a member per loss."""
    return EpochEvent(
        epoch=epoch,
        max_iter=10,
        training_loss=training,
        validation_loss=validation,
        best_loss=validation,
        best_epoch=(epoch,) * len(training),
        active=tuple(math.isfinite(loss) for loss in training),
        rows=rows,
        seconds=seconds,
    )


def test_curves_are_means_in_which_stopped_members_stay():
    """A member that has stopped counts with its last figure: the curve does not jump."""
    track = Track()
    track.add(event(1, (1.0, 3.0), (2.0, 4.0)))
    track.add(event(2, (0.5, NAN), (1.0, NAN)))

    assert track.training == [2.0, 1.75]
    assert track.validation == [3.0, 2.5]


def test_without_validation_rows_the_curve_is_empty_of_numbers():
    """No figure is made up where there is none."""
    track = Track()
    track.add(event(1, (1.0,), (NAN,)))

    assert math.isnan(track.validation[0])
    assert math.isnan(track.best)


def test_speed_leaves_the_first_epoch_out():
    """The first epoch compiles; speed and time left are those of the epochs after it."""
    track = Track()
    track.add(event(1, (1.0,), (1.0,), seconds=20.0))
    assert track.rows_per_second == pytest.approx(5.0)
    assert track.left(None) == ""

    track.add(event(2, (1.0,), (1.0,), seconds=22.0))
    assert track.rows_per_second == pytest.approx(50.0)
    assert track.left(None) == ", at most 16 s left"


@pytest.mark.parametrize(
    ("patience", "words"), [(3, ", 6 s to 16 s left"), (8, ", 16 s left"), (50, ", 16 s left")]
)
def test_time_left_lies_between_patience_and_the_last_epoch(patience, words):
    """Two seconds an epoch, 8 epochs to go: over sooner if nothing improves, never later."""
    track = Track()
    track.add(event(1, (1.0,), (1.0,), seconds=20.0))
    track.add(event(2, (1.0,), (1.0,), seconds=22.0))

    assert track.left(patience) == words


def test_speed_is_that_of_late():
    """Epochs long past are forgotten."""
    track = Track()
    for epoch in range(1, 21):
        track.add(
            event(epoch, (1.0,), (1.0,), seconds=10.0 * epoch if epoch < 10 else 90.0 + epoch)
        )

    assert track.rows_per_second == pytest.approx(100.0)


def test_bars_share_one_scale_and_show_the_end():
    """Two curves have one scale; a long curve loses its beginning."""
    assert bars([[9.0, 4.0, 0.0], [9.0, 8.0, 8.0]], width=2) == ["▅▁", "██"]
    assert bars([[2.0, 2.0]], width=5) == ["▁▁"]
    assert bars([[1.0, NAN, 2.0]], width=5) == ["▁ █"]
    assert bars([[NAN]], width=5) == [" "]


def test_names_of_epochs_and_durations():
    """Numbers are in words and units."""
    assert epochs_named((0, 3)) == "epochs 0 to 3"
    assert clock(59.6) == "1:00 min"
    assert clock(3600) == "1:00 h"
