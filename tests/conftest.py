"""What holds for every test: strict JAX, two devices, one store of compiled programs; a file."""

from __future__ import annotations

import datetime
import gc
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import settings
from sklearn.datasets import load_iris

# JAX reads its environment once, when it is first imported; programs that
# tests start inherit it. What is set already stands.
_PROGRAMS = Path(__file__).parents[1] / ".cache" / "test-programs"
# Two devices on one machine, so that what is spread over devices is tested everywhere.
_FLAGS = ["--xla_force_host_platform_device_count=2"]
# XLA ends the process at a flag that it does not know; later versions may have others.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    # Programs compile in less than two thirds of the time. They run longer, and mostly to the same bits
    # (docs/PERFORMANCE.md).
    _FLAGS += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]
_ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": " ".join(_FLAGS),
    # No silent float64 to float32, and no shape that is stretched by accident.
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    # What one test compiled, the others load: in this process, its neighbours and its children.
    "JAX_COMPILATION_CACHE_DIR": str(_PROGRAMS),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
for _name, _value in _ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)

# A shell's background ignores Ctrl-C, and `nohup` ignores SIGHUP, and what is started there does; some
# tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Other work on the machine is no failure, and the same examples are tried every time.
settings.register_profile("epochal", deadline=None, derandomize=True)
settings.load_profile("epochal")


def pytest_configure(config):
    """Leave the global generators alone, so that a test that draws from them without a seed varies."""
    config.option.randomly_reset_seed = False


def pytest_collection_finish():
    """Exempt what now exists, thousands of tests among it, from garbage collection; collect less often."""
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture
def iris_file(tmp_path):
    """Return the path of the irises as a file, with a weight and a group for each."""
    x, y = load_iris(return_X_y=True)
    table = {f"x{number}": x[:, number] for number in range(4)}
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    table |= {"kind": names, "w": np.arange(150) % 3 + 1, "bed": np.arange(150) // 5}
    path = tmp_path / "iris.parquet"
    pd.DataFrame(table).to_parquet(path)
    return path


@pytest.fixture
def in_new_process():
    """Return a function that returns what code prints in a Python of its own; it fails with its error output."""

    def printed(code, **environment):
        """Run code, with changes of the environment."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return printed


@pytest.fixture
def rng():
    """Return a generator: the same numbers for each test, alone and in any order."""
    return np.random.default_rng(2026)


DAY = datetime.date(2024, 1, 1)


@pytest.fixture
def every_kind():
    """Return four rows with numbers, texts, categories, truth values, dates and gaps."""
    return pa.table(
        {
            "age": [31.0, None, 45.0, 28.0],
            "rooms": [1, 2, 3, 4],
            "empty number": pa.nulls(4, pa.float64()),
            "empty": pa.nulls(4),
            "job": ["cook", "clerk", None, "rare"],
            "code": pa.array([3, 7, 3, 3]).dictionary_encode(),
            "owner": [True, False, None, True],
            "day": [DAY, DAY + datetime.timedelta(8), None, DAY],
            "waited": pa.array([1, 2, 3, 4], pa.duration("s")),
            "stamp": pa.array([DAY, DAY, DAY, DAY]).dictionary_encode(),
        }
    )
