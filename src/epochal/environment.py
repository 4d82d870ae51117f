"""What epochal runs on: versions, kernels, threads, devices, the folder of compiled programs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from epochal import __version__

LIBRARIES = ("jax", "jaxlib", "numpy", "pyarrow", "scikit-learn", "scipy", "narwhals")


def config() -> dict[str, dict[str, Any]]:
    """Return what `show_config` shows: a part's name, and its entries by name.

    >>> list(config())
    ['versions', 'kernels', 'threads', 'devices', 'compiled programs']
    """
    import jax

    from epochal.kernels.library import load
    from epochal.threads import available, thread_count
    from epochal.training.device import programs_folder

    state, cores, threads = load(), available(), thread_count()
    if state.instruction_set:
        kernels = {"operations": "C", "instruction set": state.instruction_set}
    else:
        kernels = {"operations": "XLA", "because": state.problem}
        kernels |= {"hint": state.hint} if state.hint else {}
    devices = {
        f"{device.platform}:{device.id}": f"{device.device_kind}{' (default)' if first else ''}"
        for first, device in zip((True, *[False] * jax.device_count()), jax.devices(), strict=False)
    }
    return {
        "versions": {"epochal": __version__, "python": platform.python_version(), **_versions()},
        "kernels": {**kernels, "machine": f"{platform.system()} {platform.machine()}"},
        "threads": {
            "cores": f"{cores.number} ({cores.source})",
            "for one operation": f"{threads.number} ({threads.source})",
        },
        "devices": devices,
        "compiled programs": {"folder": programs_folder() or "not kept"},
    }


def show_config() -> None:
    """Print what epochal runs on, as a report of a mistake or of slow training needs it.

    Versions; whether training uses the operations in C or those of XLA, and why; the instruction
    set; threads, and what sets their number; devices; the folder of compiled programs.
    """
    sys.stdout.write(text())


def text() -> str:
    """Return what `show_config` prints."""
    lines = []
    for part, entries in config().items():
        width = max(map(len, entries))
        lines += [part, *(f"  {name:<{width}}  {value}" for name, value in entries.items())]
    return "\n".join(lines) + "\n"


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that are installed, by their names."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
