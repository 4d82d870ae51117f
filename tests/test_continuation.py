"""Settings to go on with: what may change, and what a network is made with."""

from dataclasses import replace

import pytest

from epochal.config.presets import PRESETS
from epochal.config.settings import AUTO
from epochal.continuation import continued
from epochal.errors import SettingError

OLD = replace(PRESETS["default"], hidden_layer_sizes=(8,), embedding_size=4)


def test_limits_may_change_and_auto_is_what_was_chosen():
    """More epochs are taken over; "auto" is the earlier training's choice."""
    new = continued(replace(OLD, max_iter=7, embedding_size=AUTO), OLD)

    assert (new.max_iter, new.embedding_size) == (7, 4)


@pytest.mark.parametrize(
    ("name", "value"), [("hidden_layer_sizes", (9,)), ("n_estimators", 3), ("solver", "sgd")]
)
def test_what_networks_are_made_with_is_refused(name, value):
    """The setting is named, with both values."""
    with pytest.raises(SettingError, match=name):
        continued(replace(OLD, **{name: value}), OLD)


def test_momentum_is_refused_where_it_changes_the_rule():
    """With momentum 0 there is no moment to continue with."""
    plain = replace(OLD, solver="sgd", momentum=0.0)
    with pytest.raises(SettingError, match="momentum"):
        continued(replace(plain, momentum=0.9), plain)
