"""`epochal resume`: a training resumes from its last checkpoint, with the command that began it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.cli import train
from epochal.cli.parser import parsed
from epochal.errors import MissingFileError, ModelError, SourceError
from epochal.loader.memory import return_freed_memory
from epochal.threads import limited
from epochal.training.checkpoint_files import checkpoint_files

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Resume the training; return its exit code."""
    folder: Path = arguments.folder.absolute()
    if not folder.is_dir():
        raise MissingFileError(
            f"there is no folder {arguments.folder}", "", "see the --out of the training"
        )
    if not checkpoint_files(folder):
        hint = "a training removes them when it has ended"
        raise SourceError(f"{arguments.folder} has no checkpoints", "those of a training", hint)
    # Reading a state loads JAX, which the training needs anyway.
    from epochal.training.checkpoints import newest

    stored = newest(folder)
    command = {} if stored is None else stored.command
    if not {"words", "folder"} <= set(command):
        hint = "fit the same data with checkpoint_dir= this folder"
        raise ModelError(f"{arguments.folder} is of a fit in Python", "of `epochal train`", hint)
    if not Path(command["folder"]).is_dir():
        found = f"the training was begun in {command['folder']}, which is no longer there"
        raise MissingFileError(found, "", "names of files are relative to it")
    os.chdir(command["folder"])
    again = parsed(command["words"])
    again.output, again.words, again.resume = arguments.output, command["words"], True
    again.checkpoint, again.json, again.quiet = folder, arguments.json, arguments.quiet
    if again.memory is not None:
        return_freed_memory()
    with limited(again.n_jobs if arguments.n_jobs is None else arguments.n_jobs):
        return train.run(again)
