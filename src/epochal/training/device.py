"""Where programs run, and where compiled ones are kept between processes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from epochal import threads
from epochal.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jax import Device


def chosen(device: str) -> Device:
    """Return the device of this name: `auto` (the best there is), `cpu`, `gpu`, `tpu`.

    Raises:
        SettingError: if this machine has none of that kind.
    """
    start_xla()
    if device == "auto":
        return jax.devices()[0]
    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        kinds = ", ".join(sorted({found.platform for found in jax.devices()}))
        raise SettingError(
            f"device={device!r} is not there",
            f"one of: auto, {kinds}",
            "for an NVIDIA GPU install jax[cuda13]",
        ) from error


@cache
def start_xla() -> None:
    """Start XLA; in a process of joblib its threads for the CPU are as many as the process's share.

    XLA makes its pool once, from the number of cores or the environment variable NPROC.
    """
    if threads.is_worker_process() and "NPROC" not in os.environ:
        os.environ["NPROC"] = str(threads.of_process().number)
        try:
            jax.devices("cpu")
        finally:
            del os.environ["NPROC"]


def wants_batches(device: Device) -> bool:
    """Return whether members should be mapped as batched products: on all but the CPU."""
    return device.platform != "cpu"


def keep_programs() -> None:
    """Let JAX keep compiled programs on disk, unless the user has decided about that himself.

    They go to `$EPOCHAL_CACHE`, or `epochal` in the user's cache folder; an
    empty `EPOCHAL_CACHE` turns it off.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    folder = programs_folder()
    if not folder:
        return
    jax.config.update("jax_compilation_cache_dir", folder)
    # Below JAX's threshold for keeping: the large compile in about a second each, the small
    # in half a second together, which a small table would wait for in every process.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def programs_folder() -> str:
    """Return the folder in which compiled programs are kept, or nothing if they are not."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    return str(os.environ.get("EPOCHAL_CACHE", _usual_folder()) if folder is None else folder)


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Turn XLA's error for memory that is not there, also from an operation in C, into Python's."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not str(error).startswith("RESOURCE_EXHAUSTED"):
            raise
        message = f"there is too little memory ({error})"
        hint = "smaller hidden_layer_sizes, a smaller batch_size or fewer rows at a time need less"
        raise MemoryError(f"{message}\nHint: {hint}") from error


def _usual_folder() -> str:
    """Return the folder for compiled programs in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return str(Path(home) / "epochal" / "programs")
