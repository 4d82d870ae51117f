"""Every exit code of the program: one for each class of errors, and those of other ends."""

from __future__ import annotations

from epochal.errors import (
    DataError,
    EpochalError,
    ModelError,
    SettingError,
    SourceError,
    TrainingError,
    WriteError,
)

# Subclasses have the code of their base class; no command raises a bare `EpochalError`.
EXIT_CODES: dict[type[EpochalError], int] = {
    EpochalError: 1,
    SettingError: 2,
    SourceError: 3,
    DataError: 4,
    ModelError: 5,
    WriteError: 6,
    TrainingError: 7,
}
# No command was given: an invalid command line, like a SettingError.
USAGE = EXIT_CODES[SettingError]
# An internal error and a lack of memory, near the numbers of BSD's sysexits.
INTERNAL_ERROR = 70
NO_MEMORY = 71
# A signal has ended the program: 128 + its number. So it is for Ctrl-C, SIGTERM and SIGHUP, and for a
# pipe whose reader has closed it (SIGPIPE).
INTERRUPTED, TERMINATED, HUNG_UP = 130, 143, 129
NO_READER = 141


def exit_code_of(error: EpochalError) -> int:
    """Return the exit code of the nearest class of an error.

    >>> from epochal.errors import MissingFileError
    >>> exit_code_of(MissingFileError("there is no data.csv"))
    3
    """
    return next(EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES)
