"""The record of a model, and its description."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from epochal.errors import ModelError
from epochal.model.description import describe, expected_tensors, member_shapes, tensors, to_bytes
from epochal.nn.layers import Layer, initial

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.model.description import Model


def first_weights_changed(model: Model, change: Callable[[np.ndarray], Any]) -> Any:
    """Return the members with the first member's first weights changed."""
    layers = model.members[0]
    weights = change(layers[0].weights.copy())
    return ((Layer(weights, layers[0].bias), *layers[1:]), *model.members[1:])


def flip_zero(weights: np.ndarray) -> np.ndarray:
    """Return the weights with a first number of -0.0."""
    weights.flat[0] = -0.0
    return weights


def set_nan(weights: np.ndarray) -> np.ndarray:
    """Return the weights with a first number that is none."""
    weights.flat[0] = np.nan
    return weights


def test_models_of_equal_content_are_equal(build: Callable[..., Model]) -> None:
    """Equality is by content, NaN in curves included."""
    assert build() == build()
    assert build() != "a model"


def test_equality_is_bit_for_bit(build: Callable[..., Model]) -> None:
    """0.0 and -0.0 are different models; so is every other difference."""
    model = build()
    zero = first_weights_changed(model, np.zeros_like)
    minus = first_weights_changed(model, lambda weights: flip_zero(np.zeros_like(weights)))
    assert build(members=zero) != build(members=minus)
    assert build(members=minus) == build(members=minus)
    assert build(seed=8) != model
    assert build(target=None) != model
    assert build(classes=model.classes.astype(object)) != model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.astype(np.float64), "float64"),
        (lambda weights: weights[1:], "shape"),
        (set_nan, "not finite"),
    ],
)
def test_weights_that_do_not_fit_make_no_model(
    build: Callable[..., Model], change: Callable[[np.ndarray], Any], message: str
) -> None:
    """The message names member, layer and array."""
    members = first_weights_changed(build(), change)
    with pytest.raises(ModelError, match=rf"member 0, layer\.0\.weights.*{message}"):
        build(members=members)


def test_parts_that_do_not_fit_make_no_model(build: Callable[..., Model]) -> None:
    """No members, a member or a layer too few, and a negative seed are refused."""
    members = build().members
    with pytest.raises(ModelError, match="no members"):
        build(members=())
    with pytest.raises(ModelError, match=r"history\.training_loss has 2 members; expected 1"):
        build(members=members[:1])
    with pytest.raises(
        ModelError, match="member 1 has the layers .*; expected layer.0, layer.1, layer.2"
    ):
        build(members=(members[0], members[1][1:]))
    with pytest.raises(ModelError, match="seed"):
        build(seed=-1)


def test_the_description_is_strict_json(model: Model) -> None:
    """It is ASCII, sorted, without NaN, and ends with a line break."""
    text = to_bytes(describe(model)).decode("ascii")
    values = json.loads(text, parse_constant=pytest.fail)
    assert text == json.dumps(values, indent=2, sort_keys=True) + "\n"


def test_tensors_have_the_names_and_shapes_expected(model: Model) -> None:
    """Members are stacked on the first axis, in their order."""
    named = tensors(model)
    expected = member_shapes(model.preprocessor, model.settings, len(model.classes))
    shapes = expected_tensors(len(model.members), expected)
    assert {name: named[name].shape for name in shapes} == shapes
    assert all(name in shapes or name.startswith("preprocess.") for name in named)
    assert np.array_equal(named["layer.1.bias"][1], model.members[1][1].bias)
    assert np.array_equal(named["layer.2.weights"][0], model.members[0][2].weights)


def test_a_model_without_hidden_layers_is_possible(build: Callable[..., Model]) -> None:
    """Logistic regression is a network of one layer."""
    model = build()
    settings = replace(model.settings, hidden_layer_sizes=(), embedding_size=None)
    sizes = (model.preprocessor.n_features, 3)
    members = tuple(initial(sizes, "relu", seed=1, member=k) for k in range(2))
    assert build(settings=settings, members=members).layer_sizes == sizes
