"""The checkpoints of a training on the command line: where they are, and what is said of them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.cli.inputs import STANDARD_STREAM
from epochal.errors import SettingError
from epochal.fit_types import CheckpointPlan
from epochal.io.pipes import is_piped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from epochal.cli.output import Output

# The names of checkpoint files; the same as in epochal.training.checkpoints, which a test compares.
FILES = "checkpoint-*.safetensors"


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
    if getattr(arguments, "resumed", None) is None and any(folder.glob(FILES)):
        hint = f"go on with it: epochal resume {folder}; or remove the folder"
        raise SettingError(f"{folder} has checkpoints of a training", "a new folder", hint)
    return CheckpointPlan(str(folder), command, arguments.checkpoint_every)


@contextmanager
def told_checkpoint(output: Output, plan: CheckpointPlan | None) -> Iterator[None]:
    """Tell of the last checkpoint if the block ends with an error."""
    try:
        yield
    except BaseException:
        tell_checkpoint(output, plan)
        raise


def tell_checkpoint(output: Output, plan: CheckpointPlan | None) -> None:
    """Write how to go on from the last checkpoint, if there is one; returns nothing."""
    if plan is not None and any(Path(plan.folder).glob(FILES)):
        output.notice(f"go on from the last checkpoint: epochal resume {plan.folder}")


def forget(plan: CheckpointPlan | None) -> None:
    """Remove the checkpoints of a training that has ended; returns nothing."""
    if plan is not None:
        # The training has loaded JAX already.
        from epochal.training.checkpoints import remove_checkpoints

        remove_checkpoints(plan.folder)
