"""Early stopping: a table of losses and the decisions that follow."""

import math

import pytest

from epochal.training.early_stopping import StoppingState, decide_after_epoch

NAN = math.nan
# losses, tol, patience -> epoch of the kept copy, epoch after which it stops (None: does not)
TABLE = [
    pytest.param([3.0, 2.0, 1.0], 0.0, 2, 3, None, id="falling never stops"),
    pytest.param([1.0, 2.0, 2.0], 0.0, 2, 1, 3, id="exactly two epochs without improvement"),
    pytest.param([1.0, 1.0, 1.0], 0.0, 2, 1, 3, id="an equal loss is no improvement"),
    pytest.param([1.0, 2.0, 0.5, 2.0, 2.0], 0.0, 2, 3, 5, id="an improvement resets patience"),
    pytest.param([1.0, 0.95, 0.92, 0.91], 0.1, 3, 4, 4, id="small steps are kept, yet stop"),
    pytest.param([1.0, 0.94, 0.88, 0.87], 0.1, 3, 4, None, id="small steps add up"),
    pytest.param([1.0, NAN, NAN, NAN], 0.0, 3, 1, 4, id="NaN is no improvement"),
    pytest.param([NAN, NAN], 0.0, 2, 0, 2, id="NaN from the start keeps nothing"),
    pytest.param([NAN, 1.0, NAN, 0.5], 0.0, 2, 4, None, id="a number after NaN improves"),
    pytest.param([math.inf, math.inf], 0.0, 2, 0, 2, id="infinity is no improvement"),
    pytest.param([1.0, 1.5], 0.0, 1, 1, 2, id="patience of one"),
]


@pytest.mark.parametrize(("losses", "tol", "patience", "kept", "stops"), TABLE)
def test_decisions(losses, tol, patience, kept, stops):
    """Each series of losses keeps the checkpoint and stops at the epochs of the table."""
    state, stopped = StoppingState(), None
    for epoch, loss in enumerate(losses, start=1):
        state, keep, stop, _ = decide_after_epoch(
            state, epoch, loss, tol=tol, n_iter_no_change=patience
        )
        assert keep == (state.best_epoch == epoch)
        if stop:
            stopped = epoch
            break

    assert kept == state.best_epoch
    assert stops == stopped


@pytest.mark.parametrize("patience", [1, 2, 3, 10])
def test_it_stops_after_exactly_the_patience(patience):
    """After the last improvement come exactly n_iter_no_change epochs, not one more."""
    state = StoppingState()
    stops = []
    for epoch in range(1, 30):
        loss = 1.0 / epoch if epoch <= 5 else 1.0
        state, _, stop, _ = decide_after_epoch(
            state, epoch, loss, tol=0.0, n_iter_no_change=patience
        )
        stops.append(stop)

    assert 5 + patience == stops.index(True) + 1


def test_the_kept_loss_is_the_lowest():
    """In any order, the best checkpoint is that of the first epoch with the lowest loss."""
    losses = [0.9, 0.7, 0.8, 0.7, 0.71]
    state = StoppingState()
    for epoch, loss in enumerate(losses, start=1):
        state = decide_after_epoch(state, epoch, loss, tol=0.5, n_iter_no_change=100).state

    assert (state.best_loss, state.best_epoch) == (0.7, 2)


def test_reductions_come_before_the_stop():
    """With two reductions a member restores its best checkpoint twice, and then stops."""
    state, told = StoppingState(), []
    for epoch, loss in enumerate([1.0, 2, 2, 0.5, 2, 2, 2, 2], start=1):
        state, _, stop, reduce = decide_after_epoch(
            state, epoch, loss, tol=0.0, n_iter_no_change=2, reductions=2
        )
        told += [(epoch, "reduce")] * reduce + [(epoch, "stop")] * stop

    assert told == [(3, "reduce"), (6, "reduce"), (8, "stop")]
    assert state.best_epoch == 4
