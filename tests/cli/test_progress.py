"""What is shown of a training, and to whom."""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from epochal.cli.layout import text_lines
from epochal.cli.output import Output
from epochal.cli.progress import (
    JsonProgress,
    LineProgress,
    LiveProgress,
    NoProgress,
    panel,
    progress_for,
)
from epochal.cli.track import Track
from epochal.config.presets import preset
from epochal.records import EpochEvent
from epochal.training.checkpoint_files import checkpoint_file

SECOND = EpochEvent(
    epoch=2,
    max_iter=200,
    training_loss=(0.31, 0.33),
    validation_loss=(0.42, math.nan),
    best_loss=(0.41, 0.43),
    best_epoch=(1, 2),
    active=(True, False),
    rows=1_000_000,
    seconds=3.0,
)


def track_of(*events: EpochEvent) -> Track:
    """Return the track of some events."""
    track = Track()
    for one in events:
        track.add(one)
    return track


def test_a_machine_gets_json_lines_without_nan(capsys):
    """There is one object per epoch in strict JSON, with null for NaN."""
    with JsonProgress(Output(as_json=True)) as progress:
        progress(SECOND)
        progress(SECOND)
    printed = capsys.readouterr().out.splitlines()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in printed]

    assert len(lines) == 2
    assert lines[0]["event"] == "epoch"
    assert lines[0]["validation_loss"] == [0.42, None]


def test_a_log_gets_a_line_per_epoch(capsys):
    """The line holds epoch, losses, the best so far, speed and time left."""
    LineProgress(Output(), 10)(SECOND)
    (line,) = capsys.readouterr().err.splitlines()

    for part in ("epoch 2 of at most 200", "0.3200", "0.4200", "epochs 1 to 2", "rows/s", "3 s"):
        assert part in line


def test_the_panel_shows_all_that_was_promised_in_80_columns():
    """Epoch, both losses, best so far, rows per second and time left, aligned."""
    first = replace(SECOND, epoch=1, seconds=2.0)
    lines = text_lines([panel(track_of(first, SECOND), 75.0, 10, curves=True)])
    words = "\n".join(lines)

    for part in (
        "2 of at most 200",
        "1:15 min, 9 s to 3:18 min left",
        "best",
        "1 of 2",
        "1,000,000 rows/s",
    ):
        assert part in words
    long = text_lines([panel(track_of(*[SECOND] * 100), 75_000.0, 10, curves=True)])
    assert max(map(len, lines + long)) <= 80


def test_the_panel_keeps_its_height():
    """Nothing jumps: from the first epoch on, the panel has the same number of lines."""
    panels = [panel(track_of(*[SECOND] * n), 1.0, None, curves=True) for n in (1, 2, 50)]
    heights = {len(text_lines([one], 80)) for one in panels}

    assert heights == {5}


def test_the_panel_has_no_validation_lines_without_validation():
    """What is not measured is not shown."""
    nothing = replace(SECOND, validation_loss=(math.nan, math.nan))
    words = "\n".join(text_lines([panel(track_of(nothing), 1.0, None, curves=False)]))

    assert "training" in words
    assert "validation" not in words
    assert "best" not in words


def test_the_live_panel_leaves_its_last_state_and_the_cursor():
    """After training the last figures stand there, and the cursor is back."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with LiveProgress(console, 10) as progress:
        progress(SECOND)
    drawn = stream.getvalue()

    assert "2 of at most 200" in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")


def test_the_live_panel_says_how_old_the_newest_checkpoint_is(tmp_path):
    """With the age of its file; without a checkpoint nothing is said."""
    panels = []
    for _ in range(2):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=True, width=80)
        with LiveProgress(console, 10, str(tmp_path)) as progress:
            progress(SECOND)
        panels.append(stream.getvalue())
        file = checkpoint_file(tmp_path, 1)
        file.touch()
        os.utime(file, (time.time() - 90, time.time() - 90))

    assert "checkpoint" not in panels[0]
    assert re.search(r"checkpoint +1:3\d min ago", panels[1])


def test_a_log_names_a_checkpoint_once(capsys, tmp_path):
    """In the line of the epoch after which it was written; those of before the training are not."""
    checkpoint_file(tmp_path, 1).touch()
    progress = LineProgress(Output(), 10, str(tmp_path))
    progress(SECOND)
    file = checkpoint_file(tmp_path, 2)
    file.touch()
    os.utime(file, (1e9, 1e9))
    progress(SECOND)
    progress(SECOND)

    named = [f"checkpoint in {tmp_path}" in line for line in capsys.readouterr().err.splitlines()]
    assert named == [False, True, False]


def test_the_live_panel_gives_the_cursor_back_after_an_error():
    """A training that fails leaves a usable terminal."""
    stream = io.StringIO()
    progress = LiveProgress(Console(file=stream, force_terminal=True, width=80), None)
    with pytest.raises(ZeroDivisionError), progress:
        raise ZeroDivisionError

    assert "\x1b[?25h" in stream.getvalue()


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ({}, NoProgress),
        ({"quiet": True, "verbose": True}, NoProgress),
        ({"verbose": True}, LineProgress),
        ({"json": True, "quiet": True}, JsonProgress),
    ],
)
def test_without_a_terminal_progress_needs_an_option(typed, kind):
    """Without a terminal, only an option turns progress on."""
    plain = {"json": False, "quiet": False, "verbose": False, "preset": "default"}
    arguments = SimpleNamespace(output=Output(), **(plain | typed))

    assert type(progress_for(arguments, preset("default"))) is kind


def test_a_log_gets_no_panel_where_the_environment_forces_colours(monkeypatch):
    """Rich takes any stream for a terminal then; the cursor moves on real ones only."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Console(file=io.StringIO()).is_terminal

    arguments = SimpleNamespace(output=Output(), json=False, quiet=False, verbose=False)
    assert type(progress_for(arguments, preset("default"))) is NoProgress
