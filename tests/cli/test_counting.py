"""The running count, on a terminal and off."""

from __future__ import annotations

import io

import pytest

from epochal.cli.counting import CLEAR, Count, counting


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_a_log_gets_no_count():
    """Off a terminal rows are counted and nothing is shown."""
    stream = io.StringIO()
    with counting(stream, quiet=False) as count:
        count.add(3)
        count.add(4)

    assert count.rows == 7
    assert stream.getvalue() == ""


def test_what_is_quick_shows_no_count():
    """Within the first second nothing flashes up."""
    stream = Terminal()
    with counting(stream, quiet=False) as count:
        count.add(10)

    assert stream.getvalue() == ""


def test_the_count_is_cleared_whatever_happens():
    """No half-written count is left on the line of the prompt."""
    stream = Terminal()

    def fail_after_a_while() -> None:
        """Count for ten seconds, then fail."""
        with counting(stream, quiet=False) as count:
            count.began -= 10
            count.add(1_234_567)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_while()

    assert "1,234,567 rows" in stream.getvalue()
    assert stream.getvalue().endswith(CLEAR)


def test_the_count_is_shown_calmly():
    """Many pieces in a moment are one picture."""
    stream = Terminal()
    count = Count(stream, began=-100.0)
    for _ in range(50):
        count.add(1)

    assert stream.getvalue().count(CLEAR) == 1
