"""Early stopping as a state machine: one loss in, one decision out, per member.

A member stops after exactly `n_iter_no_change` epochs in a row without an improvement greater than
`tol`. Checkpoints do not depend on `tol`: every new low of the validation loss is kept.

With reductions, a member that would stop returns to its best checkpoint instead and continues with a
smaller learning rate, the given number of times.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a member's training ended; the values are the messages for users."""

    IMPROVING = "still training"
    STOPPED = "stopped: no improvement for n_iter_no_change epochs"
    EPOCH_LIMIT = "reached max_iter"
    TIME_LIMIT = "reached time_limit"
    INTERRUPTED = "interrupted by the user"
    NON_FINITE = "stopped: the loss was no longer finite"


class StoppingState(NamedTuple):
    """The memory of a member's losses.

    `reference` is the loss at the last improvement greater than tol, from which patience counts.
    `best_loss` and `best_epoch` are those of the best checkpoint (epoch 0: none yet).
    """

    reference: float = math.inf
    waited: int = 0
    reductions: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0


class StoppingDecision(NamedTuple):
    """The decision after an epoch: the new state, whether to keep a checkpoint, whether to stop.

    `reduce`: restore the best checkpoint and reduce the learning rate.
    """

    state: StoppingState
    keep: bool
    stop: bool
    reduce: bool = False


def decide_after_epoch(
    state: StoppingState,
    epoch: int,
    loss: float,
    *,
    tol: float,
    n_iter_no_change: int,
    reductions: int = 0,
) -> StoppingDecision:
    """Return the decision after an epoch.

    NaN is no improvement and no new low.

    Args:
        state: the state after the epoch before.
        epoch: the number of the epoch, from 1.
        loss: the validation loss after it.
        tol: only greater improvements reset patience.
        n_iter_no_change: patience, in epochs.
        reductions: how often the rate is reduced before the member stops.

    >>> state = StoppingState()
    >>> for epoch, loss in enumerate([1.0, 0.5, 0.6, float("nan")], start=1):
    ...     state, keep, stop, _ = decide_after_epoch(state, epoch, loss, tol=0.0, n_iter_no_change=2)
    ...     print(keep, stop, state.best_epoch)
    True False 1
    True False 2
    False False 2
    False True 2
    """
    improved = loss < state.reference - tol
    keep = loss < state.best_loss
    waited = 0 if improved else state.waited + 1
    over = waited >= n_iter_no_change
    reduce = over and state.reductions < reductions
    new = StoppingState(
        reference=loss if improved else state.reference,
        waited=0 if reduce else waited,
        reductions=state.reductions + reduce,
        best_loss=loss if keep else state.best_loss,
        best_epoch=epoch if keep else state.best_epoch,
    )
    return StoppingDecision(new, keep, over and not reduce, reduce)
