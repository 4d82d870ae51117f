"""A training that is killed, or whose disk fails, loses nothing and leaves nothing."""

from __future__ import annotations

import errno
import random
import signal
from collections import Counter

import pytest

import training_faults
from fault_injection import HANGS, Ended, Fault, Injector, compiled
from fault_trainings import KINDS, Kind
from training_faults import AFTER, BEFORE, COLUMNS, ERRORS, HALF, Original, Proof, Tally, Trial

WORDS = ("--hidden-layer-sizes", "8", "--max-iter", "6", "--checkpoint-every", "0")
WORDS += ("--embedding-size", "none", "--ema-decay", "0", "--out", "m.epochal")
SHORT = Kind(("train", "people.csv", "--target", "income", "--preset", "fast", *WORDS))
KILL, FULL = int(signal.SIGKILL), errno.ENOSPC
# Every run comes to these calls, however fast the disk and the machine are.
FAULTS = {
    BEFORE: Fault("work", "rename", 1, "signal-before", KILL),
    ERRORS[FULL]: Fault("work", "write", 2, "fail-on", FULL),
}


def proof_in(folder, kind):
    """Return the proof of a kind; its test is skipped where there is no shim."""
    shim = compiled(folder)
    if shim is None:
        pytest.skip("this needs Linux and a C compiler")
    return Proof(kind, Injector(shim, folder / "programs"), folder)


def test_a_training_survives_kills_and_errors(tmp_path):
    """At a checkpoint and at the model: the same bytes afterwards, and no file too many."""
    proof = proof_in(tmp_path, SHORT)
    original = proof.original()
    outcomes = {
        column: proof.tried(Trial(column, fault, HANGS, replaces=True), original)
        for column, fault in FAULTS.items()
    }

    assert {column: outcome.problems for column, outcome in outcomes.items()} == {
        column: [] for column in FAULTS
    }
    assert [column for column, outcome in outcomes.items() if not outcome.reached] == []


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_survives_faults(name, capsys):
    """The trials of the table in docs/RELIABILITY.md."""
    if training_faults.main(["--kinds", name]) == 2:
        pytest.skip("this needs Linux and a C compiler")
    printed = capsys.readouterr()
    assert "; 0 problems." in printed.out, printed.err


@pytest.fixture
def ended_as(tmp_path, monkeypatch):
    """Return a function that returns what is found if a run, and the next one, do something."""
    proof = Proof(Kind(("train",)), Injector(tmp_path, tmp_path), tmp_path)
    runs = []

    def run(_, words, places, *faults):
        """Do what comes next."""
        code, err, content = runs.pop(0)
        if content is not None:
            (places.work / "m.epochal").write_bytes(content)
        return Ended(code, "", err, [], 1.0)

    def tried(*steps, column=ERRORS[FULL]):
        """Return the problems of these runs."""
        runs.extend(steps)
        proof.places.begin(proof.begin)
        names = sorted([*proof.places.names(), "work/m.epochal"])
        original = Original(b"new", names, [], 1.0)
        return proof.tried(Trial(column, None, HANGS, replaces=False), original).problems

    monkeypatch.setattr(Injector, "run", run)
    return tried


NOTHING_WRONG = (0, "", b"new")
TOLD = "epochal: error: cannot write m.epochal: no space left on device.\n"


def test_what_is_right_is_no_problem(ended_as):
    """A run that was not disturbed, one that was killed, and one that told its error."""
    assert ended_as(NOTHING_WRONG) == []
    assert ended_as((-KILL, "", None), NOTHING_WRONG) == []
    assert ended_as((6, TOLD, None), NOTHING_WRONG) == []


