"""Output: printable for a person, as documented for a machine, and not lost on a broken stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from epochal.cli.exit_codes import INTERRUPTED, NO_READER
from epochal.cli.output import Fault, Output, as_json
from epochal.errors import DataError

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")
EPOCHAL = (sys.executable, "-m", "epochal")
ROOT = Path(__file__).parents[2]
RED = "red\x1b[31m"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def test_json_is_ascii_on_one_line():
    """No character of a name breaks a line or moves a cursor, and all come back."""
    text = "ä\u2028\x85\x1b[31m\x7f\u202e\ud800\n"
    line = as_json({"name": text, "number": float("inf")})

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"name": text, "number": None}


def test_quiet_leaves_results_warnings_and_errors(capsys):
    """Quiet output has warnings, but no progress and no notices."""
    for as_machine in (False, True):
        output = Output(as_json=as_machine, quiet=True)
        output.notice("by the way")
        output.event("epoch", epoch=1)
        output.warning("look out")
        captured = capsys.readouterr()
        assert "look out" in captured.out + captured.err
        assert "by the way" not in captured.out + captured.err
        assert "epoch" not in captured.out + captured.err.replace("epochal", "")


def test_quiet_predictions_and_figures(run, model, table):
    """With --quiet, predict prints nothing, and evaluate only its metrics."""
    assert run("predict", model, table, "--out", "p.csv", "--quiet")[:3] == (0, "", "")
    quiet, usual = (run("evaluate", model, table, *words) for words in (("--quiet",), ()))

    assert quiet == usual


def test_what_is_not_printable_is_escaped(capsys):
    """In results, notices, warnings and errors; the lines themselves stay lines."""
    output = Output()
    output.result({}, [f"column {RED}", "two"])
    output.notice(f"rows of {RED}")
    output.warning(f"column {RED}\nis ignored")
    output.warning("no compiler.\nHint: install one")
    output.error(Fault(4, "DataError", DataError(f"no {RED}", f"a\n{RED}", f"not {RED}")))
    captured = capsys.readouterr()

    assert captured.out == "column red\\x1b[31m\ntwo\n"
    assert captured.err.splitlines() == [
        "rows of red\\x1b[31m",
        "epochal: warning: column red\\x1b[31m\\nis ignored",
        "epochal: warning: no compiler.",
        "epochal: hint: install one",
        "epochal: error: no red\\x1b[31m; expected a\\nred\\x1b[31m.",
        "epochal: hint: not red\\x1b[31m",
    ]


def test_names_from_files_never_reach_the_terminal_as_they_are(run, tmp_path):
    """Columns, classes and file names with escape sequences: in every report of every command."""
    colours = ["blue\x1b[34m", "red\x9b31m", "up\u202edown"]
    rows = "".join(f'{k},"{colours[k % 3]}",{colours[k % 2]}\n' for k in range(60))
    path = tmp_path / f"{RED}.csv"
    path.write_text(f'size\x1b]0;x\x07,"colour\x1b[2J",class\x1b[1A\n{rows}')
    words = ("--target", "class\x1b[1A")
    printed = [
        run("inspect", path, *words),
        run("train", path, *words, *TINY, "--out", f"{RED}.epochal", "--test", path),
        run("inspect", f"{RED}.epochal"),
        run("evaluate", f"{RED}.epochal", path),
        run("predict", f"{RED}.epochal", path, "--out", f"{RED}.csv.csv"),
        run("inspect", path),
        run("train", path, "--target", "clas\x1b[1A"),
        run("predict", f"{RED}.epochal", tmp_path / "\x1b[31m.csv"),
    ]

    assert [one.code for one in printed] == [0, 0, 0, 0, 0, 4, 4, 3]
    for one in printed:
        for line in (one.out + one.err).splitlines():
            assert line.isprintable(), line
    assert "colour\\x1b[2J" in printed[0].out
    assert "red\\x9b31m" in printed[2].out


@pytest.mark.parametrize(
    "words",
    [
        (RED,),
        ("inspect", "m.epochal", f"--{RED}"),
        ("inspect", "m.epochal", f"-{RED}"),
        ("inspect", "m.epochal", RED),
        ("inspect", "m.epochal", f"--json={RED}"),
        ("train", "d.csv", "--preset", RED),
        ("train", "d.csv", "--random-state", RED),
        ("train", "d.csv", "--memory", RED),
        ("train", "d.csv", "--skip-lines", RED),
        ("train", "d.csv", "--missing-values", f'"{RED}'),
        ("train", "d.csv", "--drop", f'"{RED}'),
        ("train", "d.csv", "--dropout", RED),
        ("train", "d.csv", "--activation", RED),
        ("train", "d.csv", "--format", RED),
    ],
)
@pytest.mark.parametrize("length", [1, 100_000])
def test_errors_of_the_command_line_are_printable(run, words, length):
    """Whoever finds the mistake: the message is short, escaped, and has the code of a usage error."""
    long = [word.replace("red", "red" * length) for word in words]
    ended = run(*long)

    assert (ended.code, ended.out) == (2, "")
    assert "red\\x1b[31m" in ended.err
    assert all(line.isprintable() for line in ended.err.splitlines())
    assert len(ended.err) < 2100


def test_the_next_command_can_be_typed_whatever_the_names_are(run, table, tmp_path):
    """A shell reads the escaped name back."""
    data = tmp_path / "-a\x1b[31m' b.csv"
    data.write_text(table.read_text())
    printed = run("train", "--target", "income", *TINY, "--", data.name).out.splitlines()[-1]
    script = "printf '%s\\n' " + printed.split(" predict ")[1]
    words = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout

    model, read, *_ = words.decode().splitlines()
    assert (tmp_path / model).exists()
    assert (tmp_path / read).read_text() == table.read_text()
    assert run("predict", model, read).code == 0


@pytest.mark.parametrize("as_machine", [False, True])
def test_messages_have_a_bounded_length(capsys, as_machine):
    """A value or a name of megabytes is cut, in errors and in warnings."""
    long = "x\x1b" * 1_000_000
    output = Output(as_json=as_machine)
    output.error(Fault(4, "DataError", DataError(f"column {long!r}", long, long)))
    output.warning(long)
    captured = capsys.readouterr()

    for line in (captured.out + captured.err).splitlines():
        assert len(line) < 2500 * (2 if as_machine else 1)
    assert "…" in captured.err or "\\u2026" in captured.out


def test_a_long_name_in_a_file_is_a_short_message(run, tmp_path):
    """From a long header, through the whole program."""
    path = tmp_path / "long.csv"
    path.write_text(f"{'a' * 100_000},b\n1,2\n")
    ended = run("inspect", path, "--target", "c")

    assert ended.code == 4
    assert len(ended.err) < 2100


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return how a line of a shell ended."""
    line = line.replace("EPOCHAL", " ".join(EPOCHAL))
    command = ["bash", "-c", line]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


