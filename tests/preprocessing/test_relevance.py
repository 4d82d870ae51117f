"""Initial scales say which features tell of the classes, from the rows of each member only."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.preprocessing.relevance import MIN_SCALE, initial_scales

ROWS = 300


def scales(x: np.ndarray, labels: np.ndarray, classes: int = 2) -> np.ndarray:
    """Return the initial scales of a member that trains on all rows."""
    return initial_scales(x, labels, np.ones((1, len(x))), classes)[0]


def test_noise_begins_small(rng: np.random.Generator) -> None:
    """Of features that say nothing, nearly all begin near the least scale."""
    found = scales(rng.normal(size=(ROWS, 400)), rng.integers(3, size=ROWS), 3)

    assert (found < 2 * MIN_SCALE).mean() > 0.6
    assert (found > 0.5).mean() < 0.03


@pytest.mark.parametrize(
    "score",
    [
        lambda x: x,
        lambda x: x > 1.0,
        abs,
        lambda x: np.exp(5 * x),
    ],
    ids=["line", "step", "both ends", "long tail"],
)
def test_what_tells_of_a_class_begins_large(score, rng: np.random.Generator) -> None:
    """Whatever the shape of its effect, a relevant feature begins at 1 or near it."""
    x = rng.normal(size=(ROWS, 20))
    found = score(x[:, 7]) * 1.0
    labels = (found > np.quantile(found, 0.8)).astype(int)

    assert scales(x, labels).argmax() == 7
    assert scales(x, labels)[7] > 0.9


def test_a_rare_class_is_asked(rng: np.random.Generator) -> None:
    """A feature that tells of one class of ten, with a thirtieth of the rows, begins large."""
    x = rng.normal(size=(ROWS, 20))
    labels = np.where(x[:, 3] > np.quantile(x[:, 3], 0.97), 9, rng.integers(9, size=ROWS))

    assert scales(x, labels, 10)[3] > 0.9


def test_a_class_of_two_rows_tells_nothing(rng: np.random.Generator) -> None:
    """Two rows that share a rare flag are chance: nothing is concluded from them."""
    x = np.zeros((ROWS, 1))
    x[:2] = 1.0
    labels = np.r_[2, 2, rng.integers(2, size=ROWS - 2)]

    assert scales(x, labels, 3)[0] < 0.5


def test_labels_that_a_member_leaves_out_say_nothing(rng: np.random.Generator) -> None:
    """Other labels of rows with the weight 0 change nothing for that member, but do for others."""
    x, labels = rng.normal(size=(ROWS, 5)), rng.integers(2, size=ROWS)
    weights = np.ones((2, ROWS))
    weights[0, :100] = 0.0
    others = np.r_[(x[:100, 0] > 0).astype(int), labels[100:]]
    before, after = (initial_scales(x, y, weights, 2) for y in (labels, others))

    np.testing.assert_array_equal(before[0], after[0])
    assert after[1, 0] > before[1, 0]


def test_a_weight_counts_as_so_many_rows_as_it_is_among_the_others(
    rng: np.random.Generator,
) -> None:
    """The unit of the weights does not matter."""
    x, labels = rng.normal(size=(ROWS, 5)), rng.integers(2, size=ROWS)
    weight = rng.random((1, ROWS))

    np.testing.assert_allclose(
        initial_scales(x, labels, weight, 2), initial_scales(x, labels, 100 * weight, 2), rtol=1e-5
    )


@pytest.mark.parametrize("labels", [np.zeros(ROWS, int), np.arange(ROWS)], ids=["one", "as many"])
def test_without_classes_to_compare_all_begin_small(labels: np.ndarray) -> None:
    """One class for all rows, or a class for each row, says nothing of any feature; no warning is raised."""
    x = np.c_[np.arange(ROWS), np.zeros(ROWS)]

    assert scales(x, labels, int(labels.max()) + 1).tolist() == [np.float32(MIN_SCALE)] * 2
