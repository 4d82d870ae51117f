"""Where a training on the command line writes its checkpoints; that it goes on from them is in test_resume."""

from __future__ import annotations

from pathlib import Path


def test_a_pipe_cannot_be_read_again(run, table):
    """A folder for checkpoints is refused; without one the training writes none."""
    refused = run("train", "-", "--target", "income", "--format", "csv", "--checkpoint", "state")

    assert refused.code == 2
    assert "--checkpoint with -, which cannot be read again" in refused.err
    assert not Path("state").exists()


def test_a_time_between_checkpoints_is_a_number_of_seconds(run, table):
    """Not below 0."""
    for text in ("-1", "soon", "nan"):
        found = run("train", table, "--target", "income", f"--checkpoint-every={text}")
        assert found.code == 2
        assert "is not a number of seconds" in found.err


def test_a_short_training_writes_none(run, table, tmp_path):
    """The first checkpoint comes after a minute."""
    quick = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8")
    assert run("train", table, "--target", "income", *quick).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"people.csv", "people.epochal"}
