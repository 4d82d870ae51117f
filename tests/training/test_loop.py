"""The loop: best copies whatever ends the training, curves, observers, Ctrl-C, resuming."""

import os
import signal
from dataclasses import asdict, replace

import jax
import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.errors import TrainingError
from epochal.kernels.library import load
from epochal.loader.batches import ArraySource, Epochs
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.validation_rows import shared_validation_set
from epochal.nn.layers import apply
from epochal.nn.losses import cross_entropy
from epochal.tables.rows import with_capacity
from epochal.training import loop, parallel
from epochal.training.early_stopping import Outcome
from epochal.training.init import fresh_state, member_configs, program_for
from epochal.training.loop import Task, _Run, train
from epochal.training.state import TrainingState
from epochal.training.validator import Validator

# Four members: on two cores two groups of one size, which share their programs.
FEATURES, CLASSES, MEMBERS = 5, 2, 4


def rows(number, seed):
    """Return rows whose labels are mostly noise, so that the validation loss soon rises."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(number, FEATURES)).astype(np.float32)
    y = (x[:, 0] + 1.5 * random.normal(size=number) > 0).astype(np.int32)
    return x, y


def task(eval_layers=True, segment_bytes=2**20, *, in_place=False, **settings):
    """Return a small training, and where it begins; its rows may be where a program can read them."""
    values = {
        "n_estimators": MEMBERS,
        "hidden_layer_sizes": (32,),
        "batch_size": 16,
        "learning_rate_init": 0.02,
        "n_iter_no_change": 3,
        "learning_rate": "constant",
        "ema_decay": 0.0,
        "calibrate": False,
    }
    values |= settings
    members = values["n_estimators"]
    ours = resolved(validated(PRESETS["default"], values), 120, FEATURES)
    program = program_for(ours, masked=False)
    x, y = rows(120, 0)
    there = with_capacity(*x.shape)
    there[:] = x
    epochs = Epochs(
        ArraySource(there if in_place else x),
        y,
        lambda r: np.ones((members, len(r)), np.float32),
        16,
        seed=4,
        segment_bytes=segment_bytes,
    )
    vx, vy = rows(90, 1)
    validation_set = (
        shared_validation_set(
            Encoded(ArraySource(vx), RowMetadata(vy, np.ones(90))), members, 2**20
        )
        if eval_layers
        else None
    )
    state = fresh_state(ours, program, (FEATURES, 32, CLASSES), None, 4)
    return Task(program, ours, member_configs(ours, 4), epochs, validation_set), TrainingState(
        state, 0
    )


def loss_of(layers, validation_set):
    """Return the mean cross-entropy of layers on the validation set, computed without the loop."""
    targets = np.eye(CLASSES)[validation_set.y]
    return float(cross_entropy(apply(layers, validation_set.x, "relu"), targets).mean())


def check_best_copies(result, validation_set):
    """Assert that the returned checkpoints have the lowest recorded validation losses."""
    for k in range(MEMBERS):
        curve = result.history.validation_loss[k]
        assert result.history.best_epoch[k] == int(np.nanargmin(curve)) + 1
        assert loss_of(result.layers[k], validation_set) == pytest.approx(min(curve), rel=1e-4)


def test_patience_returns_the_best_checkpoint():
    """Each member stops exactly n_iter_no_change epochs after its best epoch, and returns that checkpoint."""
    ours, start = task(tol=0.0)
    result = train(ours, start, 200, [])
    lengths = [len(curve) for curve in result.history.validation_loss]

    check_best_copies(result, ours.validation_set)
    assert [best + 3 for best in result.history.best_epoch] == lengths
    assert set(result.history.outcome) == {Outcome.STOPPED}
    assert min(lengths) < max(lengths)


def test_the_epoch_limit_returns_the_best_checkpoint():
    """A training that ends at max_iter, long after the lowest loss, returns the best checkpoint."""
    ours, start = task(n_iter_no_change=1000)
    result = train(ours, start, 25, [])

    check_best_copies(result, ours.validation_set)
    assert set(result.history.outcome) == {Outcome.EPOCH_LIMIT}
    assert max(result.history.best_epoch) < 25


def test_the_time_limit_returns_the_best_copy():
    """A training that ends at time_limit returns the best checkpoint so far."""
    ours, start = task(n_iter_no_change=1000, time_limit=0.5)
    result = train(ours, start, 10**6, [])

    check_best_copies(result, ours.validation_set)
    assert set(result.history.outcome) == {Outcome.TIME_LIMIT}


def test_ctrl_c_returns_the_best_copy():
    """Ctrl-C ends the training after the current segment, with the best checkpoint."""
    ours, start = task(n_iter_no_change=1000)

    def interrupt(event):
        if event.epoch == 12:
            os.kill(os.getpid(), signal.SIGINT)

    result = train(ours, start, 10**6, [interrupt])

    check_best_copies(result, ours.validation_set)
    assert set(result.history.outcome) == {Outcome.INTERRUPTED}
    assert 12 <= len(result.history.validation_loss[0]) <= 13
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupted_in_validation(monkeypatch, number):
    """Interrupt while an epoch is validated; return how many validations there were."""
    losses, done = Validator.losses, []

    def losses_and_interrupt(self, *arguments):
        done.append(None)
        if len(done) == number:
            signal.raise_signal(signal.SIGINT)
        return losses(self, *arguments)

    monkeypatch.setattr(Validator, "losses", losses_and_interrupt)
    return done


def test_ctrl_c_in_a_validation_ends_with_that_epoch(monkeypatch):
    """No further segment is trained."""
    ours, start = task(n_iter_no_change=1000)
    validations = interrupted_in_validation(monkeypatch, 5)
    result = train(ours, start, 10**6, [])

    assert len(validations) == 5
    assert result.state.epoch == 5
    assert set(result.history.outcome) == {Outcome.INTERRUPTED}


@pytest.mark.parametrize(("allowed", "epochs"), [(-1.0, 2), (1e9, 3)])
def test_ctrl_c_within_an_epoch_validates_it_if_that_is_quick(monkeypatch, allowed, epochs):
    """The part of an epoch does not count as one, if its validation would take long."""
    monkeypatch.setattr("epochal.training.loop.LONG_VALIDATION", allowed)
    monkeypatch.setattr("epochal.training.loop.MAX_WORK", 1)
    ours, start = task(n_iter_no_change=1000)
    trained, segments = _Run._trained, []

    def trained_and_interrupt(self):
        for done, losses in trained(self):
            segments.append(done)
            if done.epoch == 2:
                signal.raise_signal(signal.SIGINT)
            yield done, losses

    monkeypatch.setattr(_Run, "_trained", trained_and_interrupt)
    result = train(ours, start, 10**6, [])

    assert not segments[-1].ends
    assert result.state.epoch == epochs
    assert [len(curve) for curve in result.history.validation_loss] == [epochs] * len(result.layers)
    assert set(result.history.outcome) == {Outcome.INTERRUPTED}


def test_a_second_ctrl_c_interrupts_at_once():
    """Pressing Ctrl-C twice raises KeyboardInterrupt, and the usual handler is back."""
    ours, start = task(n_iter_no_change=1000)

    def interrupt(event):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(ours, start, 10**6, [interrupt])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_going_on_is_not_stopping():
    """Four epochs and then four give the bits of eight in one go."""
    ours, start = task(eval_layers=False)
    whole = train(ours, start, 8, [])
    half = train(ours, start, 4, [])
    rest = train(ours, half.state, 4, [])

    for one, other in zip(whole.layers, rest.layers, strict=True):
        np.testing.assert_array_equal(one[0].weights, other[0].weights)
        assert not np.array_equal(one[0].weights, half.layers[0][0].weights)
    assert rest.state.epoch == 8


def test_segments_do_not_change_the_result():
    """Small segments train to the same bits as whole epochs."""
    whole, pieces = task(eval_layers=False), task(eval_layers=False, segment_bytes=700)
    assert pieces[0].epochs.capacity < whole[0].epochs.capacity

    one, other = train(*whole, 4, []), train(*pieces, 4, [])

    for mine, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(mine[0].weights, theirs[0].weights)
    np.testing.assert_allclose(one.history.training_loss, other.history.training_loss, rtol=1e-6)


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize(
    ("l2", "outcome"), [(0.0, Outcome.EPOCH_LIMIT), (100.0, Outcome.NON_FINITE)]
)
def test_several_epochs_in_a_segment_are_those_one_by_one(monkeypatch, l2, outcome, cores):
    """Curves, layers and events are the same, also of members that diverge in between.

    With one group two segments are started before the first is awaited, with two groups one.
    """
    monkeypatch.setattr(parallel.threads, "number", lambda: cores)
    ours, start = task(eval_layers=False, solver="sgd", momentum=0.0, l2=l2)
    results, told = [], []
    for work in (loop.MAX_SEGMENT_WORK, 0):
        monkeypatch.setattr(loop, "MAX_SEGMENT_WORK", work)
        events = []
        results.append(train(ours, start, 20, [events.append]))
        told.append([replace(event, seconds=0.0) for event in events])
    one, other = results

    assert set(one.history.outcome) == {outcome}
    np.testing.assert_equal(asdict(one.history), asdict(other.history))
    np.testing.assert_equal(*([asdict(event) for event in events] for events in told))
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(mine[0].weights, theirs[0].weights)


@pytest.mark.parametrize("eval_layers", [False, True])
@pytest.mark.parametrize("l2", [0.0, 100.0])
def test_rows_in_place_train_to_the_same_bits(monkeypatch, l2, eval_layers):
    """Gathered by the host or by the program, and pipelined or not, batches train to the same bits."""
    monkeypatch.setattr(loop, "MAX_SEGMENT_WORK", 0)
    results, told = [], []
    for in_place, ahead in [(False, 0), (True, 0), (True, 2**40)]:
        monkeypatch.setattr(loop, "MAX_PIPELINED_WORK", ahead)
        ours = task(
            eval_layers, 700, in_place=in_place, n_estimators=1, solver="sgd", momentum=0.0, l2=l2
        )
        events = []
        results.append(train(*ours, 20, [events.append]))
        told.append([replace(event, seconds=0.0, training_loss=()) for event in events])

    np.testing.assert_equal(told[0], told[1])
    np.testing.assert_equal(told[0], told[2])
    for other in results[1:]:
        np.testing.assert_equal(results[0].history.best_epoch, other.history.best_epoch)
        for mine, theirs in zip(results[0].layers, other.layers, strict=True):
            np.testing.assert_array_equal(mine[0].weights, theirs[0].weights)


def test_a_training_ends_with_the_epochs_of_its_callbacks(monkeypatch):
    """Epochs that train while callbacks of earlier ones run are not in the state that is returned."""
    # One group: begun at once, and in this thread.
    monkeypatch.setattr(parallel.threads, "number", lambda: 1)
    plan, start = task(eval_layers=False, early_stopping=False)
    told = []

    def stop_at_a_segment(event):
        told.append(event.epoch)
        if event.epoch == 9:
            os.kill(os.getpid(), signal.SIGINT)

    result = train(plan, start, 40, [stop_at_a_segment])
    again = train(plan, start, told[-1], [])

    assert told == list(range(1, result.state.epoch + 1))
    assert result.state.epoch < 40
    states = (
        one.state._replace(progress=one.state.progress._replace(seconds=0.0))
        for one in (result, again)
    )
    for mine, other in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_same_seed_gives_the_same_bits():
    """Two runs of one training are equal bit for bit."""
    one, other = train(*task(), 5, []), train(*task(), 5, [])

    for mine, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(mine[0].weights, theirs[0].weights)
    assert one.history == other.history


def test_observers_get_every_epoch():
    """Observers get an event per epoch with the figures that the history keeps."""
    ours, start = task()
    events = []
    result = train(ours, start, 200, [events.append])

    assert [event.epoch for event in events] == list(range(1, result.state.epoch + 1))
    assert events[0].rows == 120 * MEMBERS
    assert not any(events[-1].active)
    for k in range(MEMBERS):
        heard = [event.validation_loss[k] for event in events]
        curve = list(result.history.validation_loss[k])
        assert heard[: len(curve)] == curve
        assert all(np.isnan(heard[len(curve) :]))


def test_without_a_validation_set_the_last_checkpoint_is_returned():
    """Without a validation set nothing stops early, and the last epoch's weights are returned."""
    ours, start = task(eval_layers=False)
    result = train(ours, start, 4, [])

    assert result.history.best_epoch == (4,) * MEMBERS
    np.testing.assert_array_equal(
        result.layers[0][0].weights, result.state.members.layers[0].weights[0]
    )


