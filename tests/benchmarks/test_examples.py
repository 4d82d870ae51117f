"""The examples in the docstrings of the benchmarks."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "accuracy",
    "accuracy_methods",
    "accuracy_protocol",
    "machine",
    "speed_report",
    "training_speed",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_show(name):
    """Each module has examples, and none fails."""
    result = doctest.testmod(importlib.import_module(name))

    assert result.attempted > 0
    assert result.failed == 0
