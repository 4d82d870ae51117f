"""Neural-network classifiers for tables and arrays.

The public names are loaded when first used: `import epochal` alone loads
neither JAX nor NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epochal.classifier import EpochalClassifier
    from epochal.config.presets import PRESETS
    from epochal.config.settings import Settings
    from epochal.environment import show_config
    from epochal.errors import (
        ColumnError,
        DataError,
        EpochalError,
        FewRowsWarning,
        MissingFileError,
        ModelError,
        SettingError,
        SourceError,
        TrainingError,
        WriteError,
    )
    from epochal.loading import load
    from epochal.predictor import Predictor, load_predictor
    from epochal.records import EpochEvent

__version__ = "0.1.0"
__all__ = [
    "PRESETS",
    "ColumnError",
    "DataError",
    "EpochEvent",
    "EpochalClassifier",
    "EpochalError",
    "FewRowsWarning",
    "MissingFileError",
    "ModelError",
    "Predictor",
    "SettingError",
    "Settings",
    "SourceError",
    "TrainingError",
    "WriteError",
    "__version__",
    "load",
    "load_predictor",
    "show_config",
]

# The module of each public name.
_HOMES = {
    "PRESETS": "epochal.config.presets",
    "EpochEvent": "epochal.records",
    "EpochalClassifier": "epochal.classifier",
    "Predictor": "epochal.predictor",
    "Settings": "epochal.config.settings",
    "load": "epochal.loading",
    "load_predictor": "epochal.predictor",
    "show_config": "epochal.environment",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in __all__:
        msg = f"module 'epochal' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES.get(name, "epochal.errors")), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
