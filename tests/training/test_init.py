"""Members before their first step."""

import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.nn.layers import Layer
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training.init import (
    fresh_state,
    masks_for,
    member_configs,
    program_for,
    started,
    with_input_scales,
)


def settings(**values):
    """Return settings for three members of a narrow table."""
    chosen = validated(PRESETS["default"], {"n_estimators": 3, "batch_size": 8} | values)
    return resolved(chosen, rows=100, columns=4)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"solver": "adam"}, "adam"),
        ({"solver": "sgd", "momentum": 0.9}, "momentum"),
        ({"solver": "sgd", "momentum": 0.0}, "sgd"),
    ],
)
def test_the_rule_follows_solver_and_momentum(values, rule):
    """SGD with momentum is a separate rule, since it has a moment."""
    assert program_for(settings(**values), masked=False).rule == rule


def test_dropout_is_compiled_in_only_where_it_is_used():
    """Without dropout the program has no masks."""
    assert program_for(settings(dropout=0.1), masked=False).dropout
    assert not program_for(settings(dropout=0.0), masked=False).dropout
    assert program_for(settings(input_dropout=0.1), masked=False).input_dropout
    assert not program_for(settings(), masked=False).input_dropout


def test_members_start_apart_with_moments_of_nothing():
    """Each member has its own weights, moments of 0 and no step done."""
    ours = settings()
    state = fresh_state(ours, program_for(ours, masked=False), (4, 5, 2), None, 0)

    assert state.layers[0].weights.shape == (3, 4, 5)
    assert not np.array_equal(state.layers[0].weights[0], state.layers[0].weights[1])
    assert not state.moments.first[0].weights.any()
    assert state.step.tolist() == [0, 0, 0]


def test_a_start_from_layers_has_those_layers():
    """A continued training begins with the given layers and fresh moments."""
    ours = settings()
    program = program_for(ours, masked=False)
    layers = fresh_state(ours, program, (4, 5, 2), None, 0).layers
    members = [tuple(Layer(w[k], b[k]) for w, b in layers) for k in range(3)]
    state = started(members, program, ema=False)

    np.testing.assert_array_equal(state.layers[1].weights, layers[1].weights)
    assert not state.moments.second[1].weights.any()


def test_constants_are_the_settings_per_member():
    """Rates and decays are the settings', and each member has its own seed word."""
    fixed = member_configs(settings(learning_rate_init=0.25, l2=0.5), 0)

    assert fixed.hyper.rate.tolist() == [0.25] * 3
    assert fixed.hyper.l2.tolist() == [0.5] * 3
    assert len(set(fixed.seed_word.tolist())) == 3


def twice(columns):
    """Return the source columns of inputs that are of no pair."""
    return np.stack([columns, columns], axis=1)


def test_a_patch_masks_the_features_of_its_pixels():
    """A crop of an image with an indicator feature masks pixel and indicator alike."""
    groups = np.array([0, 1, 1, 2, 3])
    masks = masks_for(settings(patch=(1, 2)), twice(groups), (2, 2), 5, 0)

    for mask in map(masks, range(3)):
        seen = {group for group, value in zip(groups, mask[:, 0], strict=True) if value}
        assert mask.shape == (5, 1)
        assert seen in ({0, 1}, {2, 3})
        assert mask[1] == mask[2]
    assert masks_for(settings(), twice(groups), (2, 2), 5, 0) is None


def test_receptive_fields_mask_the_features_of_their_pixels():
    """Every unit sees pixel and indicator alike, and nothing outside of the member's crop."""
    groups = np.array([0, 1, 1, 2, 3])
    both = settings(patch=(1, 2), receptive_field=(1, 1))
    fields = masks_for(settings(receptive_field=(1, 1)), twice(groups), (2, 2), 40, 0)
    crops = masks_for(settings(patch=(1, 2)), twice(groups), (2, 2), 40, 0)

    for member in range(3):
        seen = fields(member)
        assert seen.shape == (5, 40)
        assert np.array_equal(seen[1], seen[2])
        assert (seen[[0, 1, 3, 4]].sum(axis=0) == 1).all()
        assert seen.any(axis=1).all()
        cropped = masks_for(both, twice(groups), (2, 2), 40, 0)(member)
        np.testing.assert_array_equal(cropped, seen & crops(member))


def test_one_column_is_not_all_of_them():
    """max_features=1 is one column, and 1.0 is all."""
    groups = np.array([0, 1, 1, 2])

    for mask in map(masks_for(settings(max_features=1), twice(groups), (3,), 5, 0), range(3)):
        assert len(set(groups[mask[:, 0]])) == 1
    assert masks_for(settings(max_features=1.0), twice(groups), (3,), 5, 0) is None
    assert masks_for(settings(max_features=3), twice(groups), (3,), 5, 0) is None


def test_features_begin_with_the_scales_that_are_given():
    """Values, plain features and the moving average begin with each member's scales; categories at 1."""
    sizes = EmbeddingSizes(numbers=2, coarse=4, intervals=4, plain=1, categories=1, levels=4)
    ours = settings()
    program = program_for(ours, masked=False)
    state = fresh_state(ours, program, (sizes.inputs(8), 5, 2), None, 0, sizes)
    scales = np.arange(1, 10, dtype=np.float32).reshape(3, 3) / 10
    begun = with_input_scales(state, scales)

    for layers in (begun.layers, begun.average):
        assert layers[0].scale.shape == (3, 3, 8)
        np.testing.assert_array_equal(layers[0].scale[:, :2, 5], scales[:, :2])
        np.testing.assert_array_equal(layers[0].scale[:, 2], np.ones((3, 8)))
        np.testing.assert_array_equal(layers[0].plain, scales[:, 2:])
    assert (state.layers[0].scale == 1).all()
    assert begun.layers[1] is state.layers[1]


def test_without_an_embedding_there_are_no_scales():
    """Members that begin with an affine layer stay as they are."""
    ours = settings(embedding_size=None)
    state = fresh_state(ours, program_for(ours, masked=False), (4, 5, 2), None, 0)

    assert with_input_scales(state, np.ones((3, 4), np.float32)) is state
