"""Initialisation of the members: program choices, masks, constants, states before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.keys import Purpose, word_for
from epochal.nn.embedding import Embedding, initial_embedding
from epochal.nn.layers import Layers, initial
from epochal.splitting.bagging import feature_mask, number_from_share
from epochal.splitting.masks import field_masks, patch_mask
from epochal.training.ensemble import stacked
from epochal.training.optimizers import Hyper, fresh_moments
from epochal.training.step import MemberConfig, MemberState, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.config.settings import Settings
    from epochal.preprocessing.feature_layout import EmbeddingSizes


def rule_for(settings: Settings) -> str:
    """Return the name of the update rule for a solver: SGD with momentum has its own."""
    return "momentum" if settings.solver == "sgd" and settings.momentum > 0 else settings.solver


def program_for(
    settings: Settings, *, masked: bool, vectorised: bool = False, coarse: int = 0
) -> Program:
    """Return the static choices for the settings, masks, device and columns."""
    return Program(
        activation=settings.activation,
        loss=settings.loss,
        rule=rule_for(settings),
        batch_size=int(settings.batch_size),
        dropout=float(settings.dropout) > 0,
        input_dropout=float(settings.input_dropout) > 0,
        masked=masked,
        calibrated=settings.calibrate,
        vectorised=vectorised,
        coarse=coarse,
    )


def masks_for(
    settings: Settings, groups: np.ndarray, shape: tuple[int, ...], units: int, seed: int
) -> Callable[[int], np.ndarray] | None:
    """Return a function from member number to input mask, or None if nothing is masked.

    The mask says which inputs each unit of the first layer has: bool (inputs, units), or (inputs, 1)
    if it is the same for all units.

    Args:
        settings: `max_features`, `patch`, `receptive_field`.
        groups: the source columns of each input of the first layer, (inputs, 2): the same column
            twice, or a pair.
        shape: of one row as given: of images (height, width[, channels]).
        units: of the first layer.
        seed: the seed of the training.
    """
    columns = len(np.unique(groups))
    patch, field = settings.patch, settings.receptive_field
    if (
        patch is None
        and field is None
        and number_from_share(settings.max_features, columns) == columns
    ):
        return None

    def mask(member: int) -> np.ndarray:
        """Return the input mask of a member."""
        result = feature_mask(settings, groups, seed, member)[:, None]
        # Images have no pairs.
        pixels = groups[:, 0]
        if patch is not None:
            result = result & patch_mask(patch, shape, seed, member).reshape(-1, 1)[pixels]
        if isinstance(field, tuple):
            fields = field_masks(field, shape, units, seed, member)
            result = result & fields.reshape(-1, units)[pixels]
        return result

    return mask


def member_configs(
    settings: Settings, seed: int, target_tables: np.ndarray | None = None
) -> MemberConfig:
    """Return the members' constants, stacked; `target_tables` are those of all members."""
    members = [
        MemberConfig(
            hyper=Hyper(
                rate=np.float32(settings.learning_rate_init),
                momentum=np.float32(settings.momentum),
                l2=np.float32(settings.l2),
                dropout=np.float32(settings.dropout),
                input_dropout=np.float32(settings.input_dropout),
            ),
            seed_word=np.uint32(word_for(seed, Purpose.DROPOUT, member)),
        )
        for member in range(settings.n_estimators)
    ]
    result: MemberConfig = stacked(members)
    return result._replace(target_tables=target_tables)


def fresh_state(
    settings: Settings,
    program: Program,
    sizes: Sequence[int],
    masks: Callable[[int], np.ndarray] | None,
    seed: int,
    embedding: EmbeddingSizes | None = None,
) -> MemberState:
    """Return the members' states before training, stacked.

    Args:
        settings: activation, size of the embedding, `ema_decay`, number of members.
        program: the static choices.
        sizes: widths from the first layer's inputs to the classes.
        masks: the function of `masks_for`.
        seed: the seed of the training.
        embedding: the sizes of the embedding; None if there is none.
    """
    layers = []
    for member in range(settings.n_estimators):
        mask = None if masks is None else masks(member)
        member_layers: Layers = initial(
            sizes, settings.activation, seed=seed, member=member, mask=mask
        )
        if embedding is not None and settings.embedding_size is not None:
            size = int(settings.embedding_size)
            fine = is_fine(settings, member)
            first = initial_embedding(
                embedding, size, seed=seed, member=member, fine=fine, classes=sizes[-1]
            )
            member_layers = (first, *member_layers)
        layers.append(member_layers)
    return started(layers, program, ema=settings.ema_decay > 0)


def with_input_scales(state: MemberState, scales: np.ndarray) -> MemberState:
    """Return fresh states whose features begin with these scales.

    Args:
        state: of members that begin with an embedding, stacked.
        scales: of values and plain features, (members, features).
    """
    embedding = state.layers[0]
    if not isinstance(embedding, Embedding):
        return state
    numbers = embedding.numeric.columns
    scale, plain = embedding.scale.copy(), embedding.plain * scales[:, numbers:]
    scale[:, :numbers] *= scales[:, :numbers, None]
    layers: Layers = (embedding._replace(scale=scale, plain=plain), *state.layers[1:])
    return state._replace(layers=layers, average=layers if state.average else ())


def is_fine(settings: Settings, member: int) -> bool:
    """Return whether a member is fine: the members of every second round of folds are."""
    if not settings.embedding_size or not isinstance(settings.n_bins, tuple):
        return False
    rounds = settings.n_folds if settings.bagging == "folds" else 1
    return member // rounds % 2 == 1


def bins_of_members(settings: Settings) -> tuple[int, int]:
    """Return the number of bins of coarse and of fine members; the same if no member is fine."""
    bins = settings.n_bins
    few, many = bins if isinstance(bins, tuple) else (int(bins), int(bins))
    has_fine = any(is_fine(settings, member) for member in range(settings.n_estimators))
    return few, many if has_fine else few


def started(layers: Sequence[Layers], program: Program, *, ema: bool) -> MemberState:
    """Return the states of members with these layers before the first step, stacked."""
    stack: Layers = stacked(layers)
    moments = fresh_moments(stack, program.rule)
    steps = np.zeros(len(layers), np.int32)
    return MemberState(stack, moments, steps, stack if ema else ())
