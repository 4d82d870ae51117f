"""With what a model was made."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from epochal import __version__


def versions() -> dict[str, str]:
    """Return the versions that a model is made with, for information.

    They are looked up, not imported: asking for JAX's version loads no JAX.

    >>> sorted(versions())
    ['epochal', 'jax', 'numpy', 'python']
    """
    found = {"epochal": __version__, "python": platform.python_version()}
    for package in ("jax", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
