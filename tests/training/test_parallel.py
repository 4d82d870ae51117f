"""Groups of members: whichever they are, members come out the same and in their order."""

import time
import weakref
from threading import Barrier, BrokenBarrierError

import jax
import numpy as np
import pytest

from epochal import EpochalClassifier
from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training import parallel as room
from epochal.training.ensemble import unstacked
from epochal.training.init import fresh_state, member_configs, program_for
from epochal.training.parallel import grouped


def setting(members, *, vectorised=False):
    """Return the arguments of `grouped` for a number of members."""
    values = {"n_estimators": members, "batch_size": 8, "l2": 0.025}
    settings = resolved(validated(PRESETS["default"], values), rows=100, columns=3)
    program = program_for(settings, masked=False, vectorised=vectorised)
    state = fresh_state(settings, program, (3, 4, 2), None, 0)
    return program, member_configs(settings, 0), state, state.layers


def two_kinds():
    """Return the arguments of `grouped` for five members, of which the third and fourth are fine."""
    values = {"n_estimators": 5, "n_folds": 2, "embedding_size": 2, "n_bins": (3, 9)}
    settings = validated(PRESETS["default"], values | {"batch_size": 8, "l2": 0.025})
    settings = resolved(settings, rows=100, columns=3)
    sizes = EmbeddingSizes(numbers=2, coarse=3, intervals=9, plain=1, categories=0, levels=0)
    program = program_for(settings, masked=False, coarse=sizes.coarse)
    state = fresh_state(settings, program, (sizes.inputs(2), 4, 2), None, 0, sizes)
    return program, member_configs(settings, 0), state, state.layers


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_every_member_is_in_one_group(monkeypatch, threads):
    """On any number of cores each member is in exactly one group, and gathered in order."""
    monkeypatch.setattr(room.threads, "number", lambda: threads)
    program, fixed, state, best = setting(5)

    with grouped(program, fixed, state, best) as groups:
        numbers = np.concatenate([group.numbers for group in groups.groups])
        figures = groups.start(lambda group: group.numbers * 10.0)()
        gathered = unstacked(groups.gathered(lambda group: group.best))

    assert len(groups.groups) == min(threads, 5)
    assert sorted(numbers) == [0, 1, 2, 3, 4]
    assert figures.tolist() == [0, 10, 20, 30, 40]
    for k in range(5):
        np.testing.assert_array_equal(gathered[k][0].weights, best[0].weights[k])


@pytest.mark.parametrize(("threads", "alone"), [(1, True), (2, False)])
def test_a_group_beside_others_keeps_to_its_core(monkeypatch, threads, alone):
    """The steps of a single group are shared between the cores; those of several are not."""
    monkeypatch.setattr(room.threads, "number", lambda: threads)

    with grouped(*setting(4)) as groups:
        assert {group.program.alone for group in groups.groups} == {alone}


def test_a_group_has_its_members_on_the_device(monkeypatch):
    """So programs write to what they are given, in the first epoch too; nothing is shared with others."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    program, fixed, state, best = setting(3)

    with grouped(program, fixed, state, best) as groups:
        of_state = [leaf for group in groups.groups for leaf in jax.tree.leaves(group.state)]
        of_best = [leaf for group in groups.groups for leaf in jax.tree.leaves(group.best)]
        places = [leaf.unsafe_buffer_pointer() for leaf in of_state]
        places += [leaf.ctypes.data for leaf in (*of_best, *jax.tree.leaves(best))]

    assert len(of_state) == 2 * len(jax.tree.leaves(state))
    assert len(of_best) == 2 * len(jax.tree.leaves(best))
    assert len(set(places)) == len(places)


def test_arrays_of_groups_are_freed_when_they_are_copied(monkeypatch):
    """While the last array is gathered, the first array of each group is already freed."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    program, fixed, state, best = setting(4)
    alive = []

    with grouped(program, fixed, state, best) as groups:
        first = [weakref.ref(jax.tree.leaves(group.state)[0]) for group in groups.groups]
        last = jax.tree.leaves(best)[-1].shape
        zeros = np.zeros

        def recorded(shape, dtype):
            """Return zeros, and record which arrays there are when the last ones are made."""
            if shape == last:
                alive[:] = [reference() is not None for reference in first]
            return zeros(shape, dtype)

        monkeypatch.setattr(room.np, "zeros", recorded)
        assert all(reference() is not None for reference in first)
        end, copies = groups.gathered(lambda group: group.pop_result())

    assert alive == [False, False]
    np.testing.assert_array_equal(end.layers[0].weights, state.layers[0].weights)
    np.testing.assert_array_equal(copies[0].weights, best[0].weights)


def test_members_that_train_as_one_product_are_one_group():
    """A device that wants wide products gets all members at once."""
    with grouped(*setting(5, vectorised=True)) as groups:
        assert len(groups.groups) == 1


