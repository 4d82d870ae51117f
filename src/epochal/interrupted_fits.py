"""What Ctrl-C does to a fit in Python: the model of the epochs so far, or an end to a loop of fits."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from epochal.signals import stop_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

# Searches, cross-validation and ensembles of scikit-learn fit in a loop of this module.
LOOPS = "joblib.parallel"


@contextmanager
def told_interruptions() -> Iterator[None]:
    """Warn after a block with a training that Ctrl-C has ended; within a loop of fits interrupt that as well.

    Raises:
        KeyboardInterrupt: if the block is within a loop of fits, which would begin the next one.
    """
    with stop_requests() as request:
        yield
    if not request.made:
        return
    if in_loop_of_fits():
        raise KeyboardInterrupt
    message = "interrupted: the model has the best checkpoints of the epochs so far"
    warnings.warn(message, UserWarning, stacklevel=4)


def in_loop_of_fits() -> bool:
    """Return whether joblib has called, directly or not, what runs now.

    >>> from joblib import Parallel, delayed
    >>> in_loop_of_fits(), Parallel()([delayed(in_loop_of_fits)()])
    (False, [True])
    """
    frame = sys._getframe()  # noqa: SLF001 - the one way to see callers
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__") == LOOPS:
            return True
    return False
