"""Where a command's words go: to a person in printable lines, to a machine as JSON events.

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

from epochal.cli.codes import INTERRUPTED
from epochal.errors import EpochalError, WriteError, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

# The version of the events. It grows when a key goes or changes its meaning, not when one comes.
SCHEMA = 1
STANDARD_OUTPUT = "standard output"
_LONGEST_ESCAPE = len("\\U0010ffff")


class Fault(NamedTuple):
    """How a command failed: its exit code, the kind of the failure, and the message."""

    code: int
    kind: str
    error: EpochalError


class Output:
    """What a command says, in the form that the command line asks for.

    `saved` is the model file as soon as it is whole: whatever fails later, the message says so.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        """Write JSON events, or lines for a person; when quiet, only results, warnings and errors."""
        self.as_json, self.quiet = as_json, quiet
        self.saved: Path | None = None
        self._beside_predictions = False
        self._failure: OSError | None = None

    @classmethod
    def of(cls, argv: Sequence[str]) -> Output:
        """Return the output that a command line asks for, also one that cannot be parsed.

        >>> Output.of(["train", "--json"]).as_json, Output.of(["train", "--", "--json"]).as_json
        (True, False)
        """
        options = argv[: argv.index("--")] if "--" in argv else argv
        return cls(as_json="--json" in options, quiet="--quiet" in options)

    def leave_to_predictions(self) -> None:
        """Keep events away from standard output; returns nothing."""
        self._beside_predictions = True

    def notice(self, *lines: str) -> None:
        """Say something to a person who watches; returns nothing."""
        if not (self.as_json or self.quiet):
            _say(lines)

    def waiting(self, name: str) -> None:
        """Say that data are waited for, which come from a pipe of this name; returns nothing."""
        self.notice(f"waiting for data from {name} (Ctrl-C ends it)")
        self.event("waiting", source=name)

    def event(self, kind: str, **values: Any) -> None:
        """Write an event for a machine that watches; returns nothing.

        What fails is raised by `finish` only, so that a training goes on to its end.
        """
        if self.as_json and not self.quiet:
            self._emit(kind, values)

    def result(self, values: dict[str, Any], lines: Iterable[str]) -> None:
        """Write what the command is for: values for a machine, lines for a person; returns nothing.

        Raises:
            WriteError: if it cannot be written.
            BrokenPipeError: if nobody reads it.
        """
        if self.as_json:
            self._emit("result", values)
        else:
            self._attempt(lambda: _print(lines))
        self.finish()

    def finish(self) -> None:
        """Return nothing if all has arrived that was written; raises as `result` does."""
        if self._failure is None and sys.stdout is not None:
            self._attempt(sys.stdout.flush)
        if isinstance(self._failure, BrokenPipeError):
            raise self._failure
        if self._failure is not None:
            raise WriteError.from_cause(STANDARD_OUTPUT, self._failure) from self._failure

    def warning(self, text: str) -> None:
        """Tell a warning, its hint on a line of its own; returns nothing."""
        message, hint = map(readable, text.partition("\nHint: ")[::2])
        if self.as_json:
            self._emit("warning", {"message": message, "hint": hint})
        else:
            _say([f"epochal: warning: {message}", *_hint_lines(hint)])

    def error(self, fault: Fault) -> None:
        """Tell how the command failed, and whether the model has been saved before; returns nothing."""
        found, expected, hint = fault.error.parts
        if self.saved is not None:
            saved = f"the model is saved as {readable(str(self.saved))}"
            found, expected = f"{EpochalError(found, expected)}".rstrip(".") + f"; {saved}", ""
        message = str(EpochalError(found, expected))
        if self.as_json:
            values = {"code": fault.code, "kind": fault.kind, "message": message, "hint": hint}
            self._emit("error", values)
            return
        label = "interrupted" if fault.code == INTERRUPTED else "error"
        _say([f"epochal: {label}: {message}", *_hint_lines(hint)])

    def _emit(self, kind: str, values: dict[str, Any]) -> None:
        """Write an event on standard output, or on standard error where that is not possible."""
        line = as_json({"event": kind, "schema": SCHEMA} | values)
        if not self._beside_predictions and self._failure is None:
            self._attempt(lambda: _print([line]))
        if self._beside_predictions or (self._failure is not None and kind in {"error", "warning"}):
            _say([line])

    def _attempt(self, write: Callable[[], Any]) -> None:
        """Write to standard output; keep what fails, and write nothing more."""
        try:
            write()
        except OSError as error:
            self._failure = error
            discard_standard_output()


def as_json(values: dict[str, Any]) -> str:
    """Return values as one line of JSON in ASCII; what is not finite becomes null.

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
    """Point standard output to nowhere, lest Python tries once more when it ends; returns nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _print(lines: Iterable[str]) -> None:
    """Write printable lines to standard output at once; returns nothing."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    print("\n".join(map(_printable, lines)), flush=True)


def _say(lines: Iterable[str]) -> None:
    """Write printable lines to standard error, if anybody is there; returns nothing."""
    with contextlib.suppress(OSError):
        print("\n".join(map(_printable, lines)), file=sys.stderr, flush=True)


def _printable(line: str) -> str:
    """Return a line in which names of columns, classes and files may hold anything."""
    return readable(line, _LONGEST_ESCAPE * len(line))