def test_only_the_copies_named_are_renewed(monkeypatch):
    """`keep` is by member number, whatever the group."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    program, fixed, state, best = setting(4)
    other = jax.tree.map(lambda leaf: leaf + 1, best)

    with grouped(program, fixed, state, other) as groups:
        groups.keep_best(np.array([True, False, False, True]))
        kept = unstacked(groups.gathered(lambda group: group.best))

    for k, renewed in enumerate([True, False, False, True]):
        expected = best if renewed else other
        np.testing.assert_array_equal(kept[k][0].weights, expected[0].weights[k])


def test_only_the_members_named_are_restored(monkeypatch):
    """Their layers and moving averages become the best checkpoints; later epochs leave these alone."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    program, fixed, state, best = setting(4)
    assert state.average
    other = jax.tree.map(lambda leaf: leaf + 1, best)

    with grouped(program, fixed, state, other) as groups:
        groups.restore_best(np.array([True, False, False, True]))
        after = unstacked(groups.gathered(lambda group: group.state))
        for group in groups.groups:
            group.update_ema(np.zeros(4))
            for part in jax.tree.leaves((group.state.layers, group.state.average)):
                part.delete()
        kept = groups.gathered(lambda group: group.best)

    for k, restored in enumerate([True, False, False, True]):
        for part in (after[k].layers, after[k].average):
            expected = other if restored else best
            np.testing.assert_array_equal(part[0].weights, expected[0].weights[k])
        np.testing.assert_array_equal(after[k].moments[0][0].weights, 0.0)
    np.testing.assert_array_equal(kept[0].weights, other[0].weights)


def test_an_error_in_a_thread_is_raised(monkeypatch):
    """What goes wrong in a group's thread comes out where it is waited for."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)

    def work(group):
        message = f"group of {len(group.numbers)}"
        raise RuntimeError(message)

    with grouped(*setting(4)) as groups, pytest.raises(RuntimeError, match="group of 2"):
        groups.start(work)()


@pytest.mark.parametrize("trim_heap", [None, int])
def test_with_limited_memory_groups_compile_one_after_the_other(monkeypatch, trim_heap):
    """Groups of different variants compile at the same time, unless memory is limited."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    monkeypatch.setattr(room, "FEW_BINS", 0)
    meeting = Barrier(2)

    def met(group):
        try:
            meeting.wait(timeout=0.2)
        except BrokenBarrierError:
            return np.zeros(len(group.numbers))
        return np.ones(len(group.numbers))

    with grouped(*two_kinds(), trim_heap=trim_heap) as groups:
        assert groups.start(met, "train")()[[0, 2]].all() == (trim_heap is None)


def test_groups_of_one_kind_compile_their_program_once(monkeypatch):
    """The second waits while the first is in the call that may compile."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    inside, most = [], []

    def work(group):
        inside.append(1)
        time.sleep(0.05)
        most.append(len(inside))
        inside.pop()
        return np.zeros(len(group.numbers))

    with grouped(*setting(4)) as groups:
        groups.start(work, "train")()

    assert most == [1, 1]


@pytest.mark.parametrize("threads", [1, 2])
def test_smooth_members_do_not_carry_the_knots_of_fine_ones(monkeypatch, threads):
    """Each variant has separate groups; gathered, all members have tables of the original size."""
    monkeypatch.setattr(room.threads, "number", lambda: threads)
    monkeypatch.setattr(room, "FEW_BINS", 17)
    program, fixed, state, best = two_kinds()

    with grouped(program, fixed, state, best) as groups:
        room_of = {int(k): group.intervals for group in groups.groups for k in group.numbers}
        # Of each kind one, so that threads compile the programs of both at the same time.
        assert {group.intervals for group in groups.groups[:2]} == {3, 9}
        gathered = unstacked(groups.gathered(lambda group: group.best))

    assert room_of == {0: 3, 1: 3, 2: 9, 3: 9, 4: 3}
    for k in range(5):
        for name, stack in state.layers[0].parameters().items():
            np.testing.assert_array_equal(gathered[k][0].parameters()[name], stack[k])


def test_with_few_knots_both_kinds_share_a_program(monkeypatch):
    """If two columns of nine bins are few, each group has members of both variants."""
    monkeypatch.setattr(room.threads, "number", lambda: 2)
    monkeypatch.setattr(room, "FEW_BINS", 18)

    with grouped(*two_kinds()) as groups:
        assert [group.intervals for group in groups.groups] == [9, 9]
        assert [group.numbers.tolist() for group in groups.groups] == [[0, 2, 4], [1, 3]]


def test_whether_kinds_share_a_program_shows_in_rounding_only(monkeypatch):
    """Knots that a smooth member carries in vain stay 0."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    weights = []
    for few in (0, 10_000):
        monkeypatch.setattr(room, "FEW_BINS", few)
        settings = {"n_estimators": 4, "n_folds": 2, "hidden_layer_sizes": (8,), "max_iter": 3}
        settings |= {"early_stopping": False, "ema_decay": 0.0}
        ours = EpochalClassifier(**settings, random_state=0).fit(x, y)
        weights.append([member.coefs_[0] for member in ours.estimators_])

    np.testing.assert_allclose(*weights, atol=1e-6)
