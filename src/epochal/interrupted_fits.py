"""What Ctrl-C does to a fit in Python: the model of the epochs so far, or an end to a loop of fits."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from epochal.signals import stop_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochal.signals import Request

# Searches, cross-validation and ensembles of scikit-learn fit in a loop of this module.
PARALLEL_MODULE = "joblib.parallel"


@contextmanager
def warn_if_interrupted() -> Iterator[Request]:
    """Provide the request that Ctrl-C makes in a block with a training, and warn afterwards if it was made.

    Raises:
        KeyboardInterrupt: instead of the warning, within a loop of fits, which would begin the next one.
    """
    with stop_requests() as request:
        yield request
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
        if frame.f_globals.get("__name__") == PARALLEL_MODULE:
            return True
    return False
