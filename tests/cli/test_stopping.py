"""Ctrl-C, SIGTERM and SIGHUP end every command: in time, with the best checkpoints, and without leftovers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from epochal.model.persistence import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX systems")

EPOCHAL = (sys.executable, "-m", "epochal")
LONG = ("--preset", "fast", "--hidden-layer-sizes", "8", "--max-iter", "1000000")
TRAINED = ("--no-early-stopping", "--verbose", "--out", "m.epochal")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: str
    err: str
    seconds: float  # after the last signal


@pytest.fixture
def folder(table: Path) -> Path:
    """Return the folder of the table, which has nothing else."""
    return table.parent


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Return a program that has begun in a folder."""
    pipe = subprocess.PIPE
    command = [*EPOCHAL, *words]
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def lines_until(program: subprocess.Popen[str], text: str) -> Iterator[str]:
    """Yield what a program writes on standard error, up to a line with this text."""
    assert program.stderr is not None
    for line in program.stderr:
        yield line
        if text in line:
            return
    pytest.fail(f"the program never wrote {text!r}")


def ended(program: subprocess.Popen[str], numbers: Sequence[int], gap: float = 0.0) -> Ended:
    """Return how a program ends after signals, which a time separates."""
    for number in numbers:
        program.send_signal(number)
        time.sleep(gap)
    began = time.monotonic()
    try:
        out, err = program.communicate(timeout=60)
    finally:
        # What has not ended does not outlive the test.
        program.kill()
    return Ended(program.returncode, out, err, time.monotonic() - began)


def training(folder: Path) -> subprocess.Popen[str]:
    """Return a training that has ended its first epoch, and would go on for days."""
    program = begun(folder, "train", "people.csv", "--target", "income", *LONG, *TRAINED)
    list(lines_until(program, "epoch 1 of"))
    return program


@pytest.mark.parametrize("number", CODES)
def test_the_first_signal_saves_the_best_checkpoints(folder: Path, number: signal.Signals) -> None:
    """It is answered, the model is whole, and the exit code is 128 + the signal's number."""
    found = ended(training(folder), [number])

    assert found.code == CODES[number]
    assert "stopping after this batch; the best checkpoints will be saved" in found.err
    assert "interrupted: the best checkpoints so far are saved" in found.err
    assert "Saved: m.epochal" in found.out
    assert "interrupted by the user" in load(folder / "m.epochal").history.outcome
    assert sorted(path.name for path in folder.iterdir()) == ["m.epochal", "people.csv"]


@pytest.mark.parametrize("count", [2, 10])
def test_the_second_signal_ends_at_once(folder: Path, count: int) -> None:
    """There is no piece of a model, at most a whole one that was saved before; further signals change nothing."""
    program = training(folder)
    found = ended(program, [signal.SIGINT] * count, gap=0.02)

    assert {path.name for path in folder.iterdir()} <= {"people.csv", "m.epochal"}
    if (folder / "m.epochal").exists():
        assert load(folder / "m.epochal").history.epochs
    else:
        assert "interrupted: no incomplete file is left" in found.err
    assert found.code == 130
    assert "Traceback" not in found.err
    assert found.seconds < 10


@pytest.mark.parametrize("delay", [0.15, 0.3, 0.6])
def test_signals_while_the_program_loads_are_heard(folder: Path, delay: float) -> None:
    """No traceback, no crash of a half loaded library, nothing left."""
    program = begun(folder, "train", "people.csv", "--target", "income", *LONG, *TRAINED)
    time.sleep(delay)
    found = ended(program, [signal.SIGINT, signal.SIGINT], gap=0.01)

    assert found.code == 130
    assert "Traceback" not in found.err
    assert [path.name for path in folder.iterdir()] == ["people.csv"]


def test_a_program_that_is_to_outlive_its_terminal_does(folder: Path) -> None:
    """What was ignored when it began stays ignored, as `nohup` wants it."""
    command = ["nohup", *EPOCHAL, "inspect", "people.csv", "--target", "income"]
    program = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(0.3)
    found = ended(program, [signal.SIGHUP])

    assert found.code == 0
    assert "160 rows of people.csv" in found.out


IN_FOREIGN_CODE = """
import hashlib
from pathlib import Path
from epochal import signals
signals.listen(signals.write_answer)
with signals.unfinished("half.tmp"):
    Path("half.tmp").write_text("half")
    print("begun", flush=True)
    # Minutes in C, without a look at signals.
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 10**9)
"""


@pytest.mark.parametrize("count", [1, 2])
def test_what_does_not_end_is_ended(tmp_path: Path, count: int) -> None:
    """The main thread is in foreign code: the file that it writes is removed all the same."""
    pipe = subprocess.PIPE
    program = subprocess.Popen(
        [sys.executable, "-c", IN_FOREIGN_CODE], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    time.sleep(0.5)
    found = ended(program, [signal.SIGTERM] * count, gap=0.05)

    assert found.code == 143
    last = "epochal: interrupted: no incomplete file is left\n"
    assert found.err == "epochal: stopping\n" * count + last
    assert not list(tmp_path.iterdir())
    assert found.seconds < 20