@pytest.mark.parametrize(("told", "problems"), [("x cannot be removed: EIO", 0), ("", 1)])
def test_a_checkpoint_that_stays_is_told(tmp_path, monkeypatch, told, problems):
    """Where the disk does not remove it; without a word it is a leftover."""
    proof = Proof(Kind(("train",)), Injector(tmp_path, tmp_path), tmp_path)

    def run(_, words, places, *faults):
        """Leave an older checkpoint."""
        places.state.mkdir()
        (places.work / "m.epochal").write_bytes(b"new")
        return Ended(0, "", told, [], 1.0)

    monkeypatch.setattr(Injector, "run", run)
    trial = Trial(ERRORS[FULL], None, HANGS, replaces=False)
    proof.places.begin(proof.begin)
    original = Original(b"new", sorted([*proof.places.names(), "work/m.epochal"]), [], 1.0)
    assert len(proof.tried(trial, original).problems) == problems


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([(0, "", b"other")], "the bytes are others"),
        ([(-KILL, "", b"ne"), NOTHING_WRONG], "neither the old one nor the new one"),
        ([(-KILL, "", None), (2, "refused", b"new")], "the next run ended with 2: refused"),
        ([(6, "", None), NOTHING_WRONG], "it ended with 6"),
        ([(70, TOLD, None), NOTHING_WRONG], "it ended with 70"),
        ([(0, "Traceback", b"new")], "a traceback"),
        ([(6, TOLD + "the model is saved as no.epochal", None), NOTHING_WRONG], "elsewhere is an"),
    ],
)
def test_what_is_wrong_is_found(ended_as, steps, problem):
    """Each kind of problem is named."""
    assert problem in "; ".join(ended_as(*steps))


def test_a_damaged_checkpoint_and_a_file_too_many_are_found(tmp_path, monkeypatch):
    """Both stay in the folder of a run that was killed."""
    proof = Proof(Kind(("train",)), Injector(tmp_path, tmp_path), tmp_path)

    def run(_, words, places, *faults):
        """Leave both, and be killed; the next run repairs nothing."""
        places.state.mkdir(exist_ok=True)
        (places.state / "checkpoint-000001.safetensors").write_bytes(b"half")
        (places.work / "m.epochal").write_bytes(b"new")
        return Ended(0 if words[0] == "resume" else -KILL, "", "", [], 1.0)

    monkeypatch.setattr(Injector, "run", run)
    names = ["work/m.epochal"]
    trial = Trial(BEFORE, None, HANGS, replaces=False)
    outcome = proof.tried(trial, Original(b"new", names, [], 1.0))

    assert outcome.reached
    assert "a checkpoint is damaged" in outcome.problems[0]
    assert "left: [" in outcome.problems[1]
    assert "checkpoint-000001" in outcome.problems[1]


def test_trials_are_spread_and_repeat(tmp_path):
    """The same seed gives the same ones; their numbers are those that were asked for."""
    calls = [training_faults.Call("work", "write", number, "m") for number in range(1, 9)]
    calls += [training_faults.Call("state", "unlink", 1, "c")]
    original = Original(b"", [], calls, 2.0)
    first, second = (training_faults.trials(original, 8, 6, random.Random(7)) for _ in range(2))
    counts = Counter(trial.column for trial in first)

    assert first == second
    assert counts[training_faults.RANDOM] == 2
    assert sum(counts[column] for column in (BEFORE, AFTER, HALF)) == 6
    assert sum(counts[column] for column in ERRORS.values()) == 6
    assert counts[training_faults.STOPPED] == 1
    assert all(0 < t.kill_after <= 2 for t in first if t.column == training_faults.RANDOM)


def test_the_table_says_what_failed():
    """A line a kind, and one of all; failures stand beside the numbers."""
    good = Tally(Counter({BEFORE: 3}), Counter(), [])
    bad = Tally(Counter({BEFORE: 2, ERRORS[FULL]: 1}), Counter({BEFORE: 1}), ["left"])
    lines = training_faults.report({"good": good, "bad": bad}).splitlines()

    assert lines[0].count("|") == len(COLUMNS) + 2
    assert lines[2].startswith("| good | 3 | 0 |")
    assert lines[3].startswith("| bad | 2 (1 failed) | 0 |")
    assert lines[4].startswith("| **all** | 5 (1 failed) |")
    assert "5 kills of 2 kinds of runs, 1 other faults: 5 equal results; 1 problems." in lines
