"""The device that programs run on, and the folder in which JAX caches compiled programs."""

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
            f"device={device!r} is not available",
            f"one of: auto, {kinds}",
            "for an NVIDIA GPU install jax[cuda13]",
        ) from error


@cache
def start_xla() -> None:
    """Start XLA; in a joblib worker process, with as many CPU threads as the process's share.

    XLA creates its thread pool once, from the number of cores or the environment variable NPROC.
    """
    if threads.is_worker_process() and "NPROC" not in os.environ:
        os.environ["NPROC"] = str(threads.of_process().number)
        try:
            jax.devices("cpu")
        finally:
            del os.environ["NPROC"]


def wants_batches(device: Device) -> bool:
    """Return whether members should train as batched products: on every device but the CPU."""
    return device.platform != "cpu"


def keep_programs() -> None:
    """Let JAX cache compiled programs on disk, unless the user has configured this.

    The folder is `$EPOCHAL_CACHE`, or `epochal` in the user's cache folder; an empty `EPOCHAL_CACHE`
    turns the cache off.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    folder = programs_folder()
    if not folder:
        return
    jax.config.update("jax_compilation_cache_dir", folder)
    # Below JAX's threshold of a second: the large programs compile in about a second each, the small
    # ones in half a second in total, which a small table would wait for in every process.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def programs_folder() -> str:
    """Return the folder of compiled programs; an empty text if they are not cached."""
    folder = jax.config.values["jax_compilation_cache_dir"]
    return str(os.environ.get("EPOCHAL_CACHE", _usual_folder()) if folder is None else folder)


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Turn XLA's out-of-memory error, also one of an operation in C, into a MemoryError."""
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
