"""Threads that take turns where each would compile a program.

Of threads that call the same program for the first time one compiles it, while the others
wait. If memory is limited, only one program is compiled at a time: compiling takes much more
memory than the program that comes of it, most of it for as long as the compiler works. A
default ensemble has two programs to train with, and two to validate with, whose compilers side
by side are the peak of a training (docs/PERFORMANCE.md).
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


class CompileLock:
    """Whose turn it is; with `trim_heap`, which gives back what was taken, only one's at a time."""

    def __init__(self, trim_heap: Callable[[], Any] | None = None) -> None:
        self.trim_heap = trim_heap
        self.locks: dict[Hashable, Lock] = {}
        self.done: set[Hashable] = set()

    @contextmanager
    def first(self, program: Hashable) -> Iterator[None]:
        """Call a program: alone, if it is the first time that this one is called."""
        if program in self.done:
            yield
            return
        with self.locks.setdefault(program if self.trim_heap is None else None, Lock()):
            yield
            if self.trim_heap is not None and program not in self.done:
                self.trim_heap()
            self.done.add(program)
