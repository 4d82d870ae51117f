"""The checkpoints of a training on the command line: where they are, and how to resume from them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.cli.inputs import STANDARD_STREAM
from epochal.cli.printing import typed_command
from epochal.errors import SettingError
from epochal.fit_types import CheckpointPlan
from epochal.io.pipes import is_piped
from epochal.training.checkpoint_files import checkpoint_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from epochal.cli.output import Output


def checkpoint_plan(arguments: argparse.Namespace, out: Path) -> CheckpointPlan | None:
    """Return where and how often the training writes checkpoints; None if it cannot be begun again.

    Raises:
        SettingError: if the folder has the checkpoints of another training, or data come through a pipe
            and the folder was named.
    """
    named: Path | None = arguments.checkpoint
    read = [path for path in (arguments.data, arguments.valid, arguments.test) if path]
    piped = [path for path in read if path == STANDARD_STREAM or is_piped(Path(path))]
    if piped:
        if named is not None:
            found = f"--checkpoint with {piped[0]}, which cannot be read again"
            raise SettingError(found, "files", "write the data to a file first")
        return None
    folder = (named or out.with_name(out.name + ".checkpoint")).absolute()
    command: dict[str, Any] = {"words": arguments.words, "folder": str(Path.cwd())}
    if checkpoint_files(folder) and not arguments.resume:
        hint = f"go on with it: {typed_command('resume', folder)}; or remove the folder"
        raise SettingError(f"{folder} has checkpoints of a training", "a new folder", hint)
    return CheckpointPlan(str(folder), command, arguments.checkpoint_every)


@contextmanager
def resume_hint_on_error(output: Output, plan: CheckpointPlan | None) -> Iterator[None]:
    """Show how to resume from the last checkpoint if the block ends with an error."""
    try:
        yield
    except BaseException:
        show_resume_hint(output, plan)
        raise


def show_resume_hint(output: Output, plan: CheckpointPlan | None) -> None:
    """Write how to resume from the last checkpoint, if there is one; returns nothing."""
    if plan is not None and checkpoint_files(plan.folder):
        output.notice(f"go on from the last checkpoint: {typed_command('resume', plan.folder)}")
