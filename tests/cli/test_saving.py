"""A model is saved elsewhere if its file cannot be written."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from epochal.cli import saving
from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


@pytest.fixture
def full(monkeypatch, tmp_path):
    """Let writing into the folder of the test fail, as on a full disk; other folders have room."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    synced = os.fsync

    def fsync(descriptor):
        """Refuse a file that is not elsewhere."""
        if Path(f"/proc/self/fd/{descriptor}").readlink().parent == tmp_path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return elsewhere


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")


@needs_proc
@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_does_not_lose_a_training(run, table, tmp_path, full, as_json):
    """The model is in the folder for temporary files, and the error says so; nothing is left where it failed."""
    ended = run("train", table, "--target", "income", *TINY, *(["--json"] if as_json else []))
    (model,) = full.iterdir()

    assert ended.code == 6
    message = json.loads(ended.out.splitlines()[-1])["message"] if as_json else ended.err
    assert "cannot write people.epochal: no space left on device" in message
    assert f"the model is saved as {model}" in message
    assert load(model).target == "income"
    assert set(tmp_path.iterdir()) == {table, full}


@needs_proc
def test_without_room_anywhere_the_first_error_stands(run, table, full, monkeypatch):
    """There is no model then, and no other file is named."""
    monkeypatch.setattr(tempfile, "tempdir", str(full / "nowhere"))
    monkeypatch.setenv("HOME", str(full / "nowhere"))
    ended = run("train", table, "--target", "income", *TINY)

    assert ended.code == 6
    assert "cannot write people.epochal: no space left on device" in ended.err
    assert "saved" not in ended.err


@pytest.fixture
def typing(monkeypatch):
    """Return a function that sets what a person at a terminal types."""

    def types(text):
        """Let standard input have this text."""
        monkeypatch.setattr(saving, "_is_person_there", lambda _: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return types


@needs_proc
def test_a_person_is_asked_for_another_file(run, table, full, typing):
    """Also again, where that one is refused; the training then ends as usual."""
    typing(f"people.csv\nno/folder/m.epochal\n{full}/m.epochal\n")
    ended = run("train", table, "--target", "income", *TINY)

    assert ended.code == 0
    assert ended.err.count("Another file for the model (none: Enter): ") == 3
    assert "people.csv" in ended.err
    assert "create the folder first" in ended.err
    assert f"Saved: {full}/m.epochal" in ended.out
    assert load(full / "m.epochal").target == "income"


@needs_proc
def test_who_names_none_has_the_model_elsewhere(run, table, full, typing):
    """As if nobody were there."""
    typing("\n")
    ended = run("train", table, "--target", "income", *TINY)
    (model,) = full.iterdir()

    assert ended.code == 6
    assert f"the model is saved as {model}" in ended.err


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    """Nor with --json or --quiet."""
    from epochal.cli.output import Output

    class Terminal(io.StringIO):
        """A terminal."""

        def isatty(self):
            """Return that it is one."""
            return True

    assert not saving._is_person_there(Output())
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert saving._is_person_there(Output())
    assert not saving._is_person_there(Output(as_json=True))
    assert not saving._is_person_there(Output(quiet=True))
    monkeypatch.setattr(sys, "stdin", None)
    assert not saving._is_person_there(Output())
