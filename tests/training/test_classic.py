"""The classical recipe against a plain float64 NumPy reference, parameter by parameter.

The reference is written from the formulas: forward pass, s - y, chain rule by
hand, L2, dropout with the same masks, momentum, order of rows, short last
batch. It shares with the library only what is random: initial weights, order,
masks.
"""

import numpy as np
import pytest

from epochal import EpochalClassifier
from epochal.keys import Purpose, generator_for, word_for
from epochal.nn.dropout import keep_mask
from epochal.nn.layers import initial

ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 130, 5, 3, 32, 3
SEED = 11


def table():
    """Return rows with means and scales of their own, and labels that depend on them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, FEATURES)) * [1, 10, 0.1, 5, 2] + [0, 100, -3, 7, 1]
    y = (random.normal(size=ROWS) + (x[:, 0] > 0) + (x[:, 3] > 7)).clip(0, 2).astype(int)
    return x, y


def mask_of(seed_word, step, depth, dropout, shape):
    """Return the factors of a layer's units: the library's mask, scaled to keep the mean.

    The program's batches always have BATCH rows; a short one has padding behind.
    """
    mask = keep_mask((BATCH, shape[1]), np.float32(dropout), seed_word, np.int32(step), depth)
    return mask[: shape[0]] / (1 - dropout)


def reference(x, y, *, hidden, rate, l2, momentum, dropout, input_dropout, loss):
    """Return weights and biases after three epochs of the written recipe, in float64."""
    x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-8)
    sizes = (FEATURES, *hidden, CLASSES)
    layers = initial(sizes, "relu", seed=SEED, member=0)
    w = [layer.weights.astype(np.float64) for layer in layers]
    b = [layer.bias.astype(np.float64) for layer in layers]
    vw, vb = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in b]
    seed_word = np.uint32(word_for(SEED, Purpose.DROPOUT, 0))
    step = 0
    for epoch in range(EPOCHS):
        rows = generator_for(SEED, Purpose.ORDER, epoch).permutation(ROWS)
        for start in range(0, ROWS, BATCH):
            batch = rows[start : start + BATCH]
            seen = mask_of(seed_word, step, -1, input_dropout, x[batch].shape)
            h, masks = [x[batch] * seen], []
            for depth in range(len(w) - 1):
                out = np.maximum(h[-1] @ w[depth] + b[depth], 0)
                masks.append(mask_of(seed_word, step, depth, dropout, out.shape))
                out = out * masks[-1]
                h.append(out)
            o = h[-1] @ w[-1] + b[-1]
            s = np.exp(o - o.max(axis=1, keepdims=True))
            s /= s.sum(axis=1, keepdims=True)
            t = np.eye(CLASSES)[y[batch]]
            if loss == "cross_entropy":
                delta = s - t
            else:
                delta = 2 * s * ((s - t) - (s * (s - t)).sum(axis=1, keepdims=True))
            delta = delta / len(batch)
            slopes = []
            for depth in reversed(range(len(w))):
                slopes.append((depth, h[depth].T @ delta, delta.sum(axis=0)))
                if depth:
                    delta = delta @ w[depth].T
                    delta = delta * masks[depth - 1]
                    delta = delta * (h[depth] > 0)
            for depth, slope_w, slope_b in slopes:
                vw[depth] = momentum * vw[depth] - rate * slope_w
                vb[depth] = momentum * vb[depth] - rate * slope_b
                w[depth] = w[depth] * (1 - 2 * rate * l2) + vw[depth]
                b[depth] = b[depth] + vb[depth]
            step += 1
    return w, b


CASES = {
    "plain": {},
    "l2": {"l2": 0.01},
    "momentum": {"momentum": 0.9},
    "dropout": {"dropout": 0.3},
    "dropout of inputs": {"input_dropout": 0.2},
    "squared error": {"loss": "squared_error"},
    "everything, two hidden layers": {
        "l2": 0.01,
        "momentum": 0.5,
        "dropout": 0.2,
        "input_dropout": 0.1,
        "hidden_layer_sizes": (9, 6),
    },
}


def trained(case):
    """Return the library's network for a case."""
    x, y = table()
    settings = {"hidden_layer_sizes": (8,), "l2": 0.0} | CASES[case]
    classifier = EpochalClassifier(
        preset="classic",
        max_iter=EPOCHS,
        batch_size=BATCH,
        early_stopping=False,
        random_state=SEED,
        **settings,
    )
    return classifier.fit(x, y)


@pytest.mark.parametrize("case", CASES)
def test_classic_is_the_written_recipe(case):
    """After three epochs every weight and bias agrees to float32 rounding."""
    x, y = table()
    plain = {"l2": 0.0, "momentum": 0.0, "dropout": 0.0, "input_dropout": 0.0}
    settings = {"hidden_layer_sizes": (8,)} | plain | CASES[case]
    w, b = reference(
        x,
        y,
        hidden=settings["hidden_layer_sizes"],
        rate=0.1,
        l2=settings["l2"],
        momentum=settings["momentum"],
        dropout=settings["dropout"],
        input_dropout=settings["input_dropout"],
        loss=settings.get("loss", "cross_entropy"),
    )
    ours = trained(case)

    for mine, theirs in zip(ours.coefs_, w, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)
    for mine, theirs in zip(ours.intercepts_, b, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case != "plain"])
def test_the_cases_differ(case):
    """Each case trains to other weights than the plain one, so the comparison has content."""
    plain, other = trained("plain").coefs_[0], trained(case).coefs_[0]

    assert plain.shape != other.shape or not np.allclose(plain, other, rtol=1e-3)
