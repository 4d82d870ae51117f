"""What a trained model is: the record, and its description in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import ModelError
from epochal.model import figures, labels

if TYPE_CHECKING:
    from epochal.data.preprocess import Preprocessor
    from epochal.learn.network import Layers
    from epochal.records import History, OutOfBag
    from epochal.settings import Settings

FORMAT, FORMAT_VERSION = "epochal", 1


@dataclass(frozen=True, eq=False)
class Model:
    """All that predicting needs, and how it came to be.

    Two models are equal if every number in them is the same bit for bit. A
    model whose parts do not fit each other cannot be made.

    Args:
        settings: as trained with, everything resolved to numbers.
        preprocessor: from the columns of a table to the features of the network.
        classes: the labels, sorted; output j of the network is class j.
        members: the layers of each network, float32, all of the same sizes.
        history: the training curves, one per member.
        out_of_bag: scores on rows that members did not train on, where there are any.
        target: the name of the column that was learned, where it had one.
        seed: from which all random numbers of the training were made.
        versions: of the software at work, for information only.
    """

    settings: Settings
    preprocessor: Preprocessor
    classes: np.ndarray
    members: tuple[Layers, ...]
    history: History
    out_of_bag: OutOfBag | None
    target: str | None
    seed: int
    versions: dict[str, str]

    def __post_init__(self) -> None:
        labels.to_json(self.classes)
        if not self.members:
            raise ModelError.from_damage("the model has no members", "at least one")
        if self.seed < 0:
            raise ModelError.from_damage(f"seed is {self.seed}", "0 or more")
        figures.check_members(self.history, len(self.members))
        for number, layers in enumerate(self.members):
            _check_layers(layers, self.layer_sizes, f"member {number}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        mine, its = tensors(self), tensors(other)
        return (
            describe(self) == describe(other)
            and mine.keys() == its.keys()
            and all(_same_bits(mine[name], its[name]) for name in mine)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """The widths of the network, from the features to the classes."""
        hidden = self.settings.hidden_layer_sizes
        return (self.preprocessor.n_features, *hidden, len(self.classes))


def describe(model: Model) -> dict[str, Any]:
    """Return all of the model that is not a tensor as JSON-ready values."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "settings": model.settings.to_dict(),
        "preprocessor": model.preprocessor.to_dict(),
        "classes": labels.to_json(model.classes),
        "members": len(model.members),
        "layer_sizes": list(model.layer_sizes),
        "history": figures.history_to_json(model.history),
        "out_of_bag": figures.out_of_bag_to_json(model.out_of_bag),
        "target": None if model.target is None else str(model.target),
        "seed": int(model.seed),
        "versions": dict(model.versions),
    }


def to_bytes(description: dict[str, Any]) -> bytes:
    """Return the description as JSON text: the same text for equal descriptions."""
    text = json.dumps(description, indent=2, sort_keys=True, allow_nan=False)
    return f"{text}\n".encode("ascii")


def tensors(model: Model) -> dict[str, np.ndarray]:
    """Return the arrays of the model by name; members are stacked on the first axis."""
    named = {f"preprocess.{name}": array for name, array in model.preprocessor.arrays().items()}
    for depth, stacked in enumerate(zip(*model.members, strict=True)):
        named[f"layer.{depth}.weights"] = np.stack([layer.weights for layer in stacked])
        named[f"layer.{depth}.bias"] = np.stack([layer.bias for layer in stacked])
    return named


def expected_layers(members: int, sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the layers' tensors.

    >>> expected_layers(8, (4, 3))
    {'layer.0.weights': (8, 4, 3), 'layer.0.bias': (8, 3)}
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"layer.{depth}.weights"] = (members, inputs, outputs)
        shapes[f"layer.{depth}.bias"] = (members, outputs)
    return shapes


def _check_layers(layers: Layers, sizes: tuple[int, ...], where: str) -> None:
    """Refuse layers that are not of these sizes, not float32, or not finite."""
    if len(layers) != len(sizes) - 1:
        raise ModelError.from_damage(f"{where} has {len(layers)} layers", f"{len(sizes) - 1}")
    for depth, layer in enumerate(layers):
        inputs, outputs = sizes[depth], sizes[depth + 1]
        for name, shape in (("weights", (inputs, outputs)), ("bias", (outputs,))):
            array = np.asarray(getattr(layer, name))
            place = f"{where}, layer {depth}, {name}"
            if array.shape != shape or array.dtype != np.float32:
                found = f"{place}: {array.dtype} of shape {array.shape}"
                raise ModelError.from_damage(found, f"float32 of shape {shape}")
            if not np.isfinite(array).all():
                raise ModelError.from_damage(f"{place}: a number is not finite")


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are the same in type, shape and every bit."""
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )
