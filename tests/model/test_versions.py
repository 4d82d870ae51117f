"""The versions in a model."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from epochal import __version__
from epochal.model.versions import versions


def test_the_versions_are_those_at_work() -> None:
    """Epochal's and NumPy's version are the true ones."""
    found = versions()
    assert found["epochal"] == __version__
    assert found["numpy"] == np.__version__


def test_asking_for_versions_loads_no_jax() -> None:
    """Versions are looked up without importing the packages."""
    code = "import sys, epochal.model.versions as v; v.versions(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
