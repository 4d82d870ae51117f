"""Exit codes of the program that `epochal.errors` does not define."""

from __future__ import annotations

# No command was given.
USAGE = 2
# An internal error, with the number of BSD's sysexits.
MISTAKE = 70
NO_MEMORY = 71
# 128 + the number of the signal: Ctrl-C, and a pipe whose reader has closed it.
INTERRUPTED = 130
NO_READER = 141
