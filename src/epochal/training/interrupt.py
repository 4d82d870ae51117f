"""Ctrl-C as a request: the loop ends at the next safe point, with all its copies whole."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@dataclass
class Request:
    """Whether the user has asked to stop."""

    made: bool = False


@contextmanager
def stop_request() -> Iterator[Request]:
    """Give a request that Ctrl-C sets while the block runs; the second Ctrl-C interrupts at once.

    Outside the main thread, and where Ctrl-C does not raise KeyboardInterrupt
    in the first place, signals are left as they are.
    """
    request = Request()
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or (
        usual is not signal.default_int_handler
    ):
        yield request
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if request.made:
            signal.default_int_handler(number, frame)
        request.made = True

    signal.signal(signal.SIGINT, ask)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, usual)
