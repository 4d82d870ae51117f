"""The compiled C library of the kernels: whether it can be used, and if not, why.

It is compiled at the installation of epochal, if there is a C compiler. It needs AVX2 or AVX-512 with
FMA, or NEON. The environment variable `EPOCHAL_NATIVE` turns it off (`0`) or names an instruction
set (`avx2`, `avx512`, `neon`); `EPOCHAL_NATIVE_THREADS` sets the number of threads.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from epochal.errors import SettingError
from epochal.threads import thread_count

# Columns of a panel, as in `kernels.h`.
PANEL = 32
# Hidden units by their numbers in `kernels.h`.
ACTIVATIONS = ("relu", "identity", "logistic", "silu", "tanh", "selu")
LIBRARY = Path(__file__).with_name("operations.so")
VARIABLE = "EPOCHAL_NATIVE"
OPERATIONS = (
    "used_rows",
    "repeats",
    "take_rows",
    "change_layout",
    "dense",
    "dense_gradients",
    "fused_adam",
    "embed",
    "embedding_gradients",
    "cross_entropy",
    "adam",
)
# The shell command that reinstalls epochal with a compiler.
REINSTALL = (
    "install a C compiler (gcc or clang), then type: "
    "pip install --force-reinstall --no-deps --no-cache-dir --no-binary epochal epochal"
)


class State(NamedTuple):
    """Whether the C operations are in use; otherwise XLA does the same work more slowly."""

    instruction_set: str | None  # None if they are not in use
    threads: int = 0
    problem: str = ""  # why they are not in use
    hint: str = ""  # what the user can do; empty if the user has turned them off


class Opened(NamedTuple):
    """The library, which is None if the C operations are not in use, and the state of these."""

    library: Any
    state: State


@cache
def load() -> State:
    """Return the state of the library; if it can be used, it is now registered with XLA.

    Raises:
        SettingError: if an environment variable has an invalid value.
    """
    library, state = opened()
    problem = "" if library is None else _refusal(library)
    if problem:
        return State(None, problem=problem, hint="pip install --upgrade epochal jax jaxlib")
    return state


@cache
def opened() -> Opened:
    """Return the library, without XLA, which predictions do not need.

    Raises:
        SettingError: if an environment variable has an invalid value.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "0":
        return Opened(None, State(None, problem=f"{VARIABLE} is 0"))
    if not LIBRARY.exists():
        problem = "epochal was installed without a C compiler"
        return Opened(None, State(None, problem=problem, hint=REINSTALL))
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        problem = f"the operations in C cannot be loaded ({error})"
        return Opened(None, State(None, problem=problem, hint=REINSTALL))
    state = _start(library, wanted)
    return Opened(library if state.instruction_set else None, state)


def _start(library: ctypes.CDLL, wanted: str) -> State:
    """Return the state after loading the library with the instruction set that is wanted."""
    sets = instruction_sets(library)
    if not sets:
        return State(None, problem="the processor has neither AVX2 and FMA nor NEON")
    if wanted not in {"", "1", *sets}:
        raise SettingError(
            f"the environment variable {VARIABLE} is {wanted!r}",
            f"0, or an instruction set that this processor has: {', '.join(sets)}",
        )
    name = wanted if wanted in sets else sets[0]
    threads = thread_count().number
    if not library.epochal_load(name.encode(), threads):
        return State(None, problem="the system allows no more thread-local storage")
    return State(name, threads)


def instruction_sets(library: ctypes.CDLL) -> list[str]:
    """Return the instruction sets that both the library and the processor support, the best first."""
    library.epochal_instruction_sets.restype = ctypes.c_char_p
    return str(library.epochal_instruction_sets().decode()).split()


def _refusal(library: ctypes.CDLL) -> str:
    """Register the operations with XLA; return why it refuses them, or an empty text."""
    import jax

    try:
        # Only XLA knows which versions of its interface it accepts. If operations are registered
        # before the CPU backend exists, a refusal would later remove the whole CPU backend.
        jax.devices("cpu")
        for name in OPERATIONS:
            handler = jax.ffi.pycapsule(getattr(library, f"epochal_{name}"))
            jax.ffi.register_ffi_target(f"epochal_{name}", handler, platform="cpu")
    except RuntimeError as error:  # XLA's own errors are among them
        return f"XLA does not accept the operations in C ({error})"
    return ""


@cache
def warn_if_slower() -> None:
    """Warn once per process if the C operations are missing and the user can install them."""
    state = load()
    if state.hint:
        message = f"{state.problem}, so that networks train more slowly.\nHint: {state.hint}"
        warnings.warn(message, UserWarning, stacklevel=2)
