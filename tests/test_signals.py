"""Signals: requests of a training, and the end of a program; whole programs are in tests/cli/test_stopping.py."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from epochal import signals
from epochal.signals import Listener, Request, Stop, is_importing, stop_requests

if TYPE_CHECKING:
    from pathlib import Path


def ctrl_c() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_asks_and_the_second_interrupts() -> None:
    """One signal makes the request, two raise, and afterwards the usual handler is back."""
    with stop_requests() as request:
        request.arm()
        assert not request.made
        ctrl_c()
        assert request.made
        assert request.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_until_it_is_armed_signals_interrupt() -> None:
    """From then on they make the request, that of the outer block, also after an inner one has ended."""
    with stop_requests() as outer:
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
        with stop_requests() as middle, stop_requests() as inner:
            assert inner is middle is outer
            inner.arm()
        ctrl_c()
        assert outer.made
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_the_users_own_handler_stands() -> None:
    """A Ctrl-C handler of the user stays in place."""
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with stop_requests() as request:
            request.arm()
            ctrl_c()
    finally:
        signal.signal(signal.SIGINT, before)

    assert heard == [1]
    assert not request.made


def test_other_threads_leave_signals_alone() -> None:
    """Outside the main thread a request can be asked for, and no handler is installed."""
    made = []

    def work() -> None:
        with stop_requests() as request:
            request.arm()
            made.append(request.made)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert made == [False]


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """Return a listener that this process has, without its handlers and its thread."""
    found = Listener(lambda _: None)
    monkeypatch.setattr(signals, "_listener", found)
    return found


def test_a_listener_asks_once_and_stops_once(listener: Listener) -> None:
    """The first signal makes the request, the second raises, and all others change nothing."""
    with stop_requests() as request:
        request.arm()
        listener.heard(signal.SIGTERM, None)
        assert request.number == signal.SIGTERM
        with pytest.raises(Stop) as stopped:
            listener.heard(signal.SIGHUP, None)
        assert stopped.value.number == signal.SIGHUP
        for _ in range(10):
            listener.heard(signal.SIGINT, None)
    assert listener.request is None
    assert request.number == signal.SIGTERM


def test_without_a_training_the_first_signal_stops(listener: Listener) -> None:
    """So it is before a training begins, and where there is none; at the end of the program none does."""
    with stop_requests() as request, pytest.raises(Stop):
        listener.heard(signal.SIGINT, None)
    assert not request.made
    listener.ended = False
    before = {number: signal.getsignal(number) for number in signals.HEARD}
    try:
        signals.end()
        for number in signals.HEARD:
            os.kill(os.getpid(), number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    listener.heard(signal.SIGINT, None)


def test_nothing_is_raised_within_an_import(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal waits until the import is over."""
    (tmp_path / "slow_module.py").write_text(
        "import sys\nfrom epochal import signals\n"
        "signals._listener.heard(2, sys._getframe())\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    timers: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda _, seconds: timers.append(seconds))
    assert importlib.import_module("slow_module").whole
    assert timers == [signals.AGAIN]
    assert not listener.ended
    with pytest.raises(Stop) as stopped:
        listener._heard_again(signal.SIGALRM, sys._getframe())
    assert stopped.value.number == signal.SIGINT
    assert not is_importing(None)


def test_what_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was started to outlive its terminal does."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    set_: list[int] = []
    monkeypatch.setattr(signal, "getsignal", lambda n: handlers.get(n, signal.SIG_IGN))
    monkeypatch.setattr(signal, "signal", lambda n, _: set_.append(n))
    monkeypatch.setattr(os, "name", "another")
    Listener(lambda _: None).start()
    assert set(set_) == set(handlers)


def test_unfinished_files_are_known_while_they_are(listener: Listener) -> None:
    """The end of the process would remove them."""
    with signals.unfinished("a.tmp"):
        assert listener.unfinished == {"a.tmp"}
    assert not listener.unfinished


def test_answers_go_where_they_are_shown(listener: Listener) -> None:
    """A block may answer otherwise, and only itself."""
    before, heard = listener.say, []
    with signals.answered_by(heard.append):
        listener.say("stopping")
    assert heard == ["stopping"]
    assert listener.say is before


def test_without_a_listener_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that uses the library."""
    monkeypatch.setattr(signals, "_listener", None)
    with signals.unfinished("a.tmp"), signals.answered_by(print):
        signals.end()
    assert not Request().made
