"""A lock for compilations: one thread compiles a program, and the others wait.

If memory is limited, only one program is compiled at a time: a compiler takes much more memory than
the compiled program. A default ensemble has two programs for training and two for validation, and
compiling these in parallel would be the memory peak of a training (docs/PERFORMANCE.md).
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


class CompileLock:
    """The locks of all programs; with `trim_heap`, which returns freed memory, one lock for all."""

    def __init__(self, trim_heap: Callable[[], Any] | None = None) -> None:
        self.trim_heap = trim_heap
        self.locks: dict[Hashable, Lock] = {}
        self.done: set[Hashable] = set()

    @contextmanager
    def first(self, program: Hashable) -> Iterator[None]:
        """Hold the lock of a program during its first call, which compiles it."""
        if program in self.done:
            yield
            return
        with self.locks.setdefault(program if self.trim_heap is None else None, Lock()):
            yield
            if self.trim_heap is not None and program not in self.done:
                self.trim_heap()
            self.done.add(program)
