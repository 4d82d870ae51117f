"""Ctrl-C as a request: the training loop ends after the current segment, with all checkpoints."""

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
    """Provide a request that Ctrl-C makes while the block runs; a second Ctrl-C interrupts at once.

    Outside the main thread, and if Ctrl-C does not raise KeyboardInterrupt, signals stay as they are.
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
