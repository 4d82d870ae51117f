"""A small table with all kinds of columns, a model of it, and the program run in-process."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from epochal.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Without embedding and moving average, programs compile in half the time.
TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")
HEAD = "age,job,member,since,income\n"


class Ended(NamedTuple):
    """How a run of the program ended."""

    code: int
    out: str
    err: str


def people(rows: int, seed: int = 0) -> str:
    """Return a table as CSV: numbers with gaps, categories, truth values, dates, a target."""
    generator = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        age = int(generator.integers(18, 90))
        job = ("clerk", "cook", "smith")[generator.integers(3)]
        label = "high" if age + 10 * (job == "smith") + generator.normal(0, 5) > 55 else "low"
        gap = generator.random() < 0.1
        day = f"20{generator.integers(10, 25)}-0{generator.integers(1, 10)}-15"
        member = "true" if generator.random() < 0.5 else "false"
        lines.append(f"{'' if gap else age},{job},{member},{day},{label}\n")
    return HEAD + "".join(lines)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch) -> Callable[..., Ended]:
    """Return a function that runs the program in an empty folder."""
    monkeypatch.chdir(tmp_path)
    # Output that is captured is as wide as it likes.
    monkeypatch.delenv("COLUMNS", raising=False)

    def ended(*words: object) -> Ended:
        """Run the program with these words."""
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Ended(code, *capsys.readouterr())

    return ended


@pytest.fixture
def table(tmp_path) -> Path:
    """Return the path of a labelled table of 160 rows."""
    path = tmp_path / "people.csv"
    path.write_text(people(160))
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """Return the path of a model, trained once for all tests; not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "people.csv").write_text(people(160))
    words = ["train", folder / "people.csv", "--target", "income", "--quiet"]
    assert main([*map(str, words), *TINY, "--out", str(folder / "people.epochal")]) == 0
    return folder / "people.epochal"


@pytest.fixture
def model(trained, tmp_path) -> Path:
    """Return the path of a copy of the model."""
    return shutil.copy(trained, tmp_path / "people.epochal")
