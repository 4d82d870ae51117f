"""Signals of the command line: heard from its first instant to its end, whatever is running.

Ctrl-C (SIGINT), SIGTERM and SIGHUP ask the program to stop. While a training runs, the first of them is
a request: the training ends after its current batches, and its best checkpoints are saved. Otherwise,
and the second time, `Stop` is raised in the main thread, so that all that is open is closed and removed.
It is never raised within an import, which would leave a library half initialised. Further signals change
nothing.

Python calls handlers between its own instructions only. So a thread also hears the signals: it answers
at once, and if the main thread has not ended the program in time, it removes unfinished files and ends it.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
NUMBERS = tuple(int(getattr(signal, name)) for name in NAMES if hasattr(signal, name))
# With the one by which a signal is heard again.
HEARD = (*NUMBERS, int(signal.SIGALRM)) if hasattr(signal, "SIGALRM") else NUMBERS
# Seconds after which the program is ended: after a first signal without a training, after a second one.
FIRST_GRACE, SECOND_GRACE = 2.0, 0.8
# Seconds until it is looked again whether an import is over.
AGAIN = 0.05
REQUESTED = (
    "stopping after this batch; the best checkpoints will be saved (once more: stop at once)"
)
STOPPING = "stopping"
ENDED = "interrupted: no incomplete file is left"


def signal_code(number: int) -> int:
    """Return the exit code of a program that a signal has ended, as shells have it.

    >>> signal_code(signal.SIGINT)
    130
    """
    return 128 + number


class Stop(KeyboardInterrupt):
    """A signal ends the program."""

    def __init__(self, number: int) -> None:
        """Store the number of the signal."""
        super().__init__()
        self.number = number


class Request:
    """Whether a training was asked to stop, and by which signal; before it is armed, signals raise."""

    def __init__(self) -> None:
        """Begin without one."""
        self.number: int | None = None
        self._armed, self._usual = False, False

    @property
    def made(self) -> bool:
        """Whether it was asked."""
        return self.number is not None

    def arm(self) -> None:
        """Let the next signal make the request; returns nothing."""
        if self._armed or threading.current_thread() is not threading.main_thread():
            return
        self._armed = True
        if _listener is not None:
            _listener.request = self
        elif signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._usual = True
            signal.signal(signal.SIGINT, self._heard)

    def disarm(self) -> None:
        """Let signals be as they were; returns nothing."""
        if self._armed and _listener is not None:
            _listener.request = None
        if self._usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._armed, self._usual = False, False

    def _heard(self, number: int, frame: FrameType | None) -> None:
        """Make the request; the second time interrupt as usual; returns nothing."""
        if self.made:
            signal.default_int_handler(number, frame)
        self.number = number


class Listener:
    """Hears signals in the main thread and in one of its own."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Answer signals with `say`."""
        self.say = say
        # Of the training that can end with its best checkpoints.
        self.request: Request | None = None
        self.requested = False
        # Once the program ends, signals change nothing.
        self.ended = False
        self._number = int(signal.SIGINT)  # of the signal that is heard again
        self.unfinished: set[str] = set()

    def start(self) -> None:
        """Hear signals from now on; returns nothing. What the program's parent ignores stays ignored."""
        for number in NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.heard)
        if os.name != "posix":
            return
        signal.signal(signal.SIGALRM, self._heard_again)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reading,), name="signals", daemon=True).start()

    def heard(self, number: int, frame: FrameType | None) -> None:
        """Make the request, or raise `Stop`; returns nothing."""
        if self.ended:
            return
        if self.request is not None and not self.request.made:
            self.request.number, self.requested = number, True
            return
        if is_importing(frame) and os.name == "posix":
            self._number = number
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return
        self.ended = True
        raise Stop(number)

    def _heard_again(self, _: int, frame: FrameType | None) -> None:
        """Hear the signal again that came within an import; returns nothing."""
        self.heard(self._number, frame)

    def _watch(self, reading: int) -> None:
        """Answer signals, and end the program if it does not end in time; never returns."""
        count, deadline, last = 0, None, signal.SIGTERM
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not select.select([reading], [], [], left)[0]:
                self._end(last)
            for number in os.read(reading, 64):
                if number not in NUMBERS:
                    continue
                count, last = count + 1, signal.Signals(number)
                # The thread may be later than the request, and even than its end.
                requested = count == 1 and (self.requested or self.request is not None)
                if count <= 2:
                    self.say(REQUESTED if requested else STOPPING)
                    grace = FIRST_GRACE if count == 1 else SECOND_GRACE
                    deadline = None if requested else time.monotonic() + grace
                if count == 2 and not self.ended:
                    # Python takes two signals in quick succession for one.
                    self._number = number
                    os.kill(os.getpid(), signal.SIGALRM)

    def _end(self, number: int) -> None:
        """Remove unfinished files and end the process; never returns."""
        for path in tuple(self.unfinished):
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - pathlib takes longer to load than this may
        self.say(ENDED)
        with suppress(OSError):
            if os.isatty(2):
                # A live display hides the cursor.
                os.write(2, b"\x1b[?25h\n")
        os._exit(signal_code(number))


_listener: Listener | None = None


def listen(say: Callable[[str], None]) -> None:
    """Hear signals until the program ends, and answer them with `say`; returns nothing."""
    global _listener  # noqa: PLW0603 - a process has one
    _listener = Listener(say)
    _listener.start()


def end() -> None:
    """Ignore signals from now on, as the program ends anyway; returns nothing."""
    if _listener is not None:
        _listener.ended = True
        for number in HEARD:
            # While Python ends, it would give signals back to the system, which kills.
            signal.signal(number, signal.SIG_IGN)


def write_answer(text: str) -> None:
    """Write an answer to standard error, at once and from any thread; returns nothing."""
    with suppress(OSError):
        os.write(2, f"epochal: {text}\n".encode())


@contextmanager
def answered_by(say: Callable[[str], None]) -> Iterator[None]:
    """Answer signals with `say` while the block runs."""
    if _listener is None:
        yield
        return
    before, _listener.say = _listener.say, say
    try:
        yield
    finally:
        _listener.say = before


@contextmanager
def unfinished(path: str) -> Iterator[None]:
    """Have a file removed if the process is ended while the block runs."""
    if _listener is None:
        yield
        return
    _listener.unfinished.add(path)
    try:
        yield
    finally:
        _listener.unfinished.discard(path)


@contextmanager
def stop_requests() -> Iterator[Request]:
    """Provide a request that the first signal makes once it is armed; a second one raises.

    A block within another one has the request of the outer one, which stays armed until that ends.
    In a program that does not `listen`, Ctrl-C is heard, if it raises KeyboardInterrupt, and in the main
    thread only; otherwise signals stay as they are.
    """
    global _request  # noqa: PLW0603 - a process has one
    if threading.current_thread() is not threading.main_thread():
        yield Request()
    elif _request is not None:
        yield _request
    else:
        _request = Request()
        try:
            yield _request
        finally:
            _request.disarm()
            _request = None


# That of the outermost block.
_request: Request | None = None


def is_importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported in a frame or below it.

    >>> import sys
    >>> is_importing(sys._getframe())
    False
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
