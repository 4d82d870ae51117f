"""The sizes from which the memory of a fit is planned, beside those of real networks."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.loader.encode import RowMetadata
from epochal.model.description import layer_sizes
from epochal.planning import coverage_of, metadata_bytes, network_size, row_size
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.splitting.bagging import bags_for
from epochal.tables.dataset import Labelled
from epochal.tables.streaming import Streamed
from epochal.training.init import bins_of_members, fresh_state, program_for


def prepared(rng, preset="default", columns=5, **changed):
    """Return data, a preprocessor and resolved settings."""
    x = rng.normal(size=(300, columns)).astype(np.float32)
    settings = resolved(validated(PRESETS[preset], changed), 300, columns)
    bins = bins_of_members(settings) if settings.embedding_size else None
    preprocessor = Preprocessor.fit(
        x, variance_epsilon=1e-8, clip=3.0, max_categories=64, n_bins=bins
    )
    return Labelled(x, rng.integers(0, 2, 300)), preprocessor, settings


@pytest.mark.parametrize("preset", ["default", "classic", "fast"])
def test_a_state_has_the_planned_bytes(rng, preset):
    """The plan counts the copies and bytes of the parameters in a fresh state."""
    _, preprocessor, settings = prepared(rng, preset)
    program = program_for(settings, masked=False)
    sizes = layer_sizes(preprocessor, settings, 2)
    state = fresh_state(settings, program, sizes, None, 0, preprocessor.sizes)
    network = network_size(preprocessor, settings, 2, validates=True)

    weights = sum(leaf.nbytes for leaf in jax.tree.leaves(state.layers))
    everything = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    assert network.weights == weights
    assert network.states * weights == pytest.approx(everything, rel=0.01)


def test_coarse_members_of_wide_tables_are_smaller_in_training(rng):
    """With many bins there are two programs, and coarse members have only coarse bins."""
    _, preprocessor, settings = prepared(rng, columns=80)
    few = network_size(*prepared(rng)[1:], 2, validates=True)
    many = network_size(preprocessor, settings, 2, validates=True)

    assert (few.variants, few.trained) == (1, few.weights)
    assert many.variants == 2
    assert many.trained < many.weights


@pytest.mark.parametrize("changed", [{}, {"bagging": "bootstrap"}, {"bagging": None}])
def test_coverage_is_how_many_members_leave_out_a_row(rng, changed):
    """On average over the rows, as the bags have it."""
    data, _, settings = prepared(rng, **changed)
    bags = bags_for(settings, data.labels, 0)
    rows = sum(len(bags.oob_rows(member)) for member in range(settings.n_estimators))

    assert coverage_of(settings, 300) == pytest.approx(rows / 300, rel=0.05)


def test_rows_have_their_own_sizes(rng):
    """The row size covers features, packing, holdout and row metadata."""
    data, preprocessor, settings = prepared(rng)
    metadata = RowMetadata(data.labels, np.ones(300))
    sizes = row_size(data, metadata, (270, 30), preprocessor, settings, 2)

    assert (sizes.rows, sizes.holdout, sizes.own) == (270, 30, False)
    assert (sizes.streamed, sizes.pages) == (False, 0)
    assert sizes.row_bytes == 4 * preprocessor.n_features
    assert sizes.known == metadata_bytes(data, metadata, settings) >= 2 * 300 * (8 + 8)


def test_rows_of_a_file_have_pages(rng):
    """They have as many bytes as the stream says."""
    data, preprocessor, settings = prepared(rng)
    metadata = RowMetadata(data.labels, np.ones(300))
    streamed = Streamed(300, data.rows[:0], lambda _: iter(()), page_bytes=12_345)
    sizes = row_size(replace(data, rows=streamed), metadata, (300, 0), preprocessor, settings, 2)

    assert (sizes.streamed, sizes.pages) == (True, 12_345)
