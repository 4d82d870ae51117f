"""Random numbers are a function of seed, purpose and numbers, and of nothing else."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.keys import Purpose, generator_for, word_for

GOLDEN_ORDER = [1, 7, 2, 0, 3, 6, 9, 4, 8, 5]
GOLDEN_WORD = 3679268941


def _draw(seed: int, purpose: Purpose, *numbers: int) -> list[int]:
    """Return the first four numbers of a stream."""
    return generator_for(seed, purpose, *numbers).integers(2**62, size=4).tolist()


@given(st.integers(0, 2**64 - 1), st.sampled_from(Purpose), st.lists(st.integers(0, 2**32)))
def test_a_stream_does_not_depend_on_what_was_drawn_before(
    seed: int, purpose: Purpose, numbers: list[int]
) -> None:
    """The same integers give the same stream, whatever other streams have done meanwhile."""
    first = _draw(seed, purpose, *numbers)
    _draw(seed + 1, purpose, *numbers)
    np.random.default_rng(seed).random(3)

    assert _draw(seed, purpose, *numbers) == first


def test_streams_differ_in_every_integer() -> None:
    """No two of the seeds, purposes, members and epochs share a stream."""
    streams = [
        _draw(seed, purpose, member, epoch)
        for seed, purpose, member, epoch in product(range(2), Purpose, range(3), range(3))
    ]

    assert len(streams) == 2 * len(Purpose) * 9
    assert all(left != right for left, right in combinations(streams, 2))


def test_words_differ_and_stay() -> None:
    """A word fits in 32 bits, stays the same, and differs between members."""
    words = [word_for(0, Purpose.DROPOUT, member) for member in range(100)]

    assert words == [word_for(0, Purpose.DROPOUT, member) for member in range(100)]
    assert len(set(words)) == 100
    assert all(0 <= number < 2**32 for number in words)


def test_the_numbers_are_those_of_the_first_release() -> None:
    """A seed gives the model that it always gave: changing these numbers breaks that promise."""
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "INITIALISATION": 1,
        "ORDER": 2,
        "DROPOUT": 3,
        "HOLDOUT": 4,
        "FOLDS": 5,
        "BOOTSTRAP": 6,
        "FEATURE_SUBSET": 7,
        "PATCH": 8,
        "EMBEDDING": 9,
        "DISK_ORDER": 10,
        "RECEPTIVE_FIELD": 11,
        "TARGET_FOLDS": 12,
        "TARGET_PROJECTION": 13,
    }
    assert generator_for(0, Purpose.ORDER, 1).permutation(10).tolist() == GOLDEN_ORDER
    assert word_for(0, Purpose.DROPOUT, 1) == GOLDEN_WORD


def test_a_stream_is_uniform() -> None:
    """The numbers of one stream fill the unit interval evenly."""
    counts, _ = np.histogram(
        generator_for(1, Purpose.BOOTSTRAP).random(10_000), bins=10, range=(0, 1)
    )

    assert counts.sum() == 10_000
    assert counts == pytest.approx(1_000, abs=150)
