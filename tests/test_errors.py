"""Errors say what was found, what was expected, and what to do."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal import errors
from epochal.errors import (
    ColumnError,
    EpochalError,
    SettingError,
    TrainingError,
    readable,
    suggestion,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, EpochalError)
]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("3 rows",), "3 rows."),
        (("no rows!",), "no rows!"),
        (("3 rows", "at least 10"), "3 rows; expected at least 10."),
        (("3 rows", "", "give more"), "3 rows.\nHint: give more"),
        (("3 rows", "at least 10", "give more"), "3 rows; expected at least 10.\nHint: give more"),
    ],
)
def test_message(parts: tuple[str, ...], message: str) -> None:
    """The parts become one sentence, closed by a full stop, and a hint on its own line."""
    assert str(EpochalError(*parts)) == message


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("SettingError", ValueError),
        ("SourceError", ValueError),
        ("MissingFileError", FileNotFoundError),
        ("DataError", ValueError),
        ("ColumnError", KeyError),
        ("ModelError", ValueError),
        ("WriteError", OSError),
        ("TrainingError", ArithmeticError),
    ],
)
def test_every_error_is_the_builtin_a_caller_would_catch(
    name: str, builtin: type[Exception]
) -> None:
    """Every error can be caught as a built-in exception."""
    with pytest.raises(builtin):
        raise getattr(errors, name)("3 rows", "at least 10", "give more")


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_keeps_its_message_through_its_builtin(error: type[EpochalError]) -> None:
    """The built-in ancestors, which print in ways of their own, do not change the message."""
    assert str(error("3 rows", "at least 10", "give more")).startswith("3 rows; expected at least")


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_travels_between_processes(error: type[EpochalError]) -> None:
    """An error that was raised in a worker process arrives whole."""
    sent = error("3 rows", "at least 10", "give more")
    arrived = pickle.loads(pickle.dumps(sent))

    assert type(arrived) is error
    assert str(arrived) == str(sent)


def test_setting_error_reads_like_scikit_learn() -> None:
    """A bad parameter is refused in the words that scikit-learn's own checks use."""
    message = str(SettingError.from_value("dropout", 2, "a float in the range [0, 1)"))

    assert message == (
        "The 'dropout' parameter of EpochalClassifier must be a float in the range [0, 1). "
        "Got 2 instead."
    )


def test_unknown_setting_names_the_nearest() -> None:
    """A setting that does not exist is answered with the one that was probably meant."""
    message = str(SettingError.from_unknown("dropuot", ["dropout", "l2"]))

    assert "'dropuot'" in message
    assert "did you mean 'dropout'?" in message


def test_missing_columns_are_named() -> None:
    """Up to five missing columns are named, the others are counted."""
    one = str(ColumnError.from_missing(["incme"], ["income", "age"], "the table"))
    many = str(ColumnError.from_missing(list("abcdefg"), ["z"], "the table"))

    assert one == "the table has no column 'incme'.\nHint: did you mean 'income'?"
    assert "no columns 'a', 'b', 'c', 'd', 'e' and 2 more" in many


def test_divergence_names_the_rate() -> None:
    """The error of a diverged training names members, epochs and the setting to lower."""
    message = str(TrainingError.from_divergence([1, 4], epoch=3, rate=0.5))

    assert "members 1, 4 was not finite in 3 epochs" in message
    assert "learning_rate_init (it is 0.5)" in message


def test_suggestion_lists_at_most_ten() -> None:
    """Without a similar name at most ten known names are listed; without any, the hint says so."""
    names = [f"column {number:02}" for number in range(12)]

    assert suggestion("zzz", names).endswith("column 09, … (12 in all)")
    assert suggestion("zzz", []) == "there are none"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ÄÖ 漢字 👍🏽", "plain ÄÖ 漢字 👍🏽"),
        ("red\x1b[31m", "red\\x1b[31m"),
        ("csi\x9b31m", "csi\\x9b31m"),
        ("two\nlines\ttab\r", "two\\nlines\\ttab\\r"),
        ("\u202eleft", "\\u202eleft"),
        ("lone \udc80", "lone \\udc80"),
        ("hard\xa0space", "hard\\xa0space"),
        # Letters of some scripts are joined, or kept apart, by characters without a width.
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_what_is_not_printable_is_shown_escaped(text, shown):
    """As Python writes it in a string; everything else stays."""
    assert readable(text) == shown
    assert str(EpochalError(text, text, text)) == f"{shown}; expected {shown}.\nHint: {shown}"


@pytest.mark.parametrize("text", ["x" * 10**6, "\x00" * 10**6, "ä\u2028" * 10**6])
def test_messages_are_of_bounded_length(text):
    """A long text is cut in the middle; the error itself has the whole text."""
    error = EpochalError(f"begin {text} end", text, text)

    assert len(str(error)) < 2000
    assert str(error).startswith("begin ")
    assert " end; expected" in str(error)
    assert error.found == f"begin {text} end"


@given(st.text(), st.integers(1, 50))
def test_what_is_shown_is_printable_and_no_longer_than_allowed(text, longest):
    """Law: whatever comes in."""
    shown = readable(text, longest)

    assert len(shown) <= longest
    assert all(one.isprintable() or one in "\u200c\u200d" for one in shown)
    if len(text) <= longest and text.isprintable():
        assert shown == text
