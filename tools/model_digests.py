"""Print a digest of the weights of eight kinds of models.

Two revisions whose digests agree train the same models, bit for bit:

    python tools/model_digests.py > before.txt      # in one checkout
    python tools/model_digests.py | diff before.txt -    # in the other
"""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np
import pandas as pd

from epochal import EpochalClassifier

ROWS = 400
KINDS: dict[str, dict[str, Any]] = {
    "default": {"n_estimators": 4, "max_iter": 4},
    "classic": {"preset": "classic", "max_iter": 4},
    "fast": {"preset": "fast", "max_iter": 4},
    "bootstrap": {"n_estimators": 3, "bagging": "bootstrap", "max_iter": 4},
    "dropout and momentum": {
        "preset": "classic",
        "momentum": 0.9,
        "dropout": 0.3,
        "max_features": 0.5,
        "max_iter": 4,
    },
    "squared error": {"preset": "classic", "loss": "squared_error", "max_iter": 4},
    "silu, cosine": {
        "activation": "silu",
        "learning_rate": "cosine",
        "max_iter": 4,
        "n_estimators": 2,
    },
    "images": {"n_estimators": 2, "max_iter": 2},
}


def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows with numbers, gaps, categories and dates, and their labels."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, 4))
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    frame = pd.DataFrame(numbers, columns=list("abcd"))
    frame["city"] = rng.choice(["Graz", "Linz", "Wien", "Wels"], ROWS)
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D")
    score = np.nan_to_num(numbers[:, 0]) + (frame["city"] == "Graz") + rng.normal(size=ROWS) / 2
    return frame, np.where(score > 1, "high", np.where(score > 0, "middle", "low"))


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return images of bytes, and their labels."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (ROWS, 12, 12), dtype=np.uint8)
    return pixels, (pixels[:, :6].mean(axis=(1, 2)) > pixels[:, 6:].mean(axis=(1, 2))).astype(int)


def digest(kind: str) -> str:
    """Return the digest of the weights of a kind of model, and of its probabilities."""
    x, y = images() if kind == "images" else table()
    model = EpochalClassifier(**KINDS[kind], random_state=0).fit(x, y)
    found = hashlib.blake2b(digest_size=16)
    for layers in model.model_.members:
        for layer in layers:
            for part in layer.parameters().values():
                found.update(np.ascontiguousarray(part).tobytes())
    found.update(model.predict_proba(x).tobytes())
    return found.hexdigest()


def main() -> None:
    """Print the digests."""
    warnings.simplefilter("ignore")
    for kind in KINDS:
        print(f"{kind:24}{digest(kind)}")


if __name__ == "__main__":
    main()
