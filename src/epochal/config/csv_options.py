"""Options for CSV files: lines to skip, header, missing values, trimming."""

from __future__ import annotations

from dataclasses import dataclass, replace

from epochal.errors import SettingError

# Texts that mean a missing value by default; an empty cell always does.
MISSING_VALUES = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")


@dataclass(frozen=True)
class CsvOptions:
    """How CSV files are read.

    The first `skip_lines` lines are skipped. Without a `header` the columns are x0, x1, ….
    `missing_values` are the texts that mean a missing value, in addition to the empty cell; in a
    column of text they do so only in unquoted cells. `strip`: unquoted cells are trimmed.
    """

    skip_lines: int = 0
    header: bool = True
    missing_values: tuple[str, ...] = MISSING_VALUES
    strip: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.skip_lines, int) or self.skip_lines < 0:
            raise SettingError(f"skip_lines is {self.skip_lines!r}", "a whole number of at least 0")
        for word in self.missing_values:
            _check_word(word, strip=self.strip)

    @property
    def words(self) -> tuple[str, ...]:
        """All texts that mean a missing value, the empty one first.

        >>> CsvOptions(missing_values=("-", "")).words
        ('', '-')
        """
        return ("", *(word for word in self.missing_values if word))

    def of_cells(self, other: CsvOptions) -> CsvOptions:
        """Return these options with `missing_values` and `strip` of the other.

        >>> CsvOptions(skip_lines=2).of_cells(CsvOptions(missing_values=("-",))).words
        ('', '-')
        """
        return replace(self, missing_values=other.missing_values, strip=other.strip)


def _check_word(word: object, *, strip: bool) -> None:
    """Refuse a text that no cell can be; return nothing."""
    if not isinstance(word, str):
        raise SettingError(f"a missing value is {word!r}", "a text")
    if '"' in word or "\n" in word or "\r" in word:
        raise SettingError(f"the missing value {word!r} has a quote or a line end", "neither")
    if strip and word != word.strip():
        problem = f"the missing value {word!r} has spaces around it, which are cut from cells"
        raise SettingError(problem, "none", "keep the spaces of cells with --keep-spaces")


PLAIN = CsvOptions()
