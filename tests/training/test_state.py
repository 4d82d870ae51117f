"""The state of a training: stored, restored, and gone on from without a trace."""

import json
from dataclasses import asdict, replace

import jax
import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.errors import ModelError, SettingError
from epochal.loader.batches import ArraySource, Epochs
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.validation_rows import shared_validation_set
from epochal.nn.layers import Layer
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training.early_stopping import Outcome
from epochal.training.init import fresh_state, masks_for, member_configs, program_for
from epochal.training.loop import Task, train
from epochal.training.optimizers import AdamMoments
from epochal.training.state import EpochSums, StoredState, TrainingState
from epochal.training.step import MemberState

# Four members: on two cores two groups of one size, which share their programs.
MEMBERS, ROWS, CLASSES, SEED = 4, 120, 3, 4
SIZES = EmbeddingSizes(numbers=2, coarse=3, intervals=6, plain=2, categories=1, levels=4)
PLAIN = {
    "n_estimators": MEMBERS,
    "hidden_layer_sizes": (16,),
    "batch_size": 16,
    "embedding_size": None,
    "ema_decay": 0.0,
    "calibrate": False,
    "n_iter_no_change": 3,
}
# The settings of each kind, whether rows validate, and bytes of a segment.
KINDS = {
    "embedding, average, calibrated, adaptive": (
        {
            "embedding_size": 2,
            "n_bins": (3, 6),
            "n_folds": 2,
            "ema_decay": 0.5,
            "calibrate": True,
            "learning_rate": "adaptive",
            "learning_rate_init": 0.05,
            "n_iter_no_change": 1,
            "tol": 0.0,
        },
        True,
        2**20,
    ),
    "several epochs at once": ({}, False, 2**20),
    "cosine": ({"learning_rate": "cosine"}, True, 2**20),
    "momentum, dropout, masks": (
        {"solver": "sgd", "momentum": 0.9, "dropout": 0.2, "max_features": 0.5},
        False,
        2**20,
    ),
    "squared error, one member": ({"loss": "squared_error", "n_estimators": 1}, False, 2**20),
    "cooldown": (
        {
            "learning_rate": "cooldown",
            "learning_rate_init": 0.05,
            "n_iter_no_change": 1,
            "tol": 0.0,
        },
        True,
        2**20,
    ),
    "segments of an epoch": ({"learning_rate": "adaptive", "dropout": 0.1}, True, 3000),
}


