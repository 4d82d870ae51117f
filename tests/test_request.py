"""The records of a fit are plain: asking loads no JAX."""

import subprocess
import sys


def test_asking_loads_no_jax():
    """The estimator can be imported and set up without JAX."""
    code = (
        "import sys; from epochal import EpochalClassifier; import epochal.request;"
        "EpochalClassifier(); print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
