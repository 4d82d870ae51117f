"""The trained model: its record, and its description in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.config.settings import AUTO
from epochal.errors import ModelError
from epochal.kernels.library import opened
from epochal.kernels.prediction import CompiledEnsemble
from epochal.model import labels, results_json
from epochal.model.parameters import Parameters, to_json
from epochal.nn.embedding import embedding_shapes
from epochal.nn.layers import Layer, layer_names, named_parameters
from epochal.nn.objective import OBJECTIVES

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.nn.layers import Layers
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.records import Calibration, History, OutOfBag

FORMAT, FORMAT_VERSION = "epochal", 8


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that prediction needs, and the record of the training.

    Two models are equal if all of their numbers are equal, bit for bit. Parts that do not match are
    refused.

    Args:
        settings: of the training, with "auto" resolved.
        preprocessor: from the columns of a table to the features of the network.
        classes: the labels, sorted; output j of the network is class j.
        members: the layers of each network, float32, all of the same sizes.
        calibration: from the members' logits to probabilities.
        history: the training curves, one per member.
        out_of_bag: scores on out-of-bag rows, if there are any.
        target: the name of the target column, if it has one.
        seed: of all random numbers of the training.
        versions: of the software, for information only.
        parameters: of the classifier, as given by the user; `settings` are the resolved ones.
    """

    settings: Settings
    preprocessor: Preprocessor
    classes: np.ndarray
    members: tuple[Layers, ...]
    calibration: Calibration
    history: History
    out_of_bag: OutOfBag | None
    target: str | None
    seed: int
    versions: dict[str, str]
    parameters: Parameters = field(default_factory=Parameters)

    def __post_init__(self) -> None:
        labels.to_json(self.classes)
        if not self.members:
            raise ModelError.from_damage("the model has no members", "at least one")
        refuse_auto(self.settings)
        if self.seed < 0:
            raise ModelError.from_damage(f"seed is {self.seed}", "0 or more")
        results_json.check_members(self.history, len(self.members))
        results_json.check_calibration(self.calibration, len(self.members), len(self.classes))
        expected = member_shapes(self.preprocessor, self.settings, len(self.classes))
        for number, layers in enumerate(self.members):
            _check_layers(layers, expected, f"member {number}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        own_tensors, other_tensors = tensors(self), tensors(other)
        return (
            describe(self) == describe(other)
            and own_tensors.keys() == other_tensors.keys()
            and all(_same_bits(own_tensors[name], other_tensors[name]) for name in own_tensors)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled: not the layout for the C kernels, which has pointers."""
        return {name: value for name, value in vars(self).items() if name != "compiled"}

    @cached_property
    def compiled(self) -> CompiledEnsemble | None:
        """The members laid out for the C kernels; None without them."""
        return self.compiled_part(self.members, self.calibration)

    def compiled_part(
        self, members: tuple[Layers, ...], calibration: Calibration
    ) -> CompiledEnsemble | None:
        """Return some members of this model, laid out for the C kernels; None without them."""
        if opened().library is None:
            return None
        return CompiledEnsemble(
            members,
            self.settings.activation,
            calibration.inverse_temperature,
            calibration.weights,
            self.preprocessor.n_features,
        )

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """The widths of the network, from the inputs of the first layer to the classes."""
        return layer_sizes(self.preprocessor, self.settings, len(self.classes))


def describe(model: Model) -> dict[str, Any]:
    """Return everything but the tensors as JSON-ready values."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "parameters": to_json(model.parameters),
        "settings": model.settings.to_dict(),
        "preprocessor": model.preprocessor.to_dict(),
        "classes": labels.to_json(model.classes),
        "members": len(model.members),
        "layer_sizes": list(model.layer_sizes),
        "calibration": results_json.calibration_to_json(model.calibration),
        "history": results_json.history_to_json(model.history),
        "out_of_bag": results_json.out_of_bag_to_json(model.out_of_bag),
        "target": None if model.target is None else str(model.target),
        "seed": int(model.seed),
        "versions": dict(model.versions),
    }


def to_bytes(description: dict[str, Any]) -> bytes:
    """Return the description as JSON text; equal descriptions give equal text."""
    text = json.dumps(description, indent=2, sort_keys=True, allow_nan=False)
    return f"{text}\n".encode("ascii")


def tensors(model: Model) -> dict[str, np.ndarray]:
    """Return the arrays of the model by name; members are stacked on the first axis."""
    named = {f"preprocess.{name}": array for name, array in model.preprocessor.arrays().items()}
    members = [named_parameters(layers) for layers in model.members]
    return named | {name: np.stack([member[name] for member in members]) for name in members[0]}


def layer_sizes(preprocessor: Preprocessor, settings: Settings, classes: int) -> tuple[int, ...]:
    """Return the widths from the inputs of the first layer to the logits."""
    inputs = preprocessor.sizes.inputs(int(settings.embedding_size or 0), classes)
    outputs = OBJECTIVES[settings.loss].outputs(classes)
    return (inputs, *map(int, settings.hidden_layer_sizes), outputs)


def member_shapes(preprocessor: Preprocessor, settings: Settings, classes: int) -> Layers:
    """Return a member's layers, with the shape of each parameter in place of its values."""
    sizes = layer_sizes(preprocessor, settings, classes)
    affine = [Layer((inputs, outputs), (outputs,)) for inputs, outputs in pairwise(sizes)]
    if settings.embedding_size is None:
        return tuple(affine)
    size = int(settings.embedding_size)
    return (embedding_shapes(preprocessor.sizes, size, classes), *affine)


def expected_tensors(members: int, shapes: Layers) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the members' tensors.

    >>> expected_tensors(8, (Layer((4, 3), (3,)),))
    {'layer.0.weights': (8, 4, 3), 'layer.0.bias': (8, 3)}
    """
    return {name: (members, *shape) for name, shape in named_parameters(shapes).items()}


def refuse_auto(settings: Settings) -> None:
    """Refuse settings of which one is "auto"; return nothing."""
    for name, value in settings.to_dict().items():
        if value == AUTO:
            raise ModelError.from_damage(f"settings.{name} is {AUTO!r}", "a value")


def _check_layers(layers: Layers, expected: Layers, where: str) -> None:
    """Refuse layers that are not of these shapes, not float32, or not finite."""
    if layer_names(layers) != layer_names(expected):
        problem = f"{where} has the layers {', '.join(layer_names(layers))}"
        raise ModelError.from_damage(problem, ", ".join(layer_names(expected)))
    parameters = named_parameters(layers)
    for name, shape in named_parameters(expected).items():
        array = np.asarray(parameters[name])
        if array.shape != shape or array.dtype != np.float32:
            problem = f"{where}, {name}: {array.dtype} of shape {array.shape}"
            raise ModelError.from_damage(problem, f"float32 of shape {shape}")
        if not np.isfinite(array).all():
            raise ModelError.from_damage(f"{where}, {name}: a number is not finite")


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same type, shape and bits."""
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )
