"""The commands that are compared on a large table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import larger_than_memory_methods as methods
from epochal.cli.parser import parsed

TASK = methods.Task(
    table=Path("t.parquet"),
    valid=Path("v.parquet"),
    new=Path("n.parquet"),
    models=Path("models"),
    limit=methods.NO_LIMIT,
    epochs=3,
    batch_size=512,
    python="other-python",
)


def _parsed(method, phase):
    """Return how epochal reads the command of a phase."""
    words = methods.command(method, phase, TASK)
    assert words[:5] == ["env", "EPOCHAL_CACHE=", sys.executable, "-m", "epochal"]
    return parsed(words[5:])


def test_the_plain_network_is_that_of_the_peers():
    """One layer of 100, so many rows a step, so many epochs, and no stopping."""
    read = _parsed("epochal", "train")

    assert (read.data, read.target, read.preset) == ("t.parquet", "label", "classic")
    assert (read.hidden_layer_sizes, read.batch_size, read.max_iter) == ((100,), 512, 3)
    assert (read.solver, read.learning_rate_init, read.early_stopping) == ("adam", 1e-3, False)


def test_validation_does_every_epoch_and_keeps_a_model_of_its_own():
    """The other rows are measured after each epoch, with more patience than there are epochs."""
    read = _parsed("epochal", "validate")

    assert (read.valid, read.early_stopping) == ("v.parquet", True)
    assert read.n_iter_no_change > read.max_iter
    assert read.out != _parsed("epochal", "train").out


@pytest.mark.parametrize("method", methods.OURS)
def test_what_is_trained_is_predicted_and_evaluated_with(method):
    """The later phases read the model of the first, and go through the new rows."""
    trained = _parsed(method, "train")
    predicted, evaluated = (_parsed(method, phase) for phase in ("predict", "evaluate"))

    assert trained.out == predicted.model == evaluated.model
    assert predicted.data == evaluated.data == "n.parquet"


def test_the_default_preset_has_no_settings_but_the_epochs():
    """What one gets without settings is compared too."""
    read = _parsed("epochal:default", "train")

    assert (read.preset, read.max_iter) == ("default", 3)
    assert {"batch_size", "early_stopping", "hidden_layer_sizes"}.isdisjoint(vars(read))


def test_very_many_rows_are_trained_on_for_ten_minutes():
    """The same preset, which ends by the clock."""
    read = _parsed("epochal:default:600s", "train")

    assert (read.preset, read.time_limit) == ("default", 600)


def test_the_limit_is_ours_alone_and_said_in_training():
    """It stands in the command where there is one."""
    limited = TASK._replace(limit="1GB")

    assert "--memory" not in methods.command("epochal", "train", TASK)
    assert " --memory 1GB " in " ".join(methods.command("epochal", "train", limited))
    assert "--memory" not in methods.command("sklearn", "train", limited)


def test_peers_run_with_a_python_of_their_own():
    """Epochs, batches and rows are the same as ours."""
    program, script, *words = methods.command("torch", "validate", TASK)

    assert (program, Path(script).name) == ("other-python", "streaming_peers.py")
    assert words[:3] == ["torch", "train", "t.parquet"]
    assert " ".join(words).endswith("--epochs 3 --batch-size 512 --valid v.parquet")
    assert methods.command("torch", "predict", TASK)[3:5] == ["predict", "n.parquet"]


def test_a_method_without_its_packages_is_not_there(monkeypatch):
    """What cannot be imported is found out; what can has a peak before it does anything."""
    monkeypatch.setitem(methods.IMPORTS, "torch", "import no_such_package")
    monkeypatch.setitem(methods.IMPORTS, "sklearn", "import big_table_columns")

    assert not methods.available("torch", sys.executable)
    assert methods.available("sklearn", sys.executable)
    assert methods.start_up("sklearn", sys.executable) > 5
