"""Events, results and errors of every command are objects as docs/JSON.md describes them."""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from epochal.cli import main as edge
from epochal.cli.exit_codes import INTERNAL_ERROR, INTERRUPTED, NO_MEMORY
from epochal.model.shape import mismatches

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")
EPOCHAL = (sys.executable, "-m", "epochal")
ROOT = Path(__file__).parents[2]
RED = "red\x1b[31m"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def tables_of(page: Path) -> dict[str, dict[str, str]]:
    """Return the keys and types that a page describes under each of its headings."""
    found: dict[str, dict[str, str]] = {}
    heading = ""
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("### "):
            heading = re.sub(r"[`*]", "", line.removeprefix("### "))
            found[heading] = {}
        elif match := re.fullmatch(r"\| `(\w+)` \| ([^|]+) \| .+ \|", line):
            found[heading][match[1]] = match[2]
    return found


TABLES = tables_of(ROOT / "docs" / "JSON.md")
PLAIN = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "any": object,
    "label": (str, int, float, bool),
}


def shape_of(kind: str):
    """Return a type of the page as a shape of `epochal.model.shape`."""
    if match := re.fullmatch(r"\*(.+)\*", kind):
        return {key: shape_of(one) for key, one in TABLES[match[1]].items()}
    if kind.startswith("list of "):
        return [shape_of(kind.removeprefix("list of "))]
    if kind.endswith(" or null"):
        return (shape_of(kind.removesuffix(" or null")), None)
    if kind.endswith(" by text"):
        return {str: shape_of(kind.removesuffix(" by text"))}
    return PLAIN[kind]


def misfits_of(line: str, result: str) -> list[tuple[str, str, str]]:
    """Return the differences of an event from the page; `result` names the kind of a result."""
    event = json.loads(line, parse_constant=pytest.fail)
    heading = result if event["event"] == "result" else event["event"]
    keys = dict(TABLES[heading])
    if heading == "result of evaluate":
        keys |= TABLES["figures"]
    shape = {key: shape_of(kind) for key, kind in keys.items()}
    return list(mismatches(event, {"event": str, "schema": int} | shape, heading))


def checked(out: str, result: str) -> list[str]:
    """Return the names of the events on a stream, after comparing each with the page."""
    lines = out.splitlines()
    for line in lines:
        event = json.loads(line)
        assert event["schema"] == 1
        assert line.isascii()
        assert not (found := misfits_of(line, result)), found
    return [json.loads(line)["event"] for line in lines]


def test_the_validator_finds_what_is_not_documented():
    """A key more, a key less and another type are found: the tests below can fail."""
    good = {"event": "waiting", "schema": 1, "source": "a pipe"}

    assert not misfits_of(json.dumps(good), "")
    for bad in (good | {"more": 1}, good | {"source": 1}, {"event": "waiting", "schema": 1}):
        assert misfits_of(json.dumps(bad), "")
    figures = {"event": "result", "schema": 1, "model": "m", "data": "d"}
    assert misfits_of(json.dumps(figures), "result of evaluate")


def test_every_event_of_a_training_is_as_documented(run, table):
    """Events with test rows, duplicates, warnings and dropped rows have all possible keys."""
    table.write_text(table.read_text() + "31,clerk,true,2020-01-15,\n")
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",one", *(line + ",7" for line in lines[1:])]) + "\n")
    words = ("--target", "income", *TINY, "--test", table, "--valid", table, "--json")
    ended = run("train", table, *words)
    data = json.loads(ended.out.splitlines()[0])

    assert ended.err == ""
    # Where the C kernels are missing, a warning says so.
    events = [event for event in checked(ended.out, "result of train") if event != "warning"]
    assert events == ["data", "epoch", "epoch", "result"]
    assert (data["dropped"], data["validation_rows"]) == (1, 160)
    assert data["duplicates"] == {"validate": 160, "test": 160}
    assert [one["column"] for one in data["warnings"]] == ["one"]


def test_events_of_other_commands_are_as_documented(run, model, table):
    """Results, and warnings before them."""
    words = ("--target", "income", "--json")
    more = table.read_text().replace("\n", ",x\n").replace("income,x", "income,hobby")
    table.write_text(more)
    for words, result, events in (
        (("inspect", table, "--target", "income"), "inspect DATA", ["result"]),
        (("inspect", model), "inspect MODEL", ["result"]),
        (("evaluate", model, table), "evaluate", ["warning", "result"]),
        (("predict", model, table, "--out", "p.csv"), "predict", ["warning", "result"]),
    ):
        ended = run(*words, "--json")
        assert ended.err == ""
        assert checked(ended.out, f"result of {result}") == events


