"""The one door of conversion: whatever a library raises is told as what could not be read."""

import numpy as np
import pyarrow as pa
import pytest

from epochal.errors import DataError, SettingError
from epochal.tables.conversion import (
    converting,
    is_unwritable,
    number_of,
    refuse_unwritable,
    shown,
    shown_value,
)

HALF = chr(0xD800)


@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowInvalid("no such value"),
        OverflowError("no such value"),
        KeyError("no such value"),
        UnicodeEncodeError("utf-8", HALF, 0, 1, "no such value"),
        RuntimeError("no such value"),
    ],
)
def test_whatever_is_raised_is_an_error_of_ours(error):
    """The error names the value and the reason, and has the cause."""
    with (
        pytest.raises(
            DataError, match="(?s)column 'a' cannot be read: .*no such value.*Hint"
        ) as told,
        converting("column 'a'"),
    ):
        raise error
    assert told.value.__cause__ is error


@pytest.mark.parametrize("error", [SettingError("ours"), MemoryError(), UserWarning("told")])
def test_what_says_enough_passes(error):
    """Errors of epochal, MemoryError, and warnings that are errors are passed through."""
    with pytest.raises(type(error)) as told, converting("column 'a'"):
        raise error
    assert told.value is error


def test_chosen_errors_pass():
    """Where a library's own words are wanted, they are passed on; subclasses of them are not."""
    with pytest.raises(ValueError, match=r"^its own$"), converting("X", passed=(ValueError,)):
        raise ValueError("its own")
    with pytest.raises(DataError), converting("X", passed=(ValueError,)):
        raise UnicodeEncodeError("utf-8", HALF, 0, 1, "surrogates not allowed")


def test_the_row_is_named():
    """The error names the first value that cannot be converted, with its row and type."""
    values = [1, "2", 10**400, object()]

    with (
        pytest.raises(DataError, match=r"cannot be read \(row 2 holds 1000.* of type 'int'\)"),
        converting("column 'a'", values=values, convert=number_of),
    ):
        [number_of(value) for value in values]


def test_no_row_is_named_where_all_can_be_converted():
    """What fails together may fail for no value alone."""
    with (
        pytest.raises(DataError, match="column 'a' cannot be read: together"),
        converting("column 'a'", values=[1, 2], convert=number_of),
    ):
        raise RuntimeError("together")


def test_messages_are_short_and_can_be_written():
    """Neither a long value nor one of half characters spoils a message; nor one that has no text."""
    assert len(shown("a" * 10**6)) < 300
    assert shown(HALF) == "\\ud800"
    assert shown_value(HALF) == "'\\ud800'"
    assert "int" in shown_value(10**5000)
    with pytest.raises(DataError) as told, converting("it"):
        raise RuntimeError("a" * 10**6)
    assert len(str(told.value)) < 500


def test_half_of_a_character_is_refused():
    """By the number of the text, which is shown in ASCII."""
    refuse_unwritable(["a", "é", "😀"], "the name of column {}")

    assert is_unwritable("a" + HALF)
    assert is_unwritable(10**5000)
    with pytest.raises(DataError, match="the label of class 1 is .*, which has too many digits"):
        refuse_unwritable([7, 10**5000], "the label of class {}")
    with pytest.raises(DataError, match=r"the name of column 1 is 'a\\ud800'"):
        refuse_unwritable(["a", "a" + HALF], "the name of column {}")


@pytest.mark.parametrize("value", [None, np.ma.masked, np.nan, "nan"])
def test_what_is_missing_is_nan(value):
    """None, a masked value and NaN are no numbers, and no mistakes."""
    assert np.isnan(number_of(value))
