"""How CSV files are read: what may be asked, and what it means."""

from __future__ import annotations

import pytest

from epochal.config.csv_options import MISSING_VALUES, PLAIN, CsvOptions
from epochal.errors import SettingError


def test_an_empty_cell_is_always_missing():
    """The empty text is always among the words for missing values."""
    assert PLAIN.words == ("", *MISSING_VALUES)
    assert CsvOptions(missing_values=()).words == ("",)
    assert CsvOptions(missing_values=("", "-999")).words == ("", "-999")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skip_lines": -1}, "skip_lines is -1"),
        ({"skip_lines": 1.5}, "a whole number of at least 0"),
        ({"missing_values": (3,)}, "a missing value is 3"),
        ({"missing_values": (" NA",)}, "has spaces around it.*\n.*--keep-spaces"),
        ({"missing_values": ('a"b',)}, "has a quote or a line end"),
        ({"missing_values": ("a\nb",)}, "has a quote or a line end"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    """A number of lines below 0, and words that no cell can be, are refused."""
    with pytest.raises(SettingError, match=message):
        CsvOptions(**options)


def test_words_with_spaces_where_spaces_are_kept():
    """Where cells keep their spaces, a word may have some."""
    assert CsvOptions(missing_values=(" -",), strip=False).words == ("", " -")


def test_cells_of_one_and_lines_of_another():
    """What columns mean comes from a model, lines and header from the file."""
    of_file = CsvOptions(skip_lines=2, header=False)
    of_model = CsvOptions(skip_lines=9, missing_values=("-",), strip=False)
    assert of_file.of_cells(of_model) == CsvOptions(2, False, ("-",), False)
