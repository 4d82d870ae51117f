"""The network: initialisation and forward pass, for NumPy's and JAX's arrays.

The same `apply` serves training and large predictions (JAX arrays) and small
predictions (NumPy arrays, no compilation); this module imports no JAX.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.keys import Purpose, generator_for
from epochal.nn.backend import PLAIN
from epochal.nn.dropout import INPUTS
from epochal.nn.embedding import Embedding, embedded
from epochal.nn.parameter_options import ParameterOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from epochal.nn.backend import Backend, FusedAdam
    from epochal.nn.dropout import Drop

    Array = Any  # a NumPy or a JAX array


class Layer(NamedTuple):
    """One affine map: x W + b."""

    weights: Array  # (inputs, outputs)
    bias: Array  # (outputs,)

    def parameters(self) -> dict[str, Array]:
        """Return the parameters by name, in the order of the file format."""
        return self._asdict()

    def with_parameters(self, named: Mapping[str, Array]) -> Layer:
        """Return an affine map with these parameters."""
        return Layer(named["weights"], named["bias"])

    def parameter_options(self) -> dict[str, ParameterOptions]:
        """Return each parameter's optimizer options, by name."""
        return {"weights": ParameterOptions(l2=True), "bias": ParameterOptions()}


# Only the first layer can be an embedding.
Layers = tuple[Layer | Embedding, ...]


def dense(layers: Layers) -> tuple[Layer, ...]:
    """Return the affine layers: all but an embedding."""
    return tuple(layer for layer in layers if isinstance(layer, Layer))


def embedding_of(layers: Layers) -> Embedding | None:
    """Return the embedding that the layers begin with, or None."""
    return layers[0] if isinstance(layers[0], Embedding) else None


def variant_of(layers: Layers) -> int:
    """Return 1 for the layers of a member with fine bins, 0 for others."""
    embedding = embedding_of(layers)
    return int(embedding is not None and float(embedding.numeric.fine) > 0)


def layer_names(layers: Layers) -> list[str]:
    """Return the names of the layers in the file format."""
    affine = [f"layer.{depth}" for depth in range(len(dense(layers)))]
    return affine if embedding_of(layers) is None else ["embedding", *affine]


def named_parameters(layers: Layers) -> dict[str, Array]:
    """Return the parameters of all layers by their names in the file format."""
    if not layers:
        return {}
    return {
        f"{place}.{name}": part
        for place, layer in zip(layer_names(layers), layers, strict=True)
        for name, part in layer.parameters().items()
    }


def with_named_parameters(layers: Layers, named: Mapping[str, Array]) -> Layers:
    """Return layers of the same types with these parameters, by their names in the file format."""
    return tuple(
        layer.with_parameters({name: named[f"{place}.{name}"] for name in layer.parameters()})
        for place, layer in zip(layer_names(layers), layers, strict=True)
    )


def number_of_parameters(layers: Layers) -> int:
    """Return the number of parameters of the layers."""
    return sum(part.size for part in named_parameters(layers).values())


def with_type(layers: Layers, dtype: Any) -> Layers:
    """Return layers whose parameters are of this type; what is only looked up stays as it is."""

    def typed(name: str, part: Array) -> Array:
        """Return a parameter of the type."""
        return part if name == "target_table" else part.astype(dtype)

    return tuple(
        layer.with_parameters(
            {name: typed(name, part) for name, part in layer.parameters().items()}
        )
        for layer in layers
    )


def with_target_table(layers: Layers, table: Array | None) -> Layers:
    """Return layers whose embedding looks target statistics up in this table; None: the same layers."""
    if table is None or not isinstance(layers[0], Embedding):
        return layers
    return (layers[0].with_target_table(table), *layers[1:])


def without_target_table(layers: Layers) -> Layers:
    """Return layers with no rows in their table of target statistics, as they are in training."""
    embedding = embedding_of(layers)
    if embedding is None or embedding.target is None:
        return layers
    return with_target_table(layers, embedding.target.target_table[:0])


def with_weights(function: Callable[[Array], Array], layers: Layers) -> Layers:
    """Return layers, or moments of them, with `function` applied to the weights of affine layers."""
    return tuple(
        layer._replace(weights=function(layer.weights)) if isinstance(layer, Layer) else layer
        for layer in layers
    )


def outputs(layers: Layers) -> int:
    """Return the number of classes of one member's layers, or of stacked ones."""
    return int(dense(layers)[-1].bias.shape[-1])