@pytest.mark.parametrize("eval_layers", [True, False])
def test_a_loss_that_is_never_finite_is_refused(eval_layers):
    """A divergence from the first step on ends with an error that names the rate."""
    ours, start = task(eval_layers=eval_layers, learning_rate_init=1e30)

    with pytest.raises(TrainingError, match="learning_rate_init"):
        train(ours, start, 8, [])


@pytest.mark.skipif(
    not load().instruction_set, reason="XLA's one-hot labels have no class for such a label"
)
def test_a_label_that_is_no_class_ends_the_training():
    """By the error for losses that are not finite, instead of a model of rows that do not exist."""
    ours, start = task(eval_layers=False)
    ours.epochs.labels[7] = CLASSES

    with pytest.raises(TrainingError, match="was not finite"):
        train(ours, start, 4, [])


def test_the_schedule_ends_at_zero():
    """With the cosine schedule the last epochs hardly move the weights."""
    ours, start = task(eval_layers=False, learning_rate="cosine")
    constant = replace(ours, settings=replace(ours.settings, learning_rate="constant"))
    moved = {}
    for name, which in {"cosine": ours, "constant": constant}.items():
        losses = train(which, start, 8, []).history.training_loss[0]
        moved[name] = abs(losses[-1] - losses[-2])

    assert moved["cosine"] < moved["constant"]


