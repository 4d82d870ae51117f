"""Models of older formats are read as what they were."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from epochal.errors import ModelError
from epochal.model.artifact import load
from epochal.model.older import WITHOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from epochal.model.description import Model


def checksums(description: bytes, weights: bytes) -> bytes:
    """Return the checksums.json that is right for this content."""
    contents = {"model.json": description, "weights.safetensors": weights}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return json.dumps(sums).encode()


def first_format(described: dict[str, Any]) -> dict[str, Any]:
    """Return a description as format 1 had it."""
    old = json.loads(json.dumps(described))
    old["format_version"] = 1
    del old["calibration"], old["preprocessor"]["knots"], old["out_of_bag"]["expected_log_loss"]
    for name in WITHOUT:
        del old["settings"][name]
    return old


def test_a_model_of_format_1_is_read(
    model: Model, entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """Its networks and columns are those that were written, and its mean is plain."""
    old = first_format(json.loads(entries["model.json"]))
    description, weights = json.dumps(old).encode(), entries["weights.safetensors"]
    sums = checksums(description, weights)
    names = ("model.json", "weights.safetensors", "checksums.json")
    read = load(rezip(list(zip(names, (description, weights, sums), strict=True))))

    assert read.preprocessor == model.preprocessor
    assert read.calibration.weights == (0.5, 0.5)
    assert read.calibration.power == 1.0
    np.testing.assert_array_equal(read.members[1][0].weights, model.members[1][0].weights)


def test_a_newer_key_in_an_older_format_is_refused(
    entries: dict[str, bytes], rezip: Callable[..., Path]
) -> None:
    """A file that says format 1 and has what came later is damaged."""
    old = {**json.loads(entries["model.json"]), "format_version": 1}
    description, weights = json.dumps(old).encode(), entries["weights.safetensors"]
    sums = checksums(description, weights)
    names = ("model.json", "weights.safetensors", "checksums.json")
    forged = rezip(list(zip(names, (description, weights, sums), strict=True)))

    with pytest.raises(ModelError, match=r"model\.json"):
        load(forged)
