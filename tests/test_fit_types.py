"""The records of a fit are plain: asking loads neither JAX nor scikit-learn."""

import subprocess
import sys


def loaded(code):
    """Return which of JAX and scikit-learn a process has loaded after some code."""
    code = f"import sys; {code}; print(*{{'jax', 'sklearn'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_asking_loads_neither():
    """The command line requests a fit without importing the estimator, which is slow to load."""
    assert loaded("import epochal.fit_types, epochal.cli.train") == ""


def test_the_estimator_loads_no_jax():
    """It can be imported and set up without."""
    assert loaded("from epochal import EpochalClassifier; EpochalClassifier()") == "sklearn"