def test_the_moving_average_is_evaluated_and_kept():
    """The checkpoint is the moving average of the weights, which begins with the first epoch's."""
    one, start = task(n_iter_no_change=1000)
    steps = [train(one, start, 1, [])]
    for _ in range(3):
        steps.append(train(one, steps[-1].state, 1, []))
    ours, begin = task(n_iter_no_change=1000, ema_decay=0.75)
    result = train(ours, begin, 4, [])

    last = [np.asarray(step.state.members.layers[0].weights) for step in steps]
    expected = last[0]
    for weights in last[1:]:
        expected = 0.75 * expected + 0.25 * weights
    np.testing.assert_allclose(result.state.members.average[0].weights, expected, atol=1e-6)
    np.testing.assert_array_equal(result.state.members.layers[0].weights, last[-1])
    check_best_copies(result, ours.validation_set)


def test_an_adaptive_rate_goes_back_and_on_in_smaller_steps():
    """A member stops when patience ends a third time, and its last steps begin at its best checkpoint."""
    ours, start = task(learning_rate="adaptive", n_iter_no_change=2, tol=0.0)
    result = train(ours, start, 200, [])

    check_best_copies(result, ours.validation_set)
    for curve, best in zip(result.history.validation_loss, result.history.best_epoch, strict=True):
        assert len(curve) >= best + 2
        assert len(curve) >= 6
        assert max(curve[-2:]) < 1.5 * min(curve)
    assert set(result.history.outcome) == {Outcome.STOPPED}


