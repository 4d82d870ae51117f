"""Packed rows: narrower, and the same rows when they are unpacked."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.preprocessing.packing import Packing
from epochal.preprocessing.preprocessor import Preprocessor


@settings(deadline=None, max_examples=50)
@given(
    widths=st.lists(st.integers(2, 70), max_size=4),
    gaps=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    rows=st.integers(0, 20),
)
def test_unpacking_undoes_packing(widths, gaps, rows):
    """Whatever the other features hold, and whether or not a category has a 1, bits return."""
    categories, first = [], gaps[0]
    for width, gap in zip(widths, gaps[1:], strict=False):
        categories.append((first, width))
        first += width + gap
    packing = Packing(first, tuple(categories))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, first)).astype(np.float32)
    for start, width in categories:
        x[:, start : start + width] = np.eye(width + 1)[rng.integers(0, width + 1, rows), 1:]

    packed = packing.packed(x)

    assert packed.shape == (rows, first - sum(widths) + len(widths))
    assert packing.unpacked(packed).tobytes() == x.tobytes()


def test_categories_of_a_table_are_packed(rng):
    """Shown levels are packed; two levels are one feature, and codes of vectors stay codes."""
    table = pa.table(
        {
            "size": rng.normal(size=90),
            "job": rng.choice([f"j{number}" for number in range(9)], 90),
            "sex": rng.choice(["f", "m"], 90),
        }
    )
    how = {"variance_epsilon": 1e-8, "clip": None, "max_categories": 64}
    plain = Preprocessor.fit(table, **how)
    embedded = Preprocessor.fit(table, n_bins=(4, 8), **how)

    assert (plain.n_features, plain.packing.width) == (11, 3)
    assert plain.packing.saves_memory
    assert embedded.packing.width == embedded.n_features
    assert not embedded.packing.saves_memory
    x = plain.encode(table)
    assert plain.packing.unpacked(plain.packing.packed(x)).tobytes() == x.tobytes()