# A command that ends well, one that warns and one that fails, for each.
RUNS = {
    "train": (
        "result of train",
        ("train", "people.csv", "--target", "income", *TINY),
        ("train", "few.csv", "--target", "income", *TINY),
        ("train", "people.csv", "--target", "incom"),
    ),
    "predict": (
        "result of predict",
        ("predict", "people.epochal", "people.csv", "--out", "p.csv"),
        ("predict", "people.epochal", "new.csv", "--out", "p.csv", "--batch-rows", "20"),
        ("predict", "people.epochal", "new.csv", "--keep", "nothing"),
    ),
    "evaluate": (
        "result of evaluate",
        ("evaluate", "people.epochal", "people.csv"),
        ("evaluate", "people.epochal", "new.csv", "--batch-rows", "20"),
        ("evaluate", "people.epochal", "people.csv", "--target", "nowhere"),
    ),
    "inspect": (
        "result of inspect DATA",
        ("inspect", "people.csv", "--target", "income"),
        ("inspect", "few.csv", "--target", "income"),
        ("inspect", "people.csv"),
    ),
}


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
@pytest.mark.parametrize("command", list(RUNS))
def test_results_warnings_and_errors_are_as_documented(run, model, table, command, quiet):
    """Each command: a result, a warning and a result, an error; nothing else is written anywhere."""
    content = table.read_text()
    Path("few.csv").write_text("".join(content.splitlines(keepends=True)[:40]))
    Path("new.csv").write_text(content.replace("cook", "Koch"))
    assert model.name == "people.epochal"
    result, *runs = RUNS[command]
    for words, code, warns, last in zip(
        runs, (0, 0, None), (False, True, None), ("result", "result", "error"), strict=True
    ):
        out = ("--out", "m.epochal") if command == "train" else ()
        ended = run(*words, *out, *quiet, "--json")
        stream = ended.err if "--keep" in words else ended.out
        events = checked(stream, result)
        messages = [e["message"] for e in map(json.loads, stream.splitlines()) if "hint" in e]
        ours = [text for text in messages if "more slowly" not in text]

        assert ended.code == (code if code is not None else 4), stream
        assert ended.out + ended.err == stream
        assert events[-1] == last
        assert warns is None or len(ours) == warns
        assert not (quiet and {"data", "epoch"} & {*events})


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",)])
def test_unknown_categories_are_one_warning(run, model, table, command, words):
    """Of all rows, and not of each piece; to a person, to a machine, and when quiet."""
    table.write_text(table.read_text().replace("cook", "Koch\x1b[1m"))
    count = table.read_text().count("Koch")
    out = ("--out", "p.csv") if command == "predict" else ()
    ended = run(command, model, table, *out, "--batch-rows", "7", *words)
    shown = [
        line for line in (ended.out + ended.err).splitlines() if "unknown to the model" in line
    ]

    assert ended.code == 0
    assert len(shown) == 1
    assert f"in {100 * count / 160:.1f} % of the rows ({count} of 160)" in shown[0]
    assert "\x1b" not in shown[0]


def test_beside_predictions_events_are_on_standard_error(run, model, table):
    """Standard output has the predictions alone."""
    ended = run("predict", model, table, "--json")

    assert ended.out.startswith("prediction,")
    assert checked(ended.err, "result of predict") == ["result"]
    assert json.loads(ended.err)["out"] == "standard output"


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("train", "nowhere.csv", "--json"), 3, "MissingFileError"),
        (("train", "--json"), 2, "SettingError"),
        (("train", "a.csv", "--json", "--dropuot", "1"), 2, "SettingError"),
        (("inspect", "nowhere.epochal", "--json"), 3, "MissingFileError"),
        (
            ("predict", "nowhere.epochal", "a.csv", "--out", "p.csv", "--json"),
            3,
            "MissingFileError",
        ),
    ],
)
def test_errors_are_events(run, words, code, kind):
    """On standard output, with the exit code; also where the command line itself is wrong."""
    ended = run(*words)
    event = json.loads(ended.out)

    assert (ended.code, ended.err) == (code, "")
    assert checked(ended.out, "") == ["error"]
    assert (event["code"], event["kind"]) == (code, kind)


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted"),
        (MemoryError(), NO_MEMORY, "NoMemory"),
        (ZeroDivisionError("surprise"), INTERNAL_ERROR, "InternalError"),
        (OSError(5, "Input/output error"), 6, "WriteError"),
    ],
)
def test_other_ends_are_events_too(monkeypatch, capsys, error, code, kind):
    """Whatever ends a command is one object for a machine."""

    def action(_):
        """Raise the error."""
        raise error

    monkeypatch.setattr(edge, "import_module", lambda _: SimpleNamespace(run=action))
    assert edge.main(["inspect", "m", "--json"]) == code
    out = capsys.readouterr().out

    assert checked(out, "") == ["error"]
    assert json.loads(out)["kind"] == kind


def test_a_warning_is_shown_once_in_either_form(monkeypatch, capsys):
    """However often it is raised."""

    def action(_) -> int:
        """Warn twice."""
        for _ in range(2):
            warnings.warn("a column is surplus", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(edge, "import_module", lambda _: SimpleNamespace(run=action))
    assert edge.main(["inspect", "m", "--json"]) == 0

    assert checked(capsys.readouterr().out, "") == ["warning"]
