"""Every "auto" becomes a value that goes by the data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.config.presets import preset
from epochal.config.resolution import batch_size_for, has_few_rows, resolved
from epochal.config.settings import SETTINGS, Settings

BY_WIDTH = {name: about.by_width for name, about in SETTINGS.items() if about.by_width is not None}


@given(st.integers(1, 10**9))
def test_automatic_batches_are_powers_of_two(rows: int) -> None:
    """The automatic batch size is a power of two from 32 to 1,024 that grows with the rows."""
    size = batch_size_for(rows)

    assert size in {32, 64, 128, 256, 512, 1024}
    assert batch_size_for(rows + 1) >= size


def test_resolved_settings_hold_numbers() -> None:
    """What was automatic is a number afterwards, and no batch is larger than the data."""
    assert resolved(Settings(), rows=1_000, columns=4).batch_size == batch_size_for(1_000)
    assert resolved(Settings(), rows=7, columns=4).batch_size == 7
    assert resolved(Settings(batch_size=100), rows=1_000, columns=4).batch_size == 100
    assert resolved(Settings(batch_size=100), rows=50, columns=4).batch_size == 50


@pytest.mark.parametrize("name", BY_WIDTH)
def test_what_goes_by_the_width_of_a_table_is_as_it_says(name: str) -> None:
    """Up to 512 columns "auto" is the first value, beyond them the second; a user's own one stays."""
    narrow, wide = BY_WIDTH[name]
    found = [getattr(resolved(Settings(), 100, columns), name) for columns in (4, 512, 513)]
    own = resolved(replace(Settings(), **{name: wide}), 100, 4)

    assert found == [narrow, narrow, wide]
    assert getattr(own, name) == wide
    assert getattr(Settings(), name) == "auto"


@pytest.mark.parametrize(
    ("image", "field"),
    [((28, 28), (10, 10)), ((32, 64), (11, 22)), ((8, 8), (4, 4)), ((100, 7), None), ((), None)],
)
def test_units_see_a_third_of_the_sides_of_images(
    image: tuple[int, ...], field: tuple[int, int] | None
) -> None:
    """Of other rows, of crops, and without a hidden layer they see everything; an own value stays."""
    own = resolved(Settings(receptive_field=(3, 4)), 100, 64, image)

    assert resolved(Settings(), 100, 64, image).receptive_field == field
    assert own.receptive_field == (3, 4)
    for whole in (Settings(hidden_layer_sizes=()), Settings(patch=(9, 9)), preset("classic")):
        assert resolved(whole, 100, 64, image).receptive_field is None


@given(st.integers(1, 20_000), st.integers(1, 10_000))
def test_rows_are_few_for_many_columns_only(rows: int, columns: int) -> None:
    """Neither more than 10,000 rows, nor 20 rows for each column, nor a table of few columns has few rows."""
    few = has_few_rows(rows, columns)

    assert few == (rows <= 10_000 and rows < 20 * columns and columns >= 32)
