"""The validation rows on the device: losses by member, and who is asked."""

import jax
import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.loader.batches import ArraySource
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.validation_rows import shared_validation_set
from epochal.nn.layers import apply, outputs
from epochal.nn.losses import cross_entropy
from epochal.training.init import fresh_state, member_configs, program_for
from epochal.training.parallel import grouped
from epochal.training.step import CrossFitLogits, no_logits
from epochal.training.validator import Validator


@pytest.fixture
def validation_set(rng):
    """Return rows with weights that differ, which validate both of two members."""
    x = rng.normal(size=(70, 4)).astype(np.float32)
    metadata = RowMetadata(rng.integers(3, size=70).astype(np.int32), rng.uniform(0.5, 2, 70))
    return shared_validation_set(Encoded(ArraySource(x), metadata), 2, 2**20)


def test_losses_are_weighted_means_of_those_asked(validation_set):
    """Each active member's loss is that of its layers on all rows, by their weights; others have NaN."""
    values = {"n_estimators": 2, "hidden_layer_sizes": (8,), "batch_size": 8, "calibrate": False}
    settings = resolved(validated(PRESETS["default"], values), rows=100, columns=4)
    program = program_for(settings, masked=False)
    state = fresh_state(settings, program, (4, 8, 3), None, 0)
    validator = Validator(validation_set, None)
    assert validator.block < 2048

    with grouped(program, member_configs(settings, 0), state, state.layers) as groups:
        groups.reset_logits(no_logits(validator.capacity, outputs(state.layers)))
        losses = validator.losses(groups, lambda group: group.best, np.array([False, True]))
        logits = groups.gathered(lambda group: group.cross_fit_logits)

    layers = jax.tree.map(lambda leaf: leaf[1], state.layers)
    expected = apply(layers, validation_set.x, "relu")
    each = cross_entropy(expected, np.eye(3)[validation_set.y])
    assert np.isnan(losses[0])
    assert losses[1] == pytest.approx(np.average(each, weights=validation_set.weights), rel=1e-5)
    np.testing.assert_allclose(
        validator.logits_by_member(logits)[1], expected, rtol=1e-4, atol=1e-5
    )


def test_each_member_has_the_logits_of_its_own_rows(validation_set):
    """The rows behind a member's own, which only fill a block, are cut off."""
    validator = Validator(validation_set, None)
    stack = CrossFitLogits(np.ones((2, validator.capacity, 3)), np.ones((2, 2)))

    assert validator.capacity > 70
    assert [logits.shape for logits in validator.logits_by_member(stack)] == [(70, 3), (70, 3)]