def encoded(number, seed):
    """Return rows for the embedding above, or for none, and labels that are partly noise."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(number, 4))
    places = random.uniform(0, 3, size=(number, 4))
    codes = random.integers(4, size=(number, 1))
    y = (values[:, 0] + codes[:, 0] + random.normal(size=number)).round() % CLASSES
    return np.hstack([values, places, codes]).astype(np.float32), y.astype(np.int32)


def task(kind):
    """Return a training with these settings, and its first state."""
    values, validates, segment_bytes = KINDS[kind]
    settings = resolved(validated(PRESETS["default"], PLAIN | values), ROWS, 9)
    sizes = SIZES if settings.embedding_size else None
    widths = (SIZES.inputs(2) if sizes else 9, 16, CLASSES)
    masks = masks_for(settings, np.arange(widths[0])[:, None], (9,), 16, SEED)
    program = program_for(settings, masked=masks is not None, coarse=3)
    x, y = encoded(ROWS, 0)
    vx, vy = encoded(90, 1)
    members = settings.n_estimators
    epochs = Epochs(
        ArraySource(x),
        y,
        lambda rows: np.ones((members, len(rows)), np.float32),
        16,
        seed=SEED,
        segment_bytes=segment_bytes,
    )
    validation_set = shared_validation_set(
        Encoded(ArraySource(vx), RowMetadata(vy, np.ones(90))), members, 2**20
    )
    plan = Task(
        program,
        settings,
        member_configs(settings, SEED),
        epochs,
        validation_set if validates else None,
    )
    state = fresh_state(settings, program, widths, masks, SEED, sizes)
    return plan, TrainingState(state, 0)


def stored_and_restored(state):
    """Return a state after its arrays were copied and its values were written as JSON and read."""
    arrays, values = state.to_arrays()
    copied = {name: array.copy() for name, array in arrays.items()}
    text = json.dumps(values, allow_nan=False)
    return TrainingState.from_arrays(StoredState(copied, json.loads(text)), state.members.layers)


def assert_same(one, other):
    """Assert that two results are the same bit for bit, apart from the time that they took."""
    np.testing.assert_equal(asdict(one.history), asdict(other.history))
    mine, theirs = (
        replace_seconds(result.state) if result.state.progress else result.state
        for result in (one, other)
    )
    trees = (one.layers, one.cross_fit_logits, mine), (other.layers, other.cross_fit_logits, theirs)
    assert jax.tree.structure(trees[0]) == jax.tree.structure(trees[1])
    for a, b in zip(*map(jax.tree.leaves, trees), strict=True):
        np.testing.assert_array_equal(a, b)


def replace_seconds(state):
    """Return a state that took no time."""
    return state._replace(progress=state.progress._replace(seconds=0.0))


def checkpoints(plan, start, number):
    """Return the result of a number of epochs, and the states between segments, stored and restored."""
    states = []

    def store(state, *, last=False):
        """Keep a state."""
        assert not last
        states.append(stored_and_restored(state()))

    return train(plan, start, number, [], store), states


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_any_state_is_never_having_stopped(kind):
    """A training restored between any two segments has the same weights, curves, checkpoints and logits."""
    plan, start = task(kind)
    whole, states = checkpoints(plan, start, 9)

    assert len(states) >= (4 if plan.validation_set else 1)
    for state in states[:: max(len(states) // 4, 1)]:
        assert_same(whole, train(plan, state, 9 - state.epoch, []))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cosine"])
def test_so_many_epochs_and_more_are_all_of_them(kind):
    """Four epochs and four more are eight; only a schedule has to know how many there will be."""
    plan, start = task(kind)
    half = train(plan, start, 4, [])

    whole, rest = (
        train(plan, *begin, [])
        for begin in ((start, 8), (stored_and_restored(half.state), 8 - half.state.epoch))
    )

    assert_same(whole, rest)
    assert not np.array_equal(half.state.members.step, whole.state.members.step)


def test_a_state_holds_what_the_epochs_have_changed():
    """The cases above do contain reductions, stopped members and unfinished epochs."""
    plan, start = task("embedding, average, calibrated, adaptive")
    _, states = checkpoints(plan, start, 9)
    last = states[-1].progress
    assert last.rates.min() < 1
    assert len({curve[-1] for curve in last.validation}) == MEMBERS
    assert np.isfinite(last.cross_fit_logits.lowest).all()

    _, states = checkpoints(*task("cooldown"), 9)
    last = states[-1].progress
    assert all(cooldown.end for cooldown in last.cooldowns)
    assert 0 < last.rates.min() < 1

    _, states = checkpoints(*task("segments of an epoch"), 3)
    batches = {state.progress.batch for state in states}
    assert min(batches) == 0 < max(batches)
    assert all((state.progress.sums.rows > 0) == (state.progress.batch > 0) for state in states)


def test_members_that_have_stopped_do_not_go_on():
    """The result of a training that is over is the same again, and no observer hears of an epoch."""
    plan, start = task("cosine")
    over = train(plan, start, 60, [])
    assert set(over.history.outcome) == {Outcome.STOPPED}
    heard = []

    again = train(plan, stored_and_restored(over.state), 5, [heard.append])

    assert not heard
    assert_same(over, again)


def test_a_new_call_begins_without_progress():
    """Curves and patience start anew; members, epochs and best checkpoints stay, also when stored."""
    plan, start = task("cosine")
    done = train(plan, start, 3, [])
    begun = stored_and_restored(done.state.restarted())
    more = train(plan, begun, 2, [])

    assert begun.progress is None
    assert (begun.epoch, begun.best_epoch) == (3, done.history.best_epoch)
    for mine, its in zip(jax.tree.leaves(begun), jax.tree.leaves(done.state[:4]), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert more.state.epoch == 5
    assert [len(curve) for curve in more.history.training_loss] == [2] * MEMBERS


def test_a_state_before_the_first_epoch_is_restored():
    """There are no best checkpoints and no averages, and moments only if the rule has some."""
    for kind in ("cosine", "momentum, dropout, masks"):
        _, start = task(kind)
        again = stored_and_restored(start)

        assert again.best is None
        assert jax.tree.structure(again) == jax.tree.structure(start)
        assert bool(again.members.moments.second) == (kind == "cosine")


def test_another_seed_is_refused():
    """The order of the rows would be another one."""
    plan, start = task("cosine")
    state = train(plan, start, 2, []).state
    other = replace(plan, epochs=replace(plan.epochs, seed=SEED + 1))

    with pytest.raises(SettingError, match="of seed 4 continues with seed 5"):
        train(other, state, 2, [])
    assert train(other, state.restarted(), 2, []).state.epoch == 4


def test_segments_of_another_size_are_refused():
    """Within an epoch, a training continues only at the beginning of a segment."""
    plan, start = task("segments of an epoch")
    _, states = checkpoints(plan, start, 2)
    middle = next(state for state in states if state.progress.batch)
    other = replace(plan, epochs=replace(plan.epochs, segment_bytes=2**20))

    with pytest.raises(SettingError, match="where no segment begins"):
        train(other, middle, 2, [])


def test_sums_add_up():
    """Sums of an epoch begin at 0, and leave those before as they were."""
    before = EpochSums.zero(2)
    after = before.plus(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 5).plus(1.0, 1.0, 1)

    np.testing.assert_array_equal(after.losses, [2, 3])
    np.testing.assert_array_equal(after.weights, [4, 5])
    assert (after.rows, before.rows, before.losses.sum()) == (6, 0, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", None),
        ("epoch", -1),
        ("epoch", 1.5),
        ("best_epoch", True),
        ("best_epoch", ["1"]),
        ("progress", {}),
        ("progress", {"seed": 1, "first": 0, "batch": 0, "seconds": "x", "rows": 0, "outcome": []}),
    ],
)
def test_values_that_are_no_state_are_refused(key, value):
    """As damage, whatever the value is: a checkpoint may hold any JSON."""
    layer = Layer(np.zeros((1, 2, 2), np.float32), np.zeros((1, 2), np.float32))
    members = MemberState((layer,), AdamMoments((layer,), (layer,)), np.array([0], np.int32), ())
    stored = TrainingState(members, 1, None, (1,)).to_arrays()
    assert TrainingState.from_arrays(stored, (layer,)).epoch == 1
    with pytest.raises(ModelError, match="the state of the training is damaged"):
        TrainingState.from_arrays(stored._replace(values=stored.values | {key: value}), (layer,))
    with pytest.raises(ModelError, match="the state of the training is damaged"):
        TrainingState.from_arrays(stored._replace(arrays={}), (layer,))
