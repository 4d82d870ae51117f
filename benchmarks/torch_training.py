"""PyTorch's side of the speed benchmark: a process that trains when it is asked, and says how long it took.

It runs in a Python of its own, which has torch and NumPy and nothing of epochal.
Its first line is an empty answer: it has started. A request is a line of JSON with
a network, a batch size, epochs, a file of rows and a way; the answer is one with
seconds per epoch and the last loss. Ways:
`eager` (a loop as people write it), `fused` (Adam in one kernel) and `compiled`
(forward, backward and update by torch.compile, as far as it takes them).
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np

WAYS = ("eager", "fused", "compiled")


class Network:
    """The network of the other sides, with Adam and cross-entropy, trained in one of the ways."""

    def __init__(self, sizes: list[int], way: str) -> None:
        self.torch: Any = import_module("torch")
        self.torch.manual_seed(0)
        self.torch.set_num_threads(2)
        nn = self.torch.nn
        layers: list[Any] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        fused = {"fused": True} if way == "fused" else {}
        self.optimizer = self.torch.optim.Adam(self.network.parameters(), lr=1e-3, **fused)
        self.loss = nn.CrossEntropyLoss()
        self.step = self.torch.compile(self._step) if way == "compiled" else self._step

    def _step(self, x: Any, y: Any) -> Any:
        """Return the loss on a batch, after which the weights have been updated."""
        self.optimizer.zero_grad()
        loss = self.loss(self.network(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def epoch(self, x: Any, y: Any, batch_size: int) -> float:
        """Return the mean loss of an epoch over rows in a new order."""
        order = self.torch.randperm(len(x))
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            total = total + self.step(x[rows], y[rows]) * len(rows)
        return float(total) / len(x)


def timed(request: dict[str, Any]) -> dict[str, Any]:
    """Return seconds per epoch of a training, what compiles it not counted, and the last loss."""
    with np.load(request["rows"]) as archive:
        x, y = archive["x"], archive["y"].astype(np.int64)
    network = Network(request["sizes"], request["way"])
    features, classes = map(network.torch.from_numpy, (x, y))
    size = request["batch_size"]
    # Two full batches and a short one: what is compiled for shapes is compiled now.
    short = 2 * size + len(x) % size
    network.epoch(features[:short], classes[:short], size)
    began = time.perf_counter()
    for _ in range(request["epochs"]):
        loss = network.epoch(features, classes, size)
    seconds = (time.perf_counter() - began) / request["epochs"]
    return {"training": seconds, "whole": seconds, "loss": loss, "way": request["way"]}


def main() -> int:
    """Say that it has started, and answer requests until there are no more; return the exit code."""
    with suppress(ImportError):  # without it each request says so
        import_module("torch")
    print("{}", flush=True)
    for line in sys.stdin:
        try:
            answer = timed(json.loads(line))
        except Exception as error:  # noqa: BLE001 - a way that does not work here is an answer
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
