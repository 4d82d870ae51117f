"""The fingerprint of a training: only the same training resumes from its checkpoints."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.loader.digests import add_array
from epochal.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.loader.batches import RowSource
    from epochal.preparation import Prepared
    from epochal.training.state import TrainingState

# Encoded rows that are digested at a time.
CHUNK_BYTES = 2**22


def checkpoints_of(
    ready: Prepared, start: TrainingState, versions: Mapping[str, str]
) -> Checkpoints | None:
    """Return the checkpoints of a prepared training with this initial state; None if it writes none."""
    plan = ready.run.checkpoints
    if plan is None:
        return None
    # Digested now: it need not stay in memory until a checkpoint is written.
    initial = digest_of(start.to_arrays().arrays)

    def fingerprint() -> dict[str, Any]:
        """Return what identifies the training."""
        return {
            "data": _digest_of_data(ready),
            "start": initial,
            "settings": {name: repr(value) for name, value in asdict(ready.settings).items()},
            "seed": ready.run.seed,
            "memory limit": ready.plan.limit,
            "versions": dict(versions),
        }

    return Checkpoints(Path(plan.folder), fingerprint, plan.command, plan.interval)


def _digest_of_data(ready: Prepared) -> str:
    """Return a digest of all that the members train on and validate on."""
    preprocessor, pool, _, validation_set, *_ = ready.material
    held = None
    if validation_set is not None:
        held = [validation_set.x, validation_set.y, validation_set.weights, validation_set.numbers]
    return digest_of(
        preprocessor.to_dict(),
        preprocessor.arrays(),
        ready.classes,
        *pool.metadata,
        digests_of_rows(pool.source),
        ready.material.target_tables,
        held,
    )


def digests_of_rows(source: RowSource) -> list[str]:
    """Return the digest of each chunk of encoded rows, in order; wherever they are, few are in memory at a time."""
    chunk_rows = max(CHUNK_BYTES // (4 * max(source.n_features, 1)), 1)
    return [digest_of(chunk.x) for chunk in source.epoch(None, chunk_rows)]


def digest_of(*values: Any) -> str:
    """Return a digest of arrays, and of lists and dicts of them, numbers and texts.

    >>> digest_of([1, 2]) == digest_of([1, 2]), digest_of(np.ones(2)) == digest_of(np.ones((2, 1)))
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=20)

    def update(value: Any) -> None:
        """Add a value."""
        if isinstance(value, np.ndarray) and value.dtype != object:
            digest.update(b"array\0")
            add_array(digest, value)
        elif isinstance(value, dict):
            update([item for pair in sorted(value.items()) for item in pair])
        elif isinstance(value, list | tuple):
            digest.update(f"list {len(value)}\0".encode())
            for item in value:
                update(item)
        elif isinstance(value, np.ndarray):
            update(value.tolist())
        else:
            digest.update(f"{type(value).__name__} {value!r}\0".encode())

    update(values)
    return digest.hexdigest()
