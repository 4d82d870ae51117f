"""Every exception of epochal, and the texts of their messages.

An error says what was found and where, what was expected, and a hint. Each class inherits the
built-in exception that a caller would catch. `epochal.cli.exit_codes` has their exit codes.
"""

from __future__ import annotations

import errno
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


# Characters without a width, which do not move the cursor: Indian and Iranian scripts and emoji need them.
_JOINERS = "\u200c\u200d"
# The largest lengths of what was found, of what was expected, and of the hint.
_LONGEST = (1000, 400, 500)


class EpochalError(Exception):
    """Base class of all errors: what was found, what was expected, what to do.

    >>> print(EpochalError("3 rows", "at least 10", "give more rows"))
    3 rows; expected at least 10.
    Hint: give more rows
    """

    def __init__(self, found: str, expected: str = "", hint: str = "") -> None:
        super().__init__(found, expected, hint)
        self.found, self.expected, self.hint = found, expected, hint

    def __str__(self) -> str:
        """Return the three parts as one message, of bounded length and in printable characters."""
        found, expected, hint = self.parts
        first = f"{found}; expected {expected}" if expected else found
        first = first if first.endswith((".", "!", "?")) else first + "."
        return f"{first}\nHint: {hint}" if hint else first

    @property
    def parts(self) -> tuple[str, str, str]:
        """What was found, what was expected, and the hint, as they are shown."""
        texts = (self.found, self.expected, self.hint)
        found, expected, hint = map(readable, texts, _LONGEST)
        return found, expected, hint


class SettingError(EpochalError, ValueError):
    """An invalid setting."""

    @classmethod
    def from_value(cls, name: str, value: object, expected: str) -> SettingError:
        """Return the error for a parameter outside its bounds, in scikit-learn's words."""
        return cls(
            f"The {name!r} parameter of EpochalClassifier must be {expected}. Got {value!r} instead."
        )

    @classmethod
    def from_unknown(cls, name: str, known: Iterable[str]) -> SettingError:
        """Return the error for a setting that does not exist."""
        return cls(f"there is no setting {name!r}", "", suggestion(name, known))


class SourceError(EpochalError, ValueError):
    """A file or folder that cannot be read as data."""


class MissingFileError(SourceError, FileNotFoundError):
    """A path that does not exist."""


class DataError(EpochalError, ValueError):
    """Rows, columns or labels that cannot be learned from."""


class CellTypeError(DataError, TypeError):
    """A value of a type that cannot be a number, which scikit-learn's estimators refuse with a TypeError."""


class CellError(DataError):
    """An invalid value in a row; a caller that knows the file can name row and file."""

    before, row, after = "", 0, ""

    @classmethod
    def in_row(
        cls, before: str, row: int, after: str = "", expected: str = "", hint: str = ""
    ) -> CellError:
        """Return the error from what stands before and after the row, and the row's number from 0.

        >>> error = CellError.in_row("column 'age' holds 'x' in", 3, "", "a number, as in training")
        >>> print(error.placed(5, "new.csv"))
        column 'age' holds 'x' in row 5 of new.csv; expected a number, as in training.
        """
        error = cls(f"{before} row {row}{after}", expected, hint)
        error.before, error.row, error.after = before, int(row), after
        return error

    def placed(self, row: int, file: str = "") -> DataError:
        """Return the error with another number of the row, in a file if that is known."""
        if not file:
            return self.in_row(self.before, row, self.after, self.expected, self.hint)
        # A file that is named already is not named again.
        of_file = "" if file in self.before + self.after else f" of {file}"
        found = f"{self.before} row {row}{of_file}{self.after}"
        return DataError(found, self.expected, self.hint)


class ColumnError(DataError, KeyError):
    """A column that does not exist."""

    @classmethod
    def from_missing(
        cls, missing: Iterable[str], present: Iterable[str], where: str
    ) -> ColumnError:
        """Return the error for columns that the data lack."""
        missing, present = list(missing), list(present)
        names = ", ".join(repr(name) for name in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        noun = "column" if len(missing) == 1 else "columns"
        return cls(f"{where} has no {noun} {names}{more}", "", suggestion(missing[0], present))


class ModelError(EpochalError, ValueError):
    """A model file that is damaged, too new, or not an epochal model."""

    @classmethod
    def from_damage(cls, found: str, expected: str = "") -> ModelError:
        """Return the error for content that no version of epochal writes."""
        hint = "copy the file again from where it was made, or train the model again"
        return cls(found, expected, hint)

    @classmethod
    def from_version(cls, found: int, readable: int, version: str) -> ModelError:
        """Return the error for a file in a newer format."""
        return cls(
            f"the model was written in format {found}; this epochal {version} reads {readable}",
            "",
            "upgrade with `pip install --upgrade epochal`",
        )


class WriteError(EpochalError, OSError):
    """A result that could not be written; no incomplete file is left."""

    @classmethod
    def from_cause(cls, path: str, cause: OSError) -> WriteError:
        """Return the error for a refusal of the operating system."""
        hints = {
            errno.ENOSPC: "free some space, or name a file on another disk",
            errno.EDQUOT: "your quota is used up: free some space, or name a file elsewhere",
            errno.ENOENT: "create the folder first",
            errno.ENOTDIR: "a part of the path is a file, not a folder",
            errno.EACCES: "choose a folder in which you may write",
            errno.EPERM: "choose a folder in which you may write",
            errno.EROFS: "the disk is read-only: choose another folder",
            errno.ENAMETOOLONG: "choose a shorter name",
        }
        what = cause.strerror or str(cause) or type(cause).__name__
        hint = hints.get(cause.errno or 0, "")
        return cls(f"cannot write {path}: {what[:1].lower()}{what[1:]}", "", hint)


class TrainingError(EpochalError, ArithmeticError):
    """A failed training."""

    @classmethod
    def from_divergence(cls, members: list[int], epoch: int, rate: float) -> TrainingError:
        """Return the error for members whose loss was never finite."""
        who = "member" if len(members) == 1 else "members"
        return cls(
            f"the loss of {who} {', '.join(map(str, members))} was not finite in {epoch} epochs",
            "a loss that falls",
            f"lower learning_rate_init (it is {rate:g}) or look for enormous values in the data",
        )


class FewRowsWarning(UserWarning):
    """A fit on too few rows for a reliable model."""


def readable(text: str, longest: int = 2000) -> str:
    r"""Return a text that is safe in a terminal: unprintable characters escaped, a long middle cut.

    Names and values come from files, and may contain control characters or be megabytes long.

    >>> print(readable("red\x1b[31m"), readable("a" * 50, 9))
    red\x1b[31m aaaa…aaaa
    """
    shown = _cut(text, longest)
    if not shown.isprintable():
        kept = (one if one.isprintable() or one in _JOINERS else _escaped(one) for one in shown)
        shown = "".join(kept)
    return _cut(shown, longest)


def _cut(text: str, longest: int) -> str:
    """Return a text without its middle if it is too long."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}…{text[len(text) - (longest - 1) // 2 :]}"


def _escaped(one: str) -> str:
    """Return a character as Python writes it in a string."""
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or all of them, as a hint.

    >>> suggestion("incme", ["income", "age"])
    "did you mean 'income'?"
    >>> suggestion("zzz", ["income", "age"])
    'there are: age, income'
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(known[:10]) + (f", … ({len(known)} in all)" if len(known) > 10 else "")
    return f"there are: {shown}" if known else "there are none"
