"""A trained model is saved, even if its file cannot be written: a full disk does not lose a training."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.cli.output import Fault
from epochal.errors import EpochalError, WriteError
from epochal.io.tempfiles import temporary_folder
from epochal.model.persistence import save

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.cli.output import Output
    from epochal.model.description import Model


def saved(model: Model, out: Path, output: Output, check: Callable[[Path], None]) -> Path:
    """Return the file that has the model: `out`, or another one that a person at a terminal names.

    Without a person, or if he names none, the model goes to the folder for temporary files or to the
    home folder, and the error names it.

    Args:
        model: the model.
        out: where it should go.
        output: shows the error to a person.
        check: raises an error for a file that must not be replaced.

    Raises:
        WriteError: if the model is in none of the files that were named.
    """
    try:
        save(model, out)
    except WriteError as error:
        another = _saved_as_answered(model, error, output, check)
        if another is None:
            _save_elsewhere(model, out, output)
            raise
        out = another
    output.saved = out
    return out


def _saved_as_answered(
    model: Model, error: EpochalError, output: Output, check: Callable[[Path], None]
) -> Path | None:
    """Return the file that a person has named, and that has the model; None if there is none."""
    while _is_person_there(output):
        output.error(Fault.of(error))
        print("Another file for the model (none: Enter): ", end="", file=sys.stderr, flush=True)
        name = sys.stdin.readline().strip()
        if not name:
            break
        path = Path(name).expanduser()
        try:
            check(path)
            save(model, path)
        except EpochalError as another:
            error = another
        else:
            return path
    return None


def _is_person_there(output: Output) -> bool:
    """Return whether somebody can be asked."""
    is_shown = not (output.as_json or output.quiet)
    return is_shown and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _save_elsewhere(model: Model, out: Path, output: Output) -> None:
    """Save the model in another folder, if one can be written; the output names it in errors; returns nothing."""
    for folder in (Path(temporary_folder()), Path("~").expanduser()):
        path = folder / f"{out.stem}-{secrets.token_hex(4)}.epochal"
        try:
            save(model, path)
        except WriteError:
            continue
        output.saved = path
        return
