"""The edge of the program: every end is one message and one exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

from epochal import errors, threads
from epochal.cli import main as edge

LIGHT = """
import sys
from epochal.cli.main import main
code = main(["--help"])
heavy = {"jax", "numpy", "sklearn", "pyarrow", "rich", "scipy"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""

TALKING = """
import sys
from types import SimpleNamespace
from epochal.cli import main as edge
edge.import_module = lambda _: SimpleNamespace(run=lambda _: print("much") or 0)
sys.exit(edge.main(["inspect", "model.epochal"]))
"""


@pytest.fixture
def ending(monkeypatch, capsys):
    """Return a function that runs a command with a given end and returns its output."""

    def run(action) -> tuple[int, str]:
        """Run `action` as the command `inspect`."""
        monkeypatch.setattr(edge, "import_module", lambda _: SimpleNamespace(run=action))
        return edge.main(["inspect", "model.epochal"]), capsys.readouterr().err

    return run


def raising(error: BaseException):
    """Return a command that raises."""

    def action(_):
        """Raise the error."""
        raise error

    return action


def test_help_loads_nothing_heavy(in_new_process):
    """`--help` answers at once, since no library that takes long to load is loaded."""
    in_new_process(LIGHT)


@pytest.mark.parametrize("words", [("--n-jobs", "3"), ("--n-jobs=-1",), ()])
def test_commands_run_under_their_number_of_threads(words, monkeypatch):
    """`--n-jobs` holds while a command runs, and not afterwards."""
    monkeypatch.setattr(threads, "available", lambda: threads.ThreadCount(8, "a test"))
    seen = []
    command = SimpleNamespace(run=lambda _: seen.append(threads.number()) or 0)
    monkeypatch.setattr(edge, "import_module", lambda _: command)

    assert edge.main(["inspect", "model.epochal", *words]) == 0
    assert seen == [3 if "3" in words else 8]
    assert threads.number() == 8


def test_version(capsys):
    """`--version` prints the version."""
    assert edge.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("epochal 0.")


def test_a_verbose_version_shows_what_epochal_runs_on(capsys):
    """The verbose version names libraries, kernels, threads and devices, as a bug report needs."""
    assert edge.main(["--version", "--verbose"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("epochal 0.")
    assert "\nkernels\n" in printed


def test_verbose_needs_the_version(capsys):
    """Before a command it would mean nothing."""
    assert edge.main(["--verbose", "inspect", "x"]) == 2
    assert "--version --verbose" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys):
    """The bare name is a question: help on standard error, and not a success."""
    assert edge.main([]) == 2
    captured = capsys.readouterr()

    assert "usage: epochal" in captured.err
    assert captured.out == ""


def test_our_errors_are_one_message_and_a_hint(ending):
    """What was found and expected, then the hint; no traceback."""
    code, stderr = ending(raising(errors.ModelError("it is torn", "a whole one", "glue it")))

    assert code == 5
    assert stderr == ("epochal: error: it is torn; expected a whole one.\nepochal: hint: glue it\n")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device"), 6, "cannot write a file: no space left on device"),
        (MemoryError(), 71, "memory"),
        (
            ZeroDivisionError("surprise"),
            70,
            "an internal error of epochal (ZeroDivisionError: surprise)",
        ),
    ],
)
def test_other_ends_have_their_codes(ending, error, code, words):
    """Ctrl-C, a closed pipe, a full disk and internal errors differ."""
    found, stderr = ending(raising(error))

    assert found == code
    assert words in stderr
    assert "Traceback" not in stderr


def test_the_traceback_is_shown_on_demand(ending, monkeypatch):
    """EPOCHAL_DEBUG=1 shows where it happened."""
    monkeypatch.setenv("EPOCHAL_DEBUG", "1")

    assert "Traceback" in ending(raising(ZeroDivisionError()))[1]


def test_user_warnings_are_shown_once_and_others_not(ending):
    """Warnings for users are one line each; those for programmers are not shown."""

    def action(_) -> int:
        """Warn three times."""
        for _ in range(2):
            warnings.warn("a column is surplus", UserWarning, stacklevel=1)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
        return 0

    assert ending(action) == (0, "epochal: warning: a column is surplus\n")


def test_a_reader_that_goes_away_ends_the_program_quietly():
    """`epochal … | head` prints no error about the pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    end = subprocess.run(
        [sys.executable, "-c", TALKING], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)

    assert end.stderr == b""
    assert end.returncode == 141
