"""`python -m epochal` is the program `epochal`."""

from __future__ import annotations

import sys

from epochal.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
