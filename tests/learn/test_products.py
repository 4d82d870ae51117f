"""Products: whatever their form, the values are those of the plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.learn.products import NARROW, is_narrow, product

RANDOM = np.random.default_rng(0)


def pair(outputs, members=()):
    """Return rows and weights for a layer of so many outputs."""
    x = RANDOM.normal(size=(*members, 20, 7)).astype(np.float32)
    w = RANDOM.normal(size=(*members, 7, outputs)).astype(np.float32)
    return jnp.asarray(x), jnp.asarray(w)


@pytest.mark.parametrize("outputs", [1, 2, NARROW, NARROW + 1])
def test_the_product_and_its_gradients_are_the_plain_ones(outputs):
    """X W, g Wᵀ and xᵀ g come out to float32 rounding, narrow or wide."""
    x, w = pair(outputs)
    g = jnp.asarray(RANDOM.normal(size=(20, outputs)), jnp.float32)
    value, chain_rule = jax.vjp(product, x, w)
    at_x, at_w = chain_rule(g)
    x, w, g = (np.asarray(a, np.float64) for a in (x, w, g))

    np.testing.assert_allclose(value, x @ w, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(at_x, g @ w.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(at_w, x.T @ g, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("outputs", [3, NARROW + 1])
def test_it_can_be_mapped_over_members(outputs):
    """Under vmap each member has its own product and gradients."""
    x, w = pair(outputs, (4,))

    def loss(x, w):
        return jnp.sum(product(x, w) ** 2)

    mapped = jax.vmap(jax.grad(loss, argnums=(0, 1)))(x, w)
    for k in range(4):
        for ours, theirs in zip(mapped, jax.grad(loss, argnums=(0, 1))(x[k], w[k]), strict=True):
            np.testing.assert_allclose(ours[k], theirs, rtol=1e-5, atol=1e-5)


def test_both_forms_are_tested():
    """The sizes above lie on both sides of the bound."""
    assert is_narrow(pair(NARROW)[1])
    assert not is_narrow(pair(NARROW + 1)[1])