def masked(gradient: Layers, layers: Layers) -> Layers:
    """Return the gradient, with 0 for the masked weights of the first affine layer, which stay 0."""
    number = len(layers) - len(dense(layers))
    slope, weights = dense(gradient)[0], dense(layers)[0].weights
    seen = weights.__array_namespace__().where(weights == 0, 0.0, slope.weights)
    return (*gradient[:number], slope._replace(weights=seen), *gradient[number + 1 :])


def _relu(x: Array) -> Array:
    """Return max(x, 0), with the derivative 0 at 0; NaN stays NaN.

    The derivative of `maximum` at 0 would be 1/2 in JAX, which rows of zeros meet.
    """
    return x.__array_namespace__().where(x <= 0, 0.0, x)


def _logistic(x: Array) -> Array:
    """Return 1 / (1 + e^-x), through tanh so that no exponential overflows."""
    return 0.5 * (x.__array_namespace__().tanh(0.5 * x) + 1.0)


def _selu(x: Array) -> Array:
    """Return the self-normalising unit (Klambauer et al. 2017)."""
    xp = x.__array_namespace__()
    negative = 1.6732632423543772 * xp.expm1(xp.minimum(x, 0.0))
    return 1.0507009873554805 * xp.where(x > 0, x, negative)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": _relu,
    "tanh": lambda x: x.__array_namespace__().tanh(x),
    "logistic": _logistic,
    "identity": lambda x: x,
    "selu": _selu,
    "silu": lambda x: x * _logistic(x),
}


def apply(
    layers: Layers,
    x: Array,
    activation: str,
    drop: Drop | None = None,
    kernels: Backend = PLAIN,
    fused: FusedAdam | None = None,
) -> Array:
    """Return the logits o of rows x: h = f(x W + b) for each hidden layer, o = h W + b.

    Args:
        layers: an embedding if there is one, hidden layers, the output layer.
        x: rows, shape (rows, features).
        activation: the name of f.
        drop: in training, applied to the first layer's inputs and to the hidden values: `drop(depth, h)`.
        kernels: how to multiply and to sum.
        fused: for a backend that takes steps of Adam.

    Returns:
        Logits, shape (rows, classes).

    >>> one = Layer(np.ones((2, 1)), np.zeros(1))
    >>> apply((one, Layer(np.array([[1.0, -1.0]]), np.zeros(2))), np.array([[1.0, 2.0]]), "relu")
    array([[ 3., -3.]])
    """
    activate = ACTIVATIONS[activation]
    embedding = embedding_of(layers)
    if embedding is not None:
        x = embedded(embedding, x, kernels)
    if drop is not None:
        x = drop(INPUTS, x)
    if kernels.network is not None and activation != "identity":
        return kernels.network(dense(layers), x, drop, fused, activation)
    *hidden, last = dense(layers)
    for depth, layer in enumerate(hidden):
        x = activate(kernels.multiply(x, layer.weights) + layer.bias[None, :])
        if drop is not None:
            x = drop(depth, x)
    return kernels.multiply(x, last.weights) + last.bias[None, :]


def initial(
    sizes: Sequence[int],
    activation: str,
    *,
    seed: int,
    member: int,
    mask: np.ndarray | None = None,
) -> tuple[Layer, ...]:
    """Return one member's affine layers before training, in float32.

    Weights are normal with mean 0 and variance g / inputs, with g = 2 before a
    ReLU-like unit (He et al. 2015) and 1 otherwise (LeCun et al. 1998); biases
    are 0. What a unit does not see has the weight 0, and counts as no input.
    scikit-learn draws uniformly with variance 2 / (inputs + outputs) instead.

    Args:
        sizes: widths from the first layer's inputs to the classes.
        activation: name of the hidden activation.
        seed: the seed of the training.
        member: the number of the member; others do not influence it.
        mask: which inputs the units of the first layer see, bool (inputs, units), or
            (inputs, 1) if all see the same; None for all.
    """
    random = generator_for(seed, Purpose.INITIALISATION, member)
    layers = []
    for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
        hidden = depth < len(sizes) - 2
        gain = 2.0 if hidden and activation in {"relu", "silu"} else 1.0
        weights = random.standard_normal((inputs, outputs))
        seen: Any = inputs
        if depth == 0 and mask is not None:
            weights *= mask
            seen = np.maximum(np.count_nonzero(mask, axis=0), 1)
        weights *= np.sqrt(gain / seen)
        layers.append(Layer(weights.astype(np.float32), np.zeros(outputs, np.float32)))
    return tuple(layers)
