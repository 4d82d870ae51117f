"""Which columns the user reads as names, and which as texts; of others the number of words decides."""

from __future__ import annotations

from typing import NamedTuple

from epochal.errors import SettingError


class ReadAs(NamedTuple):
    """The columns that are read as names, and those that are read as texts, by name.

    The values of both are categories, also if they are numbers. The words of a text may have target
    statistics of their own; those of a name have none.
    """

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def has_words(self, column: str) -> bool | None:
        """Return whether the words of a column may be used; None: the values decide.

        >>> read_as = ReadAs(names=("zip",), texts=("title",))
        >>> [read_as.has_words(column) for column in ("zip", "title", "job")]
        [False, True, None]
        """
        if column in self.texts:
            return True
        return False if column in self.names else None

    def refuse_both(self, names_option: str, texts_option: str) -> None:
        """Return nothing; refuse a column that is read as names and as texts, with the options that say so."""
        for column in self.texts:
            if column in self.names:
                raise SettingError(
                    f"column {column!r} is in {names_option} and in {texts_option}",
                    "one of them",
                    f"{texts_option}: its words are used too; {names_option}: they are not",
                )


# The values of every column decide.
BY_VALUES = ReadAs()
