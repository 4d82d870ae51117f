"""When a cooldown begins and ends, and the rates in it."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.training.cooldown import FEWEST, Cooldown, after_plateau


@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_the_rate_falls_in_equal_steps_to_0(length: int) -> None:
    """The rates of the epochs are the means of a straight line from 1 to 0."""
    cooldown = Cooldown(7, 7 + length)
    rates = [cooldown.rate(epoch) for epoch in range(7, 7 + length)]
    line = np.linspace(1.0, 0.0, length + 1)
    np.testing.assert_allclose(rates, (line[1:] + line[:-1]) / 2)
    assert min(rates) > 0.0


def test_after_a_plateau_it_takes_half_of_the_epochs_to_the_best_checkpoint() -> None:
    """It has at least four epochs, also after a checkpoint of an earlier training."""
    assert after_plateau(50, 40) == Cooldown(50, 70)
    assert after_plateau(12, 2) == Cooldown(12, 12 + FEWEST)
    assert after_plateau(12, -30) == Cooldown(12, 12 + FEWEST)