def test_a_cooldown_ends_a_member_with_small_steps():
    """After its plateau a member trains for a few epochs with a rate that falls to 0, and then stops."""
    ours, start = task(learning_rate="cooldown", n_iter_no_change=2, tol=0.0)
    result = train(ours, start, 200, [])

    check_best_copies(result, ours.validation_set)
    for curve in result.history.validation_loss:
        assert len(curve) >= 3 + 4
        last_steps = np.abs(np.diff(curve[-3:]))
        assert last_steps[-1] < np.abs(np.diff(curve[:-3])).max()
    assert set(result.history.outcome) == {Outcome.STOPPED}


def test_a_calibrated_member_is_judged_after_the_best_temperature():
    """The validation loss is the lowest that any factor on the logits gives."""
    ours, start = task(calibrate=True, n_iter_no_change=1000)
    result = train(ours, start, 12, [])
    targets = np.eye(CLASSES)[ours.validation_set.y]

    for k in range(MEMBERS):
        logits = apply(result.layers[k], ours.validation_set.x, "relu")
        lowest = min(
            float(cross_entropy(factor * logits, targets).mean())
            for factor in np.exp(np.linspace(-2.3, 1, 400))
        )
        kept = result.history.validation_loss[k][result.history.best_epoch[k] - 1]
        assert kept == pytest.approx(lowest, rel=1e-3)
        assert kept <= loss_of(result.layers[k], ours.validation_set)
