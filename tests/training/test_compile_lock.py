"""Who compiles when."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

import pytest

from epochal.training.compile_lock import CompileLock


def both_inside(compile_lock, *programs):
    """Return whether the calls of two threads meet while both are at work."""
    meeting = Barrier(2)

    def call(program):
        with compile_lock.first(program):
            try:
                meeting.wait(timeout=0.2)
            except BrokenBarrierError:
                return False
        return True

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(call, programs)) == [True, True]


@pytest.mark.parametrize("programs", [("train", "train"), ("train", "judge")])
def test_first_calls_wait_for_each_other(programs):
    """Of the same program as of two: only one thread is inside."""
    assert not both_inside(CompileLock(int), *programs)


def test_later_calls_wait_for_nobody():
    """What has been called once is compiled."""
    compile_lock = CompileLock(int)
    for program in ("train", "judge"):
        with compile_lock.first(program):
            pass

    assert both_inside(compile_lock, "train", "judge")


def test_where_memory_is_not_limited_two_programs_are_compiled_side_by_side():
    """Two threads may compile a program each, but not the same one twice."""
    assert both_inside(CompileLock(), "train", "judge")
    assert not both_inside(CompileLock(), "train", "train")


def test_memory_is_given_back_once_for_each_program():
    """After the first call, while the next waits."""
    given_back = []
    compile_lock = CompileLock(lambda: given_back.append(1))
    for program in ("train", "train", "judge", "train"):
        with compile_lock.first(program):
            pass

    assert len(given_back) == 2


def test_a_call_that_fails_does_not_keep_the_turn():
    """The next one is let in."""
    compile_lock = CompileLock(int)

    def failing():
        with compile_lock.first("train"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    with compile_lock.first("train"):
        pass
    assert compile_lock.done == {"train"}
