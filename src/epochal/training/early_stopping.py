"""Early stopping as a state machine: one loss in, one decision out, per member.

A member stops after exactly `n_iter_no_change` epochs in a row without an
improvement greater than `tol`. The copy to keep is another matter: every new
low of the validation loss is kept, however small the step down to it.

With reductions, the first times that a member would stop it goes back to its
best copy instead, and on from there with smaller steps.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a member's training ended; the values are the messages."""

    IMPROVING = "still training"
    STOPPED = "stopped: no improvement for n_iter_no_change epochs"
    EPOCH_LIMIT = "reached max_iter"
    TIME_LIMIT = "reached time_limit"
    INTERRUPTED = "interrupted by the user"
    NON_FINITE = "stopped: the loss was no longer finite"


class StoppingState(NamedTuple):
    """What is remembered of a member's losses so far.

    `reference` is the loss at the last improvement greater than tol, which
    patience is measured from; `best_loss` and `best_epoch` are of the copy
    that is kept (epoch 0: none yet).
    """

    reference: float = math.inf
    waited: int = 0
    reductions: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0


class StoppingDecision(NamedTuple):
    """What follows from an epoch's loss: the new state, whether to keep the copy, to stop.

    `reduce` asks to go back to the best copy and on with a smaller rate.
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
        state: what was remembered before.
        epoch: the number of the epoch, from 1.
        loss: the validation loss after it.
        tol: an improvement counts against patience only if it is greater.
        n_iter_no_change: patience, in epochs.
        reductions: how many times to reduce the rate before stopping.

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
