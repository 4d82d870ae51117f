"""The program `epochal`: runs a command, turns errors into messages, returns an exit code.

`epochal.cli.exit_codes` has the exit codes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from epochal.cli.exit_codes import (
    INTERNAL_ERROR,
    INTERRUPTED,
    NO_MEMORY,
    NO_READER,
    USAGE,
)
from epochal.cli.output import Fault, Output, discard_standard_output
from epochal.cli.parser import help_text, parsed
from epochal.errors import EpochalError, WriteError
from epochal.loader.memory import return_freed_memory
from epochal.signals import Stop, signal_code
from epochal.threads import limited

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A command's module is loaded only when it runs: most need libraries that take seconds to load, for
# which `--help` must not wait.
COMMANDS = {
    "train": "epochal.cli.train",
    "resume": "epochal.cli.resume",
    "predict": "epochal.cli.predict",
    "evaluate": "epochal.cli.evaluate",
    "inspect": "epochal.cli.inspect",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_descriptors()
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal cannot encode is escaped instead of ending the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    output = Output.of(words)
    try:
        with _shown_warnings(output):
            code = _run(words, output)
            # Output that cannot be written fails only now, where the error can still be shown.
            output.finish()
    except BaseException as error:  # noqa: BLE001 - at the outermost level every error becomes an exit code
        code = _code_of(error, output)
    return code


def _run(words: Sequence[str], output: Output) -> int:
    """Return the exit code of the command, which is parsed, loaded and run."""
    try:
        arguments = parsed(words)
    except SystemExit:
        # argparse has shown the help or the version.
        return 0
    if arguments.command is None:
        output.notice(*help_text().splitlines())
        return USAGE
    arguments.output, arguments.words = output, list(words)
    if getattr(arguments, "memory", None) is not None:
        return_freed_memory()
    logging.getLogger("jax").setLevel(logging.ERROR)
    with limited(arguments.n_jobs):
        code: int = import_module(COMMANDS[arguments.command]).run(arguments)
    return code


def _code_of(error: BaseException, output: Output) -> int:
    """Show an error; return its exit code."""
    fault = _fault_of(error)
    if fault.code == NO_READER:
        discard_standard_output()
    # A closed pipe is shown as an error only if a model has been saved.
    if fault.code != NO_READER or output.saved is not None:
        output.error(fault)
    if os.environ.get("EPOCHAL_DEBUG"):
        traceback.print_exception(error)
    return fault.code


def _fault_of(error: BaseException) -> Fault:
    """Return the exit code and the message of an error."""
    match error:
        case BrokenPipeError():
            shown = EpochalError("the reader of standard output is gone")
            return Fault(NO_READER, "NoReader", shown)
        case KeyboardInterrupt():
            code = signal_code(error.number) if isinstance(error, Stop) else INTERRUPTED
            return Fault(code, "Interrupted", EpochalError("no incomplete file is left"))
        case EpochalError():
            return Fault.of(error)
        case MemoryError():
            shown = EpochalError("there is not enough memory for this", "", "fewer rows or columns")
            return Fault(NO_MEMORY, "NoMemory", shown)
        case OSError():
            shown = WriteError.from_cause(str(error.filename or "a file"), error)
            return Fault.of(shown)
        case _:
            found = f"an internal error of epochal ({type(error).__name__}: {error})"
            hint = "please report it, with what EPOCHAL_DEBUG=1 shows"
            return Fault(INTERNAL_ERROR, "InternalError", EpochalError(found, "", hint))


@contextlib.contextmanager
def _shown_warnings(output: Output) -> Iterator[None]:
    """Show each warning meant for users once, in one line; warnings of libraries are ignored."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any) -> None:
        """Show a warning that was not shown before."""
        if str(message) not in shown:
            shown.add(str(message))
            output.warning(str(message))

    with warnings.catch_warnings():
        if not os.environ.get("EPOCHAL_DEBUG"):
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = cast("Any", show)
        yield


def _open_descriptors() -> None:
    """Open those of the three standard descriptors that are closed, so that no file gets their numbers.

    Reading from the first and writing to the others fails as before.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    if sys.stderr is None:
        # Messages without a reader are no reason to fail.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


if __name__ == "__main__":
    sys.exit(main())
