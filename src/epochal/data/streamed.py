"""Rows that are read when they are gone through: what does not fit into memory is never there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Streamed:
    """Rows that can be gone through again and again, a piece at a time.

    `head` has none of them, but their columns and types, or their shape.
    `read(n)` yields all rows in their order, n at a time (the last piece may be
    shorter): the same each time, or an error if the data have changed. `digest()`
    goes through the data and returns what only the same rows return, but for
    changes that show in the head; None if there is no way to know.
    """

    n_rows: int
    head: pa.Table | np.ndarray
    read: Callable[[int], Iterator[pa.Table | np.ndarray]]
    digest: Callable[[], str] | None = None

    def where(self, chosen: np.ndarray) -> Streamed:
        """Return the rows that are chosen, bool (rows,).

        >>> rows = Streamed(6, np.empty((0, 1)), lambda n: iter(np.arange(6.0).reshape(-1, n, 1)))
        >>> few = rows.where(np.array([1, 0, 0, 1, 1, 1], bool))
        >>> [piece.ravel().tolist() for piece in few.read(3)]
        [[0.0, 3.0, 4.0], [5.0]]
        """

        def read(size: int) -> Iterator[pa.Table | np.ndarray]:
            """Yield the chosen rows, `size` at a time."""
            held: list[Any] = []
            start = count = 0
            for piece in self.read(size):
                some = chosen[start : start + piece.shape[0]]
                start += piece.shape[0]
                held.append(
                    piece.filter(pa.array(some)) if isinstance(piece, pa.Table) else piece[some]
                )
                count += held[-1].shape[0]
                if count >= size:
                    whole = _joined(held)
                    yield whole[:size]
                    held, count = [whole[size:]], count - size
            if count:
                yield _joined(held)

        def digest() -> str:
            """Return a digest of the rows and of which are chosen."""
            bits = hashlib.blake2b(np.packbits(chosen).data, digest_size=20).hexdigest()
            return f"{self.digest and self.digest()}{bits}"

        known = digest if self.digest else None
        return replace(self, n_rows=int(np.count_nonzero(chosen)), read=read, digest=known)

    def mapped(self, change: Callable[[Any], Any]) -> Streamed:
        """Return the rows with every piece changed by a function, which keeps rows apart."""

        def read(size: int) -> Iterator[pa.Table | np.ndarray]:
            """Yield the changed pieces."""
            return map(change, self.read(size))

        return replace(self, head=change(self.head), read=read)


def _joined(pieces: list[Any]) -> Any:
    """Return pieces of one kind as one."""
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], pa.Table):
        return pa.concat_tables(pieces)
    return np.concatenate(pieces)
