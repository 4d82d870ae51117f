"""A training that was killed goes on with `epochal resume`, to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from epochal.training import checkpoints
from epochal.training.checkpoints import newest

# The program, which is killed by its third checkpoint: whoever waits for one from outside may come too late.
KILLED = """
import os
import signal
import sys
from epochal.__main__ import main
from epochal.training.checkpoints import Checkpoints

written = Checkpoints.__call__

def and_die(self, state, *, last=False):
    written(self, state, last=last)
    self.wait()
    if self.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoints.__call__ = and_die
sys.exit(main())
"""
SMALL = ("--preset", "fast", "--hidden-layer-sizes", "8", "--max-iter", "60", "--no-early-stopping")
TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


def files(folder):
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def called(monkeypatch):
    """Let the program be called by its name, as in a shell."""
    monkeypatch.setattr(sys, "argv", ["epochal"])


@pytest.mark.skipif(os.name != "posix", reason="a process is killed as on POSIX systems")
def test_a_killed_training_goes_on_to_the_same_bytes(run, table, tmp_path):
    """It is killed once it has written a checkpoint; the folder is gone when the training has ended."""
    words = ("train", str(table), "--target", "income", *SMALL, "--test-fraction", "0.25")
    assert run(*words, "--out", "whole.epochal").code == 0
    folder = tmp_path / "ended.epochal.checkpoint"
    command = [*words, "--out", "ended.epochal", "--checkpoint-every", "0", "--quiet"]
    training = subprocess.run(
        [sys.executable, "-c", KILLED, *command], cwd=tmp_path, capture_output=True, check=False
    )
    assert training.returncode == -signal.SIGKILL, training.stderr
    assert files(folder)
    assert not (tmp_path / "ended.epochal").exists()
    again = run(*words, "--out", "ended.epochal")
    resumed = run("resume", folder.name)

    assert again.code == 2
    assert "has checkpoints of a training" in again.err
    assert f"epochal resume {folder}" in again.err
    assert resumed.code == 0, resumed.err
    assert "Scores on 40 test rows" in resumed.out
    assert (tmp_path / "ended.epochal").read_bytes() == (tmp_path / "whole.epochal").read_bytes()
    assert files(tmp_path) == ["ended.epochal", table.name, "whole.epochal"]


@pytest.fixture
def ended(run, table, tmp_path, monkeypatch):
    """Return the folder of checkpoints of a training that an error has ended."""
    monkeypatch.setattr("epochal.fit.versions", lambda: {"epochal": "0.0"})
    written = checkpoints.Checkpoints.__call__

    def and_fail(self, state, *, last=False):
        """Write a checkpoint, then fail."""
        written(self, state, last=last)
        self.wait()
        raise MemoryError

    with monkeypatch.context() as changed:
        changed.setattr(checkpoints.Checkpoints, "__call__", and_fail)
        every = ("--checkpoint", "state", "--checkpoint-every", "0")
        failed = run("train", table, "--target", "income", *TINY, *every)
    assert failed.code == 71
    assert f"go on from the last checkpoint: epochal resume {tmp_path / 'state'}\n" in failed.err
    return tmp_path / "state"


def test_it_goes_on_from_another_folder(run, ended, tmp_path, monkeypatch):
    """Names of files are relative to the folder in which the training was begun."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    assert run("resume", "../state").code == 0
    assert files(tmp_path) == ["people.csv", "people.epochal", "sub"]


def test_other_data_are_refused(run, ended, table):
    """The checkpoint stays."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *lines[2:], lines[1]]) + "\n")
    resumed = run("resume", "state")

    assert resumed.code == 2
    assert "is of another training: other data" in resumed.err
    assert files(ended)


def test_another_version_is_refused(run, ended, monkeypatch):
    """The bits of a training depend on it."""
    monkeypatch.setattr("epochal.fit.versions", lambda: {"epochal": "0.1"})
    resumed = run("resume", "state")

    assert resumed.code == 2
    assert "versions: epochal was 0.0 and is 0.1" in resumed.err


def test_a_folder_without_a_training_is_told(run, tmp_path):
    """As is one that is not there."""
    (tmp_path / "empty").mkdir()
    missing, empty = run("resume", "nowhere"), run("resume", "empty")

    assert (missing.code, empty.code) == (3, 3)
    assert "there is no folder nowhere" in missing.err
    assert "empty has no checkpoints" in empty.err


def test_a_fit_in_python_goes_on_in_python(run, ended):
    """Its checkpoints have no command."""
    stored = newest(ended)
    checkpoints.Checkpoints(ended, dict, interval=0.0)._write(
        9, stored.state.arrays, stored.state.values
    )
    resumed = run("resume", "state")

    assert resumed.code == 5
    assert "is of a fit in Python" in resumed.err


def test_the_command_that_is_shown_can_be_pasted(run, table, tmp_path):
    """Also if the folder has a space in its name."""
    folder = tmp_path / "my state"
    folder.mkdir()
    (folder / "checkpoint-000001.safetensors").write_bytes(b"")
    refused = run("train", table, "--target", "income", *TINY, "--checkpoint", "my state")

    assert f"epochal resume '{folder}'; or remove" in refused.err


def test_a_training_resumes_with_its_own_command(run, ended, table, tmp_path):
    """With `--resume`, which begins anew if there is no checkpoint."""
    words = ("train", table, "--target", "income", *TINY, "--checkpoint", "state", "--resume")
    assert run(*words).code == 0
    resumed = (tmp_path / "people.epochal").read_bytes()
    assert not ended.exists()
    assert run(*words).code == 0
    assert (tmp_path / "people.epochal").read_bytes() == resumed
