"""Optimizer options of a parameter: its factor on the learning rate, and whether L2 applies."""

from __future__ import annotations

from typing import Any, NamedTuple


class ParameterOptions(NamedTuple):
    """What the optimizer needs to know of a parameter; each layer's class declares it."""

    rate_factor: Any = 1.0  # multiplies the learning rate; an array where members differ
    l2: bool = False  # whether L2 regularisation shrinks the parameter
