"""How fast a parameter learns, and whether L2 regularisation shrinks it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Learning(NamedTuple):
    """What an optimizer has to know of a parameter; each layer's class declares it."""

    pace: Any = 1.0  # multiplies the learning rate; an array where members differ
    shrunk: bool = False  # whether L2 regularisation shrinks the parameter
