"""Neural-network classifiers for tables and arrays.

The public names are loaded when first used: `import epochal` alone loads
neither JAX nor NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epochal.classifier import EpochalClassifier, load
    from epochal.environment import show_config
    from epochal.errors import EpochalError

__version__ = "0.1.0"
__all__ = ["EpochalClassifier", "EpochalError", "__version__", "load", "show_config"]

_HOMES = {
    "EpochalClassifier": "epochal.classifier",
    "EpochalError": "epochal.errors",
    "load": "epochal.classifier",
    "show_config": "epochal.environment",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        msg = f"module 'epochal' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
