"""Networks by the operations in C against the same networks by XLA."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.learn import native
from epochal.learn.cpu import CPU
from epochal.learn.dropout import Drop
from epochal.learn.network import apply, initial

pytestmark = pytest.mark.skipif(not native.able(), reason="the operations in C are not built")


def gradients(kernels, activation, drop):
    """Return logits, and the gradients of layers and rows, of a network of 20→64→33→5."""
    layers = initial((20, 64, 33, 5), activation, seed=1, member=0)
    x = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)

    def forward(layers, x):
        return apply(layers, x, activation, drop, kernels)

    logits, chain_rule = jax.jit(lambda *of: jax.vjp(forward, *of))(layers, x)
    return jax.tree.leaves((logits, chain_rule(jnp.cos(logits))))


@pytest.mark.parametrize("activation", ["relu", "tanh", "silu"])
@pytest.mark.parametrize("hidden", [None, 0.2])
@pytest.mark.parametrize("inputs", [None, 0.1])
def test_logits_and_gradients_are_those_of_xla(activation, hidden, inputs):
    """With ReLU all layers at once, with other units product by product; with dropout and without."""
    drop = Drop(
        *(None if p is None else jnp.float32(p) for p in (hidden, inputs)),
        jnp.uint32(99),
        jnp.int32(4),
    )
    found = [gradients(k, activation, drop) for k in (native.kernels(share=True), CPU)]

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
