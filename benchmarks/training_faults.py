"""What faults do to trainings: kills, full disks, disks with errors; afterwards the same bytes or it is told.

    python benchmarks/training_faults.py [--kinds NAME ...] [--kills N] [--errors N] [--seed N] [--write]

Each kind of `fault_trainings.py` runs once undisturbed, and then with faults: it is killed before and after
calls that change files, in the middle of a write, and at random moments; calls fail with ENOSPC, EDQUOT and
EIO; it is stopped and continued. Then it is run again: `epochal resume`, if there are checkpoints. After each
fault the old result or the new one must be there, whole; each checkpoint must be readable; after the second
run the result must have the bytes of the undisturbed run, and no file may be left over.

The bytes of a training depend on the processor, so both runs are on this machine. `--write` puts the table
into docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import errno
import random
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import machine
import pages
from epochal.errors import ModelError
from epochal.training.checkpoint_files import checkpoint_files
from epochal.training.checkpoints import read
from fault_injection import HANGS, Call, Fault, Injector, Places, compiled
from fault_trainings import KINDS, write_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fault_injection import Ended
    from fault_trainings import Kind

PAGE = Path(__file__).parents[1] / "docs" / "RELIABILITY.md"
SCRIPT = "training_faults.py"
OLD = b"the result of an earlier run"
BEFORE, AFTER, HALF = "killed before a call", "killed after a call", "killed within a write"
RANDOM, STOPPED = "killed at a random moment", "stopped and continued"
ERRORS = {errno.ENOSPC: "disk full", errno.EDQUOT: "quota used up", errno.EIO: "disk error"}
COLUMNS = (BEFORE, AFTER, HALF, RANDOM, *ERRORS.values(), STOPPED)
KILLS = {"signal-before": BEFORE, "signal-after": AFTER, "half-signal": HALF}
# Calls that need no space fail only on a disk with errors.
NEED_NO_SPACE = {"unlink", "rmdir", "chmod"}
# Calls that a run makes only to replace an older result.
REPLACING = {"chmod", "rename", "unlink"}
# The files of a cache that a run may keep.
KEPT = "work/kept/"
STATE = "work/m.epochal.checkpoint"
SAVED = re.compile(r"the model is saved as (\S+\.epochal)")


class Original(NamedTuple):
    """An undisturbed run: its result, the names of all files then, its calls, and its seconds."""

    content: bytes
    names: list[str]
    calls: list[Call]
    seconds: float


class Trial(NamedTuple):
    """A fault, or the moment of a kill in seconds, and whether an older result is there."""

    column: str
    fault: Fault | None
    kill_after: float
    replaces: bool


class Outcome(NamedTuple):
    """Whether a run came as far as to its fault, and what was wrong then and afterwards."""

    reached: bool
    problems: list[str]


class Proof:
    """Trials of one kind, in a folder."""

    def __init__(self, kind: Kind, injector: Injector, folder: Path) -> None:
        """Make the files that a run of this kind begins with."""
        self.kind, self.injector, self.places = kind, injector, Places(folder / "run")
        self.words, self.begin, data = [*kind.words, "--quiet"], folder / "begin", folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        write_data(data)
        if kind.before:
            self.places.begin(data)
            self._completed(kind.before)
            data = self.places.work
        shutil.rmtree(self.begin, ignore_errors=True)
        shutil.copytree(data, self.begin)

    def original(self) -> Original:
        """Return the undisturbed run, which replaces an older result."""
        self._begin(replaces=True)
        ended = self._completed(self.words)
        return Original(self._out.read_bytes(), self.places.names(), ended.calls, ended.seconds)

    def tried(self, trial: Trial, original: Original) -> Outcome:
        """Return what a fault does."""
        self._begin(replaces=trial.replaces)
        ended = self.injector.run(self.words, self.places, trial.fault, trial.kill_after)
        reached = ended.code == -signal.SIGKILL if "kill" in trial.column else _has(ended, trial)
        problems = [*self._damage(original, replaces=trial.replaces), *self._unsaid(ended)]
        problems += self._rescued(ended, original)
        if ended.code:
            again = self.injector.run(self._continuing(), self.places)
            if again.code:
                problems.append(f"the next run ended with {again.code}: {again.err}")
        if not self._out.exists() or self._out.read_bytes() != original.content:
            problems.append("the bytes are others")
        names, expected = set(self.places.names()), set(original.names)
        # A cache that cannot be written is not kept.
        missing = {name for name in expected - names if not name.startswith(KEPT)}
        left = names - expected
        if "cannot be removed" in ended.err or (trial.fault and trial.fault.call == "rmdir"):
            # A disk with errors keeps a checkpoint, and a warning says so; or it keeps an empty folder.
            left = {name for name in left if not name.startswith(STATE)}
        if left or missing:
            problems.append(f"left: {sorted(left)}, missing: {sorted(missing)}")
        return Outcome(reached, problems)

    @property
    def _out(self) -> Path:
        """The file of the result."""
        return self.places.work / self.kind.out

    def _begin(self, *, replaces: bool) -> None:
        """Make the folders of a run anew; returns nothing."""
        self.places.begin(self.begin)
        if replaces:
            self._out.write_bytes(OLD)

    def _completed(self, words: Sequence[str]) -> Ended:
        """Return how a run without faults ends; an error if it fails."""
        ended = self.injector.run(words, self.places)
        if ended.code:
            msg = f"{' '.join(words)} ended with {ended.code}: {ended.err}"
            raise RuntimeError(msg)
        return ended

    def _continuing(self) -> list[str]:
        """Return the words that continue a run."""
        if checkpoint_files(self.places.state):
            return ["resume", self.places.state.name, "--quiet"]
        return self.words

    def _damage(self, original: Original, *, replaces: bool) -> Iterator[str]:
        """Yield what is damaged: the result is the old one or the new one, checkpoints can be read."""
        content = self._out.read_bytes() if self._out.exists() else None
        if content not in {OLD if replaces else None, original.content}:
            yield "the result is neither the old one nor the new one"
        for path in checkpoint_files(self.places.state):
            try:
                read(path)
            except ModelError as error:
                yield f"a checkpoint is damaged: {error}"

    def _unsaid(self, ended: Ended) -> Iterator[str]:
        """Yield what is wrong with the messages: an error is one, and clear."""
        lines = [line for line in ended.err.splitlines() if line.startswith("epochal: error:")]
        if ended.code not in {0, 6, -signal.SIGKILL} or len(lines) != (ended.code == 6):
            yield f"it ended with {ended.code}: {ended.err}"
        if "Traceback" in ended.err:
            yield f"a traceback: {ended.err}"

    def _rescued(self, ended: Ended, original: Original) -> Iterator[str]:
        """Yield what is wrong with a model that was saved elsewhere, which is removed then."""
        if ended.code != 6:
            return
        saved = SAVED.search(ended.err)
        trained = any(call.folder == "state" for call in ended.calls)
        if saved is None:
            if trained:
                yield f"the model is lost: {ended.err}"
            return
        path = self.places.work / saved[1]
        if not path.exists() or path.read_bytes() != original.content:
            yield f"the model that was saved elsewhere is another one: {ended.err}"
        if path != self._out:
            path.unlink(missing_ok=True)


def _has(ended: Ended, trial: Trial) -> bool:
    """Return whether a run has made the call of the fault."""
    fault = trial.fault
    return any(call[:3] == fault[:3] for call in ended.calls) if fault else False


def spots(calls: Sequence[Call], draws: random.Random) -> list[Call]:
    """Return of each call within each folder the first one, the last one, and one between.

    How many checkpoints a training writes depends on the speed of the disk, so of these the first half.
    """
    counts = Counter((call.folder, call.call) for call in calls)
    found = []
    for (folder, name), count in counts.items():
        last = max(count // 2, 1) if folder == "state" else count
        numbers = {1, last, draws.randint(1, last)}
        found += [call for call in calls if call[:2] == (folder, name) and call.number in numbers]
    return found


def trials(original: Original, kills: int, errors: int, draws: random.Random) -> list[Trial]:
    """Return so many kills, a quarter of them at random moments, so many errors, and a stop."""
    places = spots(original.calls, draws)
    writes = [call for call in places if call.call == "write"]
    moments = kills // 4

    def at(call: Call, column: str, action: str, value: int) -> Trial:
        """Return a fault at a call."""
        needed = call.folder == "work" and (call.call in REPLACING or call[1:3] == ("link", 2))
        replaces = needed or draws.random() < 0.5
        return Trial(column, Fault(*call[:3], action, value), HANGS, replaces)

    deadly = [
        *(
            at(call, KILLS[action], action, signal.SIGKILL)
            for call in places
            for action in KILLS
            if action != "half-signal"
        ),
        *(at(call, HALF, "half-signal", signal.SIGKILL) for call in writes),
    ]
    failing = [
        at(call, ERRORS[number], action, number)
        for number in ERRORS
        for action in ("fail-once", "fail-on", "half-fail")
        for call in (writes if action == "half-fail" else places)
        if number == errno.EIO or call.call not in NEED_NO_SPACE
    ]
    first = 0.3 * original.seconds
    return [
        *draws.sample(deadly, min(kills - moments, len(deadly))),
        *(
            Trial(RANDOM, None, draws.uniform(first, original.seconds), draws.random() < 0.5)
            for _ in range(moments)
        ),
        *draws.sample(failing, min(errors, len(failing))),
        at(draws.choice(places), STOPPED, "signal-before", signal.SIGSTOP),
    ]


class Tally(NamedTuple):
    """Of one kind: how many trials of each column reached their fault, how many of them failed; problems."""

    reached: Counter[str]
    failed: Counter[str]
    problems: list[str]


def tally(name: str, proof: Proof, options: argparse.Namespace) -> Tally:
    """Return the counts of all trials of a kind; problems are printed at once."""
    original, draws = proof.original(), random.Random(f"{options.seed} {name}")
    result = Tally(Counter(), Counter(), [])
    for trial in trials(original, options.kills, options.errors, draws):
        outcome = proof.tried(trial, original)
        result.reached[trial.column] += outcome.reached
        result.failed[trial.column] += outcome.reached and bool(outcome.problems)
        for problem in outcome.problems:
            line = (
                f"{name}, {trial.column} ({trial.fault or f'{trial.kill_after:.2f} s'}): {problem}"
            )
            print(line, file=sys.stderr, flush=True)
            result.problems.append(line)
    return result


def report(results: dict[str, Tally]) -> str:
    """Return the table: of each kind and column the number of trials, and of those that failed, if any."""
    rows = [(name, *_cells(of.reached, of.failed)) for name, of in results.items()]
    reached: Counter[str] = sum((of.reached for of in results.values()), Counter())
    failed: Counter[str] = sum((of.failed for of in results.values()), Counter())
    kills = sum(reached[column] for column in COLUMNS if "kill" in column)
    failures = sum(len(of.problems) for of in results.values())
    rows.append(("**all**", *_cells(reached, failed)))
    sentence = (
        f"{kills} kills of {len(results)} kinds of runs, {reached.total() - kills} other faults: "
    )
    sentence += f"{reached.total() - failed.total()} equal results; {failures} problems."
    return "\n\n".join([pages.table(("", *COLUMNS), rows), sentence, machine.line()])


def _cells(reached: Counter[str], failed: Counter[str]) -> Iterator[str]:
    """Yield the cells of a row."""
    for column in COLUMNS:
        failures = f" ({failed[column]} failed)" if failed[column] else ""
        yield f"{reached[column]}{failures}"


def main(argv: Sequence[str] | None = None) -> int:
    """Try the faults and print the table; return the exit code, 1 if there is a problem."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--kills", type=int, default=12, help="of each kind (default: 12)")
    parser.add_argument("--errors", type=int, default=6, help="of each kind (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: 0)")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shim = compiled(root)
        if shim is None:
            print("this needs Linux and a C compiler", file=sys.stderr)
            return 2
        injector, results = Injector(shim, root / "programs"), {}
        for name in options.kinds:
            print(name, file=sys.stderr, flush=True)
            results[name] = tally(name, Proof(KINDS[name], injector, root), options)
    text = report(results)
    print(text)
    if options.write:
        pages.write(text, PAGE, "training faults", SCRIPT)
    return 1 if any(of.problems for of in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
