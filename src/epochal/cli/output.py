"""The output of a command: printable lines for a person, JSON events for a machine.

A person reads results on standard output, and notices, warnings and errors on standard error. With
`--json` a machine reads all of them on standard output, one JSON object a line, as docs/JSON.md
describes them; where standard output carries predictions, they are on standard error.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from epochal.cli.exit_codes import exit_code_of
from epochal.cli.layout import Part, text_lines, width_of
from epochal.errors import EpochalError, WriteError, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

# The version of the events. It grows when a key is removed or changes its meaning, not when one is added.
SCHEMA = 1
STANDARD_OUTPUT = "standard output"


class Fault(NamedTuple):
    """How a command failed: its exit code, the kind of the failure, and the message."""

    code: int
    kind: str
    error: EpochalError

    @classmethod
    def of(cls, error: EpochalError) -> Fault:
        """Return the failure that an error of the package is."""
        return cls(exit_code_of(error), type(error).__name__, error)


class Output:
    """The output of a command, in the form that its options select.

    `saved` is the model file as soon as it is complete: an error message after that names it.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        """Write JSON events, or lines for a person; when quiet, only results, warnings and errors."""
        self.as_json, self.quiet = as_json, quiet
        self.saved: Path | None = None
        self._has_predictions = False
        self._failure: OSError | None = None

    @classmethod
    def of(cls, argv: Sequence[str]) -> Output:
        """Return the output that a command line selects, also one that cannot be parsed.

        >>> Output.of(["train", "--json"]).as_json, Output.of(["train", "--", "--json"]).as_json
        (True, False)
        """
        options = argv[: argv.index("--")] if "--" in argv else argv
        return cls(as_json="--json" in options, quiet="--quiet" in options)

    def reserve_for_predictions(self) -> None:
        """Send events to standard error, as standard output carries predictions; returns nothing."""
        self._has_predictions = True

    def notice(self, *parts: Part) -> None:
        """Write progress or a report on standard error, for a person; returns nothing."""
        if not (self.as_json or self.quiet):
            _write_error(parts)

    def waiting(self, name: str) -> None:
        """Write that the command waits for data from a pipe of this name; returns nothing."""
        self.notice(f"waiting for data from {name} (Ctrl-C ends it)")
        self.event("waiting", source=name)

    def event(self, kind: str, **values: Any) -> None:
        """Write an event of progress, for a machine; returns nothing.

        An error is raised by `finish` only, so that a training continues to its end.
        """
        if self.as_json and not self.quiet:
            self._emit(kind, values)

    def result(self, values: dict[str, Any], parts: Iterable[Part]) -> None:
        """Write the result of the command: values for a machine, a report for a person; returns nothing.

        Raises:
            WriteError: if it cannot be written.
            BrokenPipeError: if the reader has closed the pipe.
        """
        if self.as_json:
            self._emit("result", values)
        else:
            self._attempt(lambda: _write(parts))
        self.finish()

    def finish(self) -> None:
        """Flush standard output; returns nothing, and raises as `result` does."""
        if self._failure is None and sys.stdout is not None:
            self._attempt(sys.stdout.flush)
        if isinstance(self._failure, BrokenPipeError):
            raise self._failure
        if self._failure is not None:
            raise WriteError.from_cause(STANDARD_OUTPUT, self._failure) from self._failure

    def warning(self, text: str) -> None:
        """Write a warning, its hint on a line of its own; returns nothing."""
        message, hint = map(readable, text.partition("\nHint: ")[::2])
        if self.as_json:
            self._emit("warning", {"message": message, "hint": hint})
        else:
            _write_error([f"epochal: warning: {message}", *_hint_lines(hint)])

    def error(self, fault: Fault) -> None:
        """Write why the command failed, and whether the model was saved before; returns nothing."""
        found, expected, hint = fault.error.parts
        if self.saved is not None:
            saved = f"the model is saved as {readable(str(self.saved))}"
            found, expected = f"{EpochalError(found, expected)}".rstrip(".") + f"; {saved}", ""
        message = str(EpochalError(found, expected))
        if self.as_json:
            values = {"code": fault.code, "kind": fault.kind, "message": message, "hint": hint}
            self._emit("error", values)
            return
        label = "interrupted" if fault.kind == "Interrupted" else "error"
        _write_error([f"epochal: {label}: {message}", *_hint_lines(hint)])

    def _emit(self, kind: str, values: dict[str, Any]) -> None:
        """Write an event on standard output, or on standard error where that is impossible; returns nothing."""
        line = as_json({"event": kind, "schema": SCHEMA} | values)
        if not self._has_predictions and self._failure is None:
            self._attempt(lambda: _write([line]))
        if self._has_predictions or (self._failure is not None and kind in {"error", "warning"}):
            _write_error([line])

    def _attempt(self, write: Callable[[], Any]) -> None:
        """Write to standard output; after an error, which is stored, nothing more is written; returns nothing."""
        try:
            write()
        except OSError as error:
            self._failure = error
            discard_standard_output()


def as_json(values: dict[str, Any]) -> str:
    """Return values as one line of JSON in ASCII; a number that is not finite becomes null.

    >>> as_json({"loss": (0.5, float("nan"))})
    '{"loss": [0.5, null]}'
    """
    # The one character of ASCII that JSON leaves as it is and a terminal does not show.
    return json.dumps(_finite(values), allow_nan=False).replace("\x7f", "\\u007f")


def _finite(value: Any) -> Any:
    """Return a value with None for every number that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hint_lines(hint: str) -> list[str]:
    """Return the line with a hint, if there is one."""
    return [f"epochal: hint: {hint}"] if hint else []


def discard_standard_output() -> None:
    """Redirect standard output to the null device, so that Python does not write at exit; returns nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write(parts: Iterable[Part]) -> None:
    """Write a report to standard output at once; returns nothing."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    print("\n".join(text_lines(parts, width_of(sys.stdout))), flush=True)


def _write_error(parts: Iterable[Part]) -> None:
    """Write a report to standard error; errors are ignored; returns nothing."""
    with contextlib.suppress(OSError):
        print("\n".join(text_lines(parts, width_of(sys.stderr))), file=sys.stderr, flush=True)
