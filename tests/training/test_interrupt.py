"""Ctrl-C as a request; that the training loop heeds it is tested in test_loop."""

import os
import signal
import threading

import pytest

from epochal.training.interrupt import stop_request


def test_the_first_ctrl_c_asks_and_the_second_interrupts():
    """One signal sets the request, two raise, and afterwards the usual handler is back."""
    with stop_request() as request:
        assert not request.made
        os.kill(os.getpid(), signal.SIGINT)
        assert request.made
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_users_own_handler_stands():
    """A Ctrl-C handler of the user stays in place."""
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with stop_request() as request:
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert heard == [1]
    assert not request.made


def test_other_threads_leave_signals_alone():
    """Outside the main thread a request can be made, and no handler is installed."""
    made = []

    def work():
        with stop_request() as request:
            made.append(request.made)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert made == [False]
