"""The roles of columns in a TOML file."""

from __future__ import annotations

import os
import threading

import pytest

from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


@pytest.fixture
def written_file(tmp_path):
    """Return a function that writes a file of columns and returns its path."""

    def written(text):
        path = tmp_path / "columns.toml"
        path.write_text(text)
        return path

    return written


def names_and_kinds(path):
    """Return the columns of a model."""
    return {c.name: c.kind for c in load(path).preprocessor.schema.columns}


def test_a_file_gives_the_roles_of_columns(run, table, tmp_path, written_file):
    """Target, drops and categories need not be typed."""
    file = written_file('target = "income"\ndrop = ["since"]\ncategorical = ["age"]\n')
    ended = run("train", table, "--columns", file, *TINY)
    shown = run("inspect", table, "--columns", file)

    assert ended.code == shown.code == 0
    assert names_and_kinds(tmp_path / "people.epochal") == {
        "age": "category",
        "job": "category",
        "member": "boolean",
    }
    assert "since" not in shown.out


def test_options_override_the_file(run, table, tmp_path, written_file):
    """One option replaces one line of the file."""
    file = written_file('target = "income"\ndrop = ["since"]\n')
    assert run("train", table, "--columns", file, "--drop", "member,job", *TINY).code == 0

    assert list(names_and_kinds(tmp_path / "people.epochal")) == ["age", "since"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('targt = "income"', "did you mean 'target'"),
        ("target = 3", "the name of one column"),
        ('drop = "since"', "names of columns"),
        ("drop = [1]", "names of columns"),
        ("drop = []\ntarget = x\n", "line 2"),
        ("\x00", "cannot be read"),
    ],
)
def test_an_invalid_file_is_refused(run, table, written_file, words, text):
    """Errors name the line or the word, and what was expected."""
    ended = run("train", table, "--columns", written_file(text), *TINY)

    assert ended.code in {2, 3}
    assert words in ended.err


def test_a_missing_file_is_an_error(run, table):
    """By its name."""
    ended = run("train", table, "--columns", "nothing.toml")

    assert ended.code == 3
    assert "nothing.toml" in ended.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_pipe_may_say_it(run, table, tmp_path):
    """A file that a shell makes of a command's output is read once."""
    fifo = tmp_path / "columns"
    os.mkfifo(fifo)
    writing = threading.Thread(target=fifo.write_text, args=['target = "income"\n'])
    writing.start()
    ended = run("inspect", table, "--columns", fifo)
    writing.join()

    assert ended.code == 0
