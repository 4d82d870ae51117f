"""The commands that `larger_than_memory.py` compares: epochal's, and those of `streaming_peers`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from big_table_columns import TARGET
from memory_watch import watch

HERE = Path(__file__).parent
TRAINING = ("train", "validate")
PHASES = (*TRAINING, "predict", "evaluate")
# The plain network, as the peers have it; and what one gets without settings.
OURS = {
    "epochal": (
        *("--preset", "classic", "--hidden-layer-sizes", "100", "--solver", "adam"),
        *("--learning-rate-init", "1e-3"),
    ),
    "epochal:default": ("--preset", "default"),
    # For very many rows: memory is the same all through an epoch (docs/PERFORMANCE.md).
    "epochal:default:600s": ("--preset", "default", "--time-limit", "600"),
}
_PEERS = (
    "import big_table_columns, pandas, pyarrow.parquet, sklearn.compose, sklearn.neural_network"
)
# What a method has loaded before it does anything.
IMPORTS = {
    "epochal": "import epochal.fit, epochal.cli.train",
    "sklearn": _PEERS,
    "torch": f"{_PEERS}, torch",
}
NO_LIMIT = "none"


class Task(NamedTuple):
    """What is trained how.

    `table` has the rows to train on, `valid` those to validate on, `new` those to
    predict and evaluate; `python` is the peers'.
    """

    table: Path
    valid: Path
    new: Path
    models: Path
    limit: str
    epochs: int
    batch_size: int
    python: str

    def model(self, method: str, phase: str) -> Path:
        """Return where a model is kept; what is trained with validation is one of its own."""
        name = f"{self.table.name}-{method.replace(':', '-')}"
        return self.models / f"{name}{'-validated' if phase == 'validate' else ''}.epochal"


def command(method: str, phase: str, task: Task) -> list[str]:
    """Return the words of one phase of one method."""
    if method in OURS:
        return _ours(method, phase, task)
    words = [task.python, str(HERE / "streaming_peers.py"), method]
    model = ["--model", str(task.model(method, phase))]
    if phase == "predict":
        return [*words, phase, str(task.new), *model, "--out", str(_predictions(task))]
    if phase == "evaluate":
        return [*words, phase, str(task.new), *model]
    words += ["train", str(task.table), *model]
    words += ["--epochs", str(task.epochs), "--batch-size", str(task.batch_size)]
    return [*words, "--valid", str(task.valid)] if phase == "validate" else words


def _ours(method: str, phase: str, task: Task) -> list[str]:
    """Return the words of one phase of epochal: compiling belongs to what it takes."""
    words = ["env", "EPOCHAL_CACHE=", sys.executable, "-m", "epochal"]
    model, new = str(task.model(method, phase)), str(task.new)
    limit = [] if task.limit == NO_LIMIT else ["--memory", task.limit]
    if phase == "predict":
        return [*words, phase, model, new, "--out", str(_predictions(task)), "--quiet", *limit]
    if phase == "evaluate":
        return [*words, phase, model, new, "--json", "--quiet", *limit]
    words += ["train", str(task.table), "--target", TARGET, "--out", model, "--json"]
    words += ["--max-iter", str(task.epochs), *OURS[method], *limit]
    plain = method == "epochal"
    if plain:
        words += ["--batch-size", str(task.batch_size)]
    if phase == "validate":
        # So patient that every epoch is done.
        patience = ["--early-stopping", "--n-iter-no-change", str(task.epochs + 1)]
        return [*words, "--valid", str(task.valid), *patience]
    return [*words, "--no-early-stopping"] if plain else words


def _predictions(task: Task) -> Path:
    """Return where predictions go, each over the last."""
    return task.models / "predictions.csv"


def start_up(method: str, python: str) -> float:
    """Return the peak, in MB, of a process that only loads what a method needs."""
    return watch(_loading(method, python)).peak_mb


def available(method: str, python: str) -> bool:
    """Whether the packages of a method are there."""
    return method in OURS or watch(_loading(method, python)).code == 0


def _loading(method: str, python: str) -> list[str]:
    """Return the words that load what a method needs, and wait a moment, to be seen."""
    family, _, _ = method.partition(":")
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); {IMPORTS[family]}, time; time.sleep(0.1)"
    )
    return [sys.executable if method in OURS else python, "-c", code]
