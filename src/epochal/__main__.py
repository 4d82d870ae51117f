"""The program `epochal`, also as `python -m epochal`: signals are heard before anything else is loaded."""

from __future__ import annotations

import sys
from importlib import import_module

from epochal import signals


def main() -> int:
    """Run the command line; return its exit code."""
    silent = {"--json", "--quiet"}.intersection(sys.argv)
    signals.listen(_nothing if silent else signals.write_answer)
    try:
        code: int = import_module("epochal.cli.main").main()
    except signals.Stop as stop:
        # It came before the command line could handle it.
        code = signals.signal_code(stop.number)
    finally:
        signals.end()
    return code


def _nothing(_: str) -> None:
    """Answer nothing."""


if __name__ == "__main__":
    sys.exit(main())
