"""Settings of a training that continues from an earlier one: which of them may change."""

from __future__ import annotations

from dataclasses import replace

from epochal.config.settings import AUTO, Settings
from epochal.errors import SettingError
from epochal.training.init import rule_for

# What a network and its preprocessing are made with: not to be changed when going on.
MADE_WITH = (
    "n_estimators",
    "hidden_layer_sizes",
    "activation",
    "solver",
    "max_features",
    "patch",
    "receptive_field",
    "variance_epsilon",
    "clip",
    "sqrt_transform",
    "max_categories",
    "embedding_size",
    "n_bins",
)


def continued(new: Settings, old: Settings) -> Settings:
    """Return the settings to go on with; refuse what a network that is there cannot change to."""
    chosen_before = {name: getattr(old, name) for name in MADE_WITH if getattr(new, name) == AUTO}
    new = replace(new, **chosen_before)
    changed = [name for name in MADE_WITH if getattr(new, name) != getattr(old, name)]
    # Only with the same solver is it momentum that decides about the rule.
    if changed or rule_for(new) != rule_for(old):
        changed = changed or ["momentum"]
        name = changed[0]
        raise SettingError(
            f"{name}={getattr(new, name)!r} in a training that continues from one with "
            f"{name}={getattr(old, name)!r}",
            "the same",
            "set it back, or train a new model",
        )
    return new
