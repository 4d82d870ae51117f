"""Which columns the user reads as names, and which as texts."""

from __future__ import annotations

import pytest

from epochal.errors import SettingError
from epochal.tables.read_as import BY_VALUES, ReadAs


def test_the_values_of_a_column_that_is_not_named_decide() -> None:
    """Names have no words, texts have, and of others it is not known."""
    read_as = ReadAs(names=("zip",), texts=("title",))
    columns = ("zip", "title", "job")
    assert [read_as.has_words(column) for column in columns] == [False, True, None]
    assert [BY_VALUES.has_words(column) for column in columns] == [None] * 3


def test_a_column_is_not_both() -> None:
    """The error has the column, and both options as they were given."""
    ReadAs(names=("zip",), texts=("title",)).refuse_both("--categorical", "--text")
    with pytest.raises(SettingError, match="'b' is in --categorical and in --text") as caught:
        ReadAs(names=("a", "b"), texts=("c", "b")).refuse_both("--categorical", "--text")
    assert "--text: its words are used too" in caught.value.hint