TRAIN = f"EPOCHAL train people.csv --target income {' '.join(TINY)}"


@needs_full
@pytest.mark.parametrize("ends", [">/dev/full", ">&-"])
@pytest.mark.parametrize("form", ["", " --json"])
def test_a_training_whose_report_fails_has_saved_its_model(table, tmp_path, ends, form):
    """The code of a failure to write, one line, and that the model is saved; also if progress fails first."""
    ended = shell(f"{TRAIN}{form} --out m.epochal {ends}", tmp_path)
    errors = [line for line in ended.stderr.splitlines() if "error" in line]

    assert ended.returncode == 6
    assert len(errors) == 1
    assert "cannot write standard output: " in errors[0]
    assert "; the model is saved as m.epochal" in errors[0]
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert (tmp_path / "m.epochal").exists()


@needs_full
@pytest.mark.parametrize(
    "line",
    [
        "predict MODEL people.csv",
        "predict MODEL people.csv --out-format parquet",
        "evaluate MODEL people.csv",
        "evaluate MODEL people.csv --json",
        "inspect MODEL",
        "inspect people.csv --target income",
    ],
)
@pytest.mark.parametrize("ends", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_an_error(model, table, tmp_path, line, ends):
    """A full disk and a closed standard output: exit code 6, and one message."""
    ended = shell(f"EPOCHAL {line.replace('MODEL', str(model))} {ends}", tmp_path)

    assert ended.returncode == 6
    assert ended.stderr.count("cannot write standard output: ") == 1
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


def test_a_closed_stream_is_given_to_no_file(table, tmp_path):
    """With all three closed a model is trained and saved whole: no file gets the number of a stream."""
    ended = shell(f"{TRAIN} --quiet --out m.epochal <&- >&- 2>&-", tmp_path)
    printed = shell(f"{TRAIN} --out m.epochal 2>&-", tmp_path)

    assert ended.returncode == 0
    assert shell("EPOCHAL inspect m.epochal", tmp_path).returncode == 0
    # Messages without a reader do not turn up elsewhere.
    assert printed.returncode == 0
    assert printed.stdout.startswith("Trained 2 members")


@needs_full
def test_a_full_standard_error_is_no_reason_to_fail(table, tmp_path):
    """Progress and notices are skipped if standard error is closed."""
    ended = shell(f"{TRAIN} --verbose --out m.epochal 2>/dev/full", tmp_path)

    assert ended.returncode == 0
    assert "Saved: m.epochal" in ended.stdout


def test_a_training_without_a_reader_continues_and_names_the_model(table, tmp_path):
    """`train --json | head -1` has its line; the model is saved, and the code is that of a broken pipe."""
    line = f"{TRAIN} --json --out m.epochal | head -1; echo ${{PIPESTATUS[0]}}"
    ended = shell(line, tmp_path)
    first, code = ended.stdout.splitlines()

    assert json.loads(first)["event"] == "data"
    assert int(code) == NO_READER
    assert "the model is saved as m.epochal" in json.loads(ended.stderr.splitlines()[-1])["message"]


def test_an_interruption_after_the_training_names_the_model(run, table, monkeypatch):
    """Ctrl-C while test rows are measured: the model is whole by then."""

    def interrupted(*_):
        """Press Ctrl-C."""
        raise KeyboardInterrupt

    monkeypatch.setattr("epochal.cli.train.figures_of", interrupted)
    words = ("--target", "income", *TINY, "--test-fraction", "0.2", "--out", "m.epochal")
    ended = run("train", table, *words)

    assert ended.code == INTERRUPTED
    assert "epochal: interrupted: no incomplete file is left; the model is saved" in ended.err


@needs_full
@pytest.mark.parametrize("words", ["--help", "--version", "train --help"])
@pytest.mark.parametrize("end", ["> /dev/full", ">&-"])
def test_a_help_that_cannot_be_written_is_an_error(tmp_path, words, end):
    """As any result."""
    ended = shell(f"{' '.join(EPOCHAL)} {words} {end}", tmp_path)

    assert ended.returncode == 6
    assert "Traceback" not in ended.stderr
