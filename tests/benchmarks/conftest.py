"""The benchmarks are scripts: their folder comes first on the path, as when they run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPTS = Path(__file__).parents[2] / "benchmarks"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))


def table(rows, seed):
    """Return a frame of numbers with gaps, counts, flags and categories, and a target of three."""
    random = np.random.default_rng(seed)
    size = random.normal(size=rows)
    colour = random.choice(np.array(["red", "green", None], object), rows)
    noisy = size + (colour == "red") + random.normal(scale=0.3, size=rows)
    return pd.DataFrame(
        {
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
            "count": random.integers(0, 9, rows),
            "flag": random.random(rows) < 0.5,
            "colour": colour,
            "target": np.digitize(noisy, [-0.5, 1.0]),
        }
    )


@pytest.fixture
def suite(tmp_path):
    """Return a folder with two tables and a manifest that lists another kind of file too."""
    for number, name in enumerate(("first", "second")):
        table(200, number).to_parquet(tmp_path / f"{name}.parquet")
    files = [{"name": name, "file": f"{name}.parquet"} for name in ("first", "second")]
    manifest = [*files, {"name": "pictures", "file": "pictures"}]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


@pytest.fixture
def abacus():
    """Return what a machine says of itself."""
    return {
        "processor": "Abacus",
        "vectors": "none",
        "cores": 2,
        "system": "Linux",
        "load": 0.1,
        "python": "3.11",
        "versions": {"jax": "1.0"},
        "date": "2000-01-01",
    }
