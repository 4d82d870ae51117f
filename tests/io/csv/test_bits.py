"""A bit for each byte: what they say is what a loop over the bytes says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.io.csv.bits import (
    after,
    are_set,
    before,
    bits_of,
    last_place,
    places_of,
    prefix_parity,
)

FLAGS = st.lists(st.booleans(), min_size=1, max_size=300).map(np.array)


def flags_of(words, count):
    """Return the flags that bits stand for."""
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:count].astype(bool)


@given(FLAGS)
def test_places_are_those_of_the_flags(flags):
    """Bits of flags give their places, and tell at any place whether it is flagged."""
    words = bits_of(flags)
    assert places_of(words).tolist() == np.flatnonzero(flags).tolist()
    assert are_set(words, np.arange(len(flags))).tolist() == flags.tolist()


@given(FLAGS, st.booleans())
def test_odd_so_far(flags, is_odd):
    """A bit is set where an odd number of flags is up to it, those before the first included."""
    expected = (np.cumsum(flags) + is_odd) % 2 == 1
    found = prefix_parity(bits_of(flags), is_odd=is_odd)
    assert flags_of(found, len(flags)).tolist() == expected.tolist()


@given(FLAGS, st.integers(1, 200))
def test_neighbours(flags, distance):
    """The bytes behind flagged ones, and those so far before them."""
    words, count = bits_of(flags), len(flags)
    assert flags_of(after(words), count)[1:].tolist() == flags[:-1].tolist()
    found = flags_of(before(words, distance), count)
    assert found.tolist() == [*flags[distance:], *[False] * min(distance, count)]


@pytest.mark.parametrize(("start", "stop"), [(0, 200), (3, 130), (64, 128), (70, 71), (0, 1)])
def test_the_last_place_between_two(start, stop):
    """The last flagged byte between two places, wherever words begin; -1 if there is none."""
    flags = np.zeros(200, bool)
    flags[[2, 63, 64, 70, 129, 199]] = True
    places = [place for place in np.flatnonzero(flags) if start <= place < stop]
    assert last_place(bits_of(flags), start, stop) == (places[-1] if places else -1)
