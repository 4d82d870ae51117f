"""A training that continues from an earlier one: which settings may change, and which labels are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from epochal.config.settings import AUTO, Settings
from epochal.errors import SettingError
from epochal.nn.layers import embedding_of
from epochal.training.init import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.nn.layers import Layers

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
    "target_encoding",
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


def continued_tables(tables: np.ndarray, members: Sequence[Layers]) -> np.ndarray:
    """Return the tables of target statistics to go on with.

    With the rows of the earlier fit these are the given ones, of the labels of all other folds. Other
    rows are new rows: their statistics are those of the earlier fit, whose labels they are not in.

    Args:
        tables: of the rows that the training goes on with, (members, folds, entries, statistics).
        members: layers of the earlier fit.
    """
    earlier = [embedding_of(layers) for layers in members]
    before = np.stack([e.target.target_table for e in earlier if e is not None and e.target])
    return tables if np.array_equal(before, tables[:, -1]) else before[:, None]
