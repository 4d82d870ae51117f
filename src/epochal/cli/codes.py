"""Exit codes of the program beside those of `epochal.errors`, and what they mean."""

from __future__ import annotations

# No command was given.
USAGE = 2
# A mistake of ours, as in BSD's sysexits.
MISTAKE = 70
NO_MEMORY = 71
# 128 + the number of the signal: Ctrl-C, and a pipe that nobody reads.
INTERRUPTED = 130
NO_READER = 141
