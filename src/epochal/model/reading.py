"""Reading of models: from JSON and tensors to a validated model."""

from __future__ import annotations

import json
import math
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from epochal import __version__
from epochal.config.settings import SETTINGS, Settings
from epochal.errors import ModelError
from epochal.model import labels, parameters, results_json
from epochal.model.archive import LONGEST_HEADER, WEIGHTS, header_bytes
from epochal.model.description import (
    FORMAT,
    FORMAT_VERSION,
    Model,
    describe,
    expected_tensors,
    layer_sizes,
    member_shapes,
    refuse_auto,
    to_bytes,
)
from epochal.model.older import renamed_tensors, upgraded
from epochal.model.shape import check
from epochal.nn.layers import with_named_parameters
from epochal.preprocessing.preprocessor import Preprocessor

if TYPE_CHECKING:
    from epochal.nn.layers import Layers

SHAPE = {
    "format": FORMAT,
    "format_version": int,
    "parameters": parameters.SHAPE,
    "settings": dict.fromkeys(SETTINGS, object),
    "preprocessor": {str: object},
    "classes": labels.SHAPE,
    "members": int,
    "layer_sizes": [int],
    "calibration": results_json.CALIBRATION,
    "history": results_json.HISTORY,
    "out_of_bag": results_json.OUT_OF_BAG,
    "target": (str, None),
    "seed": int,
    "versions": {str: str},
}
# The exceptions of code that builds records from unchecked values.
_INVALID_VALUES = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    SafetensorError,
)


class Parsed(NamedTuple):
    """A description with the keys of this format, and the format version of its file."""

    described: dict[str, Any]
    version: int


def parse(content: bytes) -> Parsed:
    """Return the description in a model.json of this or an older format; its values are not checked."""
    try:
        values = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_finite,
            parse_constant=_refused,
        )
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ModelError.from_damage(f"model.json is no JSON: {reason}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelError.from_damage("model.json describes no epochal model")
    check(values.get("format_version"), int, "model.json: format_version")
    version = int(values["format_version"])
    if version > FORMAT_VERSION:
        raise ModelError.from_version(version, FORMAT_VERSION, __version__)
    if version < 1:
        raise ModelError.from_damage(f"model.json: format_version is {version}")
    return Parsed(upgraded(values, FORMAT_VERSION), version)


def restore(parsed: Parsed, weights: bytes) -> Model:
    """Return the model of a description and a safetensors file."""
    described, version = parsed
    check(described, SHAPE, "model.json")
    named = renamed_tensors(_tensors(weights), version)
    preprocessor = _preprocessor(described["preprocessor"], named)
    classes = labels.from_json(described["classes"])
    settings = _settings(described["settings"])
    sizes = layer_sizes(preprocessor, settings, len(classes))
    if described["layer_sizes"] != list(sizes):
        problem = f"model.json: layer_sizes is {short(described['layer_sizes'])}"
        expected = f"{short(list(sizes))}, from columns, settings and classes"
        raise ModelError.from_damage(problem, expected)
    _check_number_of_layers(len(sizes) - 1, named)
    shapes = member_shapes(preprocessor, settings, len(classes))
    model = Model(
        settings=settings,
        preprocessor=preprocessor,
        classes=classes,
        members=_members(described["members"], shapes, named),
        calibration=results_json.calibration_from_json(described["calibration"]),
        history=results_json.history_from_json(described["history"]),
        out_of_bag=results_json.out_of_bag_from_json(described["out_of_bag"]),
        target=described["target"],
        seed=described["seed"],
        versions=described["versions"],
        parameters=parameters.from_json(described["parameters"]),
    )
    _check_nothing_lost(model, described)
    return model


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a dictionary; refuse a key that occurs twice."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return values


def _finite(text: str) -> float:
    """Return the number; refuse one that is not finite as a float."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is too large")
    return value


def _refused(word: str) -> NoReturn:
    """Refuse the words NaN and Infinity, which are not JSON."""
    raise ValueError(f"{word} is not allowed")


def _settings(values: dict[str, Any]) -> Settings:
    """Return the settings; refuse invalid ones."""
    try:
        settings = Settings.from_dict(values)
    except _INVALID_VALUES as error:
        first = str(error).splitlines()[0]
        raise ModelError.from_damage(f"model.json: invalid settings: {first}") from error
    refuse_auto(settings)
    return settings


def _preprocessor(values: dict[str, Any], named: dict[str, np.ndarray]) -> Preprocessor:
    """Return the preprocessor from its description and its tensors."""
    arrays = {
        name.removeprefix("preprocess."): array
        for name, array in named.items()
        if name.startswith("preprocess.")
    }
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelError.from_damage(f"the tensor preprocess.{name}: a number is not finite")
    try:
        # A text with half of a surrogate pair is JSON, and cannot be looked up in a table.
        json.dumps(values, ensure_ascii=False).encode()
        preprocessor = Preprocessor.from_dict(values, arrays)
        stored = {name: (a.dtype, a.shape) for name, a in preprocessor.arrays().items()}
    except _INVALID_VALUES as error:
        raise ModelError.from_damage(f"model.json: invalid preprocessor: {error}") from error
    if stored != {name: (array.dtype, array.shape) for name, array in arrays.items()}:
        raise ModelError.from_damage("the tensors of the preprocessor do not fit its description")
    return preprocessor


def _tensors(weights: bytes) -> dict[str, np.ndarray]:
    """Return the tensors in a safetensors file by name."""
    header = header_bytes(weights)
    if header > LONGEST_HEADER:
        problem = f"the header of {WEIGHTS} has {header:,} bytes"
        raise ModelError.from_damage(problem, f"at most {LONGEST_HEADER:,}")
    try:
        return load(weights)
    except (*_INVALID_VALUES, ImportError) as error:
        raise ModelError.from_damage(f"weights.safetensors is damaged ({error})") from error


def _check_number_of_layers(count: int, named: dict[str, np.ndarray]) -> None:
    """Refuse a description with another number of layers than there are tensors, before they are laid out."""
    found = sum(name.startswith("layer.") and name.endswith(".weights") for name in named)
    if found != count:
        problem = f"there are tensors of {found:,} layers"
        raise ModelError.from_damage(problem, f"{count:,}, as many as model.json describes")


def _members(count: int, layers: Layers, named: dict[str, np.ndarray]) -> tuple[Layers, ...]:
    """Return the layers of each member; refuse tensors with other names, shapes or types."""
    shapes = expected_tensors(count, layers)
    names = {name for name in named if not name.startswith("preprocess.")}
    for name in sorted(names ^ shapes.keys()):
        problem = "there is no tensor" if name in shapes else "there is a surplus tensor"
        raise ModelError.from_damage(f"{problem} {name!r}")
    for name, shape in shapes.items():
        array = named[name]
        if array.shape != shape or array.dtype != np.float32:
            problem = f"the tensor {name} is {array.dtype} of shape {array.shape}"
            raise ModelError.from_damage(problem, f"float32 of shape {shape}")
    return tuple(
        with_named_parameters(layers, {name: named[name][member] for name in shapes})
        for member in range(count)
    )


def _check_nothing_lost(model: Model, described: dict[str, Any]) -> None:
    """Refuse a description that differs from that of the model made from it."""
    try:
        rewritten = json.loads(to_bytes(describe(model)))
        differing = [name for name in sorted(described) if rewritten[name] != described[name]]
    except _INVALID_VALUES as error:
        raise ModelError.from_damage(f"model.json is invalid: {error}") from error
    if differing:
        raise ModelError.from_damage(
            f"model.json: {differing[0]} has values that this format does not support"
        )
