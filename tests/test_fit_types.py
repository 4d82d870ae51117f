"""The records of a fit are plain: asking loads neither JAX nor scikit-learn."""

import pytest


@pytest.fixture
def loaded(in_new_process):
    """Return a function that returns which of JAX and scikit-learn a process has loaded after some code."""
    return lambda code: in_new_process(
        f"import sys; {code}; print(*{{'jax', 'sklearn'}} & set(sys.modules))"
    )


def test_asking_loads_neither(loaded):
    """The command line requests a fit without importing the estimator, which is slow to load."""
    assert loaded("import epochal.fit_types, epochal.cli.train") == ""


def test_the_estimator_loads_no_jax(loaded):
    """It can be imported and set up without."""
    assert loaded("from epochal import EpochalClassifier; EpochalClassifier()") == "sklearn"
