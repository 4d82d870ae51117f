"""Members before their first step: what is fixed for each, and where each starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.data.bags import amount, feature_mask, patch_mask
from epochal.keys import Purpose, word
from epochal.learn.members import stacked
from epochal.learn.network import Layers, initial
from epochal.learn.optimizer import Hyper, fresh_moments
from epochal.learn.training import Fixed, MemberState, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.settings import Settings


def rule_for(settings: Settings) -> str:
    """Return the update rule: that of the solver, which with momentum keeps a moment."""
    return "momentum" if settings.solver == "sgd" and settings.momentum > 0 else settings.solver


def program_for(settings: Settings, *, masked: bool, vectorised: bool = False) -> Program:
    """Return the static choices that the settings, masks and device ask for."""
    return Program(
        activation=settings.activation,
        loss=settings.loss,
        rule=rule_for(settings),
        batch_size=int(settings.batch_size),
        dropout=settings.dropout > 0,
        masked=masked,
        vectorised=vectorised,
    )


def masks_for(
    settings: Settings, groups: np.ndarray, shape: tuple[int, ...], seed: int
) -> list[np.ndarray] | None:
    """Return which features each member sees, or None if all see all.

    Args:
        settings: `max_features`, `patch`, `n_estimators`.
        groups: the source column of each encoded feature.
        shape: of one row as it came: of images (height, width[, channels]).
        seed: the seed of the training.
    """
    columns = len(np.unique(groups))
    if settings.patch is None and amount(settings.max_features, columns) == columns:
        return None
    masks = []
    for member in range(settings.n_estimators):
        mask = feature_mask(settings, groups, seed, member)
        if settings.patch is not None:
            pixels = patch_mask(settings.patch, shape, seed, member).reshape(-1)
            mask = mask * pixels[groups]
        masks.append(mask)
    return masks


def fixed_for(settings: Settings, masks: list[np.ndarray] | None, seed: int) -> Fixed:
    """Return the members' constants, stacked."""
    nothing = np.zeros(0, np.float32)
    members = [
        Fixed(
            hyper=Hyper(
                rate=np.float32(settings.learning_rate_init),
                momentum=np.float32(settings.momentum),
                l2=np.float32(settings.l2),
                dropout=np.float32(settings.dropout),
            ),
            word=np.uint32(word(seed, Purpose.DROPOUT, member)),
            mask=nothing if masks is None else masks[member],
        )
        for member in range(settings.n_estimators)
    ]
    result: Fixed = stacked(members)
    return result


def fresh_state(
    settings: Settings,
    program: Program,
    sizes: Sequence[int],
    masks: list[np.ndarray] | None,
    seed: int,
) -> MemberState:
    """Return the members' states before training, stacked.

    Args:
        settings: activation and number of members.
        program: the static choices.
        sizes: widths from the features to the classes.
        masks: which features each member sees.
        seed: the seed of the training.
    """
    layers = [
        initial(
            sizes,
            settings.activation,
            seed=seed,
            member=member,
            mask=None if masks is None else masks[member],
        )
        for member in range(settings.n_estimators)
    ]
    return started(layers, program)


def started(layers: Sequence[Layers], program: Program) -> MemberState:
    """Return states that begin at the given layers, no step done, stacked."""
    states = [MemberState(one, fresh_moments(one, program.rule), np.int32(0)) for one in layers]
    result: MemberState = stacked(states)
    return result
