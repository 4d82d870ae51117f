"""The running count, on a terminal and off."""

from __future__ import annotations

import io
import time

import pytest

from epochal.cli.counting import Count, counting

HIDDEN, SHOWN, ERASED = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def capable(monkeypatch) -> None:
    """Let the terminal move its cursor, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")


def test_a_log_gets_no_count():
    """Off a terminal rows are counted and nothing is shown, not even in colours that are forced."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as environment, counting(stream, quiet=False) as count:
        environment.setenv("FORCE_COLOR", "1")
        count.began -= 10
        count.add(3)
        count.add(4)

    assert count.rows == 7
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("quiet", "seconds"), [(True, 10), (False, 0)])
def test_what_is_quick_or_quiet_shows_no_count(quiet, seconds):
    """Within the first second nothing flashes up; with --quiet nothing does."""
    stream = Terminal()
    with counting(stream, quiet=quiet) as count:
        count.began -= seconds
        count.add(10)

    assert stream.getvalue() == ""


def test_the_count_is_cleared_whatever_happens():
    """The count is cleared from the line of the prompt, and the cursor is visible again."""
    stream = Terminal()

    def fail_after_a_while() -> None:
        """Count for ten seconds, then fail."""
        with counting(stream, quiet=False) as count:
            count.began -= 10
            count.add(1_234_567)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_while()
    written = stream.getvalue()

    assert "1,234,567 rows" in written
    assert "rows/s" in written
    assert written.rindex(ERASED) > written.rindex("rows/s")
    assert written.rindex(SHOWN) > written.rindex(HIDDEN)


def test_the_count_is_redrawn_at_intervals():
    """Many pieces in a moment are few pictures."""
    stream = Terminal()
    count = Count(stream, time.monotonic() - 100.0)
    for _ in range(500):
        count.add(1)
    count.clear()

    assert 1 <= stream.getvalue().count("rows/s") <= 10
    assert "500 rows" in stream.getvalue()
