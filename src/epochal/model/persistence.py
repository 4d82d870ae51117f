"""Saving and loading a model: one `.epochal` file, as docs/FORMAT.md specifies it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.numpy import save as to_safetensors

from epochal.errors import ModelError
from epochal.io.atomic import atomic
from epochal.model.archive import CHECKSUMS, DESCRIPTION, WEIGHTS, opened, pack, verify_checksums
from epochal.model.description import describe, tensors, to_bytes
from epochal.model.reading import parse, restore

if TYPE_CHECKING:
    import os

    from epochal.model.description import Model


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the model to `path`, whole or not at all; equal models give equal bytes."""
    description = to_bytes(describe(model))
    weights = to_safetensors(tensors(model))
    with atomic(path) as file:
        pack(file, description, weights)


def load(path: str | os.PathLike[str]) -> Model:
    """Return the model at `path`; refuse a file that is damaged, too new or not a model.

    The file is data: nothing in it is run, and nothing is extracted to disk.
    """
    try:
        with opened(Path(path)) as archive:
            # Parsed first, as a later format may differ in everything else.
            description = archive.read(DESCRIPTION)
            parsed = parse(description)
            archive.check_entries()
            weights, checksums = archive.read(WEIGHTS), archive.read(CHECKSUMS)
        verify_checksums(checksums, description, weights)
        return restore(parsed, weights)
    except ModelError as error:
        raise ModelError(f"{path}: {error.found}", error.expected, error.hint) from error
