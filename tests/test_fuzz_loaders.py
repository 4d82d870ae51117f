"""Some thousand damaged files of every format, the same each time: the short version of `make fuzz`."""

from __future__ import annotations

import importlib.util
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from epochal.model.persistence import load, save

TOOLS = Path(__file__).parents[1] / "tools"


def _script(name):
    """Return a script of `tools/` as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fuzz_laws, fuzz_mutations, fuzz_seeds = map(_script, ("fuzz_laws", "fuzz_mutations", "fuzz_seeds"))

# Inputs of each format: about half a second of the processor for each.
INPUTS = {
    "model": 350,
    "checkpoint": 450,
    "csv": 125,
    "parquet": 100,
    "arrow": 300,
    "npy": 450,
    "npz": 350,
    "idx": 450,
}


@pytest.fixture
def quiet():
    """Turn off warnings of damaged data."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _seeds(form, folder):
    """Return valid files of a format; models without a training: those of older formats, old and saved anew."""
    if form != "model":
        return fuzz_seeds.seeds(form)
    found = []
    for path in sorted(fuzz_seeds.OLDER.glob("*.epochal")):
        save(load(path), folder / "new.epochal")
        found += [path.read_bytes(), (folder / "new.epochal").read_bytes()]
    return found


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("form", INPUTS)
def test_damaged_files_are_refused_or_can_be_used(tmp_path, form):
    """Every law but those of time and memory holds, and some inputs are refused, some not."""
    loaders, dice = fuzz_laws.Loaders(tmp_path, measured=False), random.Random(20)
    seeds = _seeds(form, tmp_path)
    loaded = 0
    for _ in range(INPUTS[form]):
        loaded += loaders.check(form, fuzz_mutations.mutated(form, dice.choice(seeds), dice))
    assert 0 < loaded < INPUTS[form]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("form", INPUTS)
def test_what_fuzzing_begins_with_is_valid(tmp_path, form):
    """In at least one way of reading it; a CSV file without a target is refused in others."""
    loaders = fuzz_laws.Loaders(tmp_path, measured=False)
    loaded = [loaders.check(form, seed) for seed in _seeds(form, tmp_path)]
    assert sum(loaded) >= len(loaded) - 2


def test_a_broken_law_is_found(tmp_path, monkeypatch):
    """An exception that is not ours, a model that cannot be used, too much time and memory."""
    loaders = fuzz_laws.Loaders(tmp_path)
    seed, _ = _seeds("model", tmp_path)[:2]
    assert loaders.check("model", seed)
    monkeypatch.setattr(fuzz_laws, "SECONDS", -1.0)
    with pytest.raises(fuzz_laws.ViolationError, match="time: "):
        loaders.check("model", seed)
    monkeypatch.undo()
    monkeypatch.setattr(fuzz_laws, "MEMORY", -(10**15))
    with pytest.raises(fuzz_laws.ViolationError, match="memory: "):
        loaders.check("model", seed)
    monkeypatch.undo()
    monkeypatch.setattr(fuzz_laws, "load", lambda _: 1 // 0)
    with pytest.raises(fuzz_laws.ViolationError, match="exception: ZeroDivisionError") as caught:
        loaders.check("model", seed)
    assert fuzz_laws.described(caught.value)[0].startswith("exception-ZeroDivisionError")
    monkeypatch.undo()
    monkeypatch.setattr(fuzz_laws, "predict_proba", lambda *_: np.zeros((1, 9)))
    with pytest.raises(fuzz_laws.ViolationError, match="use: probabilities of shape"):
        loaders.check("model", seed)


def test_mutations_depend_on_the_seed_alone():
    """The same number changes a file in the same way, another one in another."""
    seed = fuzz_seeds.seeds("csv")[0]
    one, same, other = (
        [fuzz_mutations.mutated("csv", seed, dice) for _ in range(20)]
        for dice in (random.Random(1), random.Random(1), random.Random(2))
    )
    assert one == same
    assert one != other
