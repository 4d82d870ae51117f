"""The program `epochal`: one line in, one exit code out; where errors become messages.

Exit codes: 0 done; 1 to 7 as in `epochal.errors`; the others in `epochal.cli.codes`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from epochal.cli.codes import INTERRUPTED, MISTAKE, NO_MEMORY, NO_READER, USAGE
from epochal.cli.parser import help_text, parsed
from epochal.data.memory import give_back_at_once
from epochal.errors import EpochalError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Each command's room is loaded only when it is used: most need libraries that
# take seconds to load, and `--help` shall not wait for them.
COMMANDS = {
    "train": "epochal.cli.train",
    "predict": "epochal.cli.predict",
    "evaluate": "epochal.cli.evaluate",
    "inspect": "epochal.cli.inspect",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its number; it does not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _told_warnings():
            code = _run(argv)
            # A reader that has gone away shows only now, and here it can still be told.
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the outermost edge: everything becomes a code
        return _code_of(error)
    return code


def _run(argv: Sequence[str] | None) -> int:
    """Parse, load the command's room and call it."""
    try:
        arguments = parsed(argv)
    except SystemExit:
        # argparse has shown the help or the version, which was all that was asked.
        return 0
    if arguments.command is None:
        print(help_text(), end="", file=sys.stderr)
        return USAGE
    if getattr(arguments, "memory", None) is not None:
        give_back_at_once()
    logging.getLogger("jax").setLevel(logging.ERROR)
    code: int = import_module(COMMANDS[arguments.command]).run(arguments)
    return code


def _code_of(error: BaseException) -> int:
    """Tell an error on standard error and return the exit code that belongs to it."""
    match error:
        case BrokenPipeError():
            _close_output()
            return NO_READER
        case KeyboardInterrupt():
            _tell("interrupted", "nothing half-written is left")
            return INTERRUPTED
        case EpochalError():
            _tell("error", str(error))
            code = error.exit_code
        case MemoryError():
            _tell("error", "there is not enough memory for this\nHint: fewer rows or columns")
            code = NO_MEMORY
        case OSError():
            _tell("error", str(error))
            code = WriteError.exit_code
        case _:
            _tell("error", f"a mistake in epochal ({type(error).__name__}: {error}).")
            _tell("hint", "please report it, with what EPOCHAL_DEBUG=1 shows")
            code = MISTAKE
    if os.environ.get("EPOCHAL_DEBUG"):
        traceback.print_exception(error)
    return code


@contextlib.contextmanager
def _told_warnings() -> Iterator[None]:
    """Tell each warning meant for users once, in one line; keep libraries' talk away."""
    told: set[str] = set()

    def tell(message: Warning | str, *_: Any) -> None:
        """Tell a warning that was not told before."""
        if str(message) not in told:
            told.add(str(message))
            _tell("warning", str(message))

    with warnings.catch_warnings():
        if not os.environ.get("EPOCHAL_DEBUG"):
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = cast("Any", tell)
        yield


def _tell(kind: str, text: str) -> None:
    """Print a message on standard error, its hint on a line of its own."""
    print(f"epochal: {kind}: {text}".replace("\nHint: ", "\nepochal: hint: "), file=sys.stderr)


def _close_output() -> None:
    """Point standard output to nowhere, lest Python complains again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
