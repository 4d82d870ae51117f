"""PyTorch's side of the speed benchmark, without PyTorch: how it is asked, and what it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import torch_training
import training_speed as speed

TINY = speed.Shape((5, 8, 3), 50, 120, 2, ensemble=False)
SCRIPT = Path(torch_training.__file__)


def test_a_way_that_does_not_work_is_an_answer(tmp_path):
    """That it has started is the first line; what fails is told in one, and the next request answered."""
    from_preset = json.dumps({"rows": str(tmp_path / "nowhere.npz")})
    done = subprocess.run(
        [sys.executable, SCRIPT],
        input=f"{from_preset}\n{from_preset}\n",
        capture_output=True,
        text=True,
        check=True,
    )

    started, *answers = map(json.loads, done.stdout.splitlines())
    assert started == {}
    assert ["error" in answer for answer in answers] == [True, True]


def test_the_fastest_way_is_found_once(monkeypatch, tmp_path):
    """The first time all ways are tried; after that, only the fastest that works."""
    torch = speed.Torch(sys.executable, TINY, tmp_path / "rows.npz")
    from_preset = []

    def answer(way):
        """Return an answer for a way."""
        from_preset.append(way)
        return {"error": "no compiler"} if way == "compiled" else {"training": len(way), "way": way}

    monkeypatch.setattr(torch, "_asked", answer)
    first, second = torch.time(), torch.time()
    torch.close()

    assert (first["way"], second["way"]) == ("eager", "eager")
    assert from_preset == [*torch_training.WAYS, "eager"]


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is for comparison only")
def test_every_way_learns():
    """Each way gets below the loss of guessing."""
    x, y = speed.rows_of(TINY._replace(rows=2000))
    for way in torch_training.WAYS[:2]:
        network = torch_training.Network([5, 8, 3], way)
        rows = [network.torch.from_numpy(part) for part in (x, y)]
        losses = [network.epoch(*rows, 50) for _ in range(10)]
        assert losses[-1] < 0.8 * np.log(3)
