"""What may be typed, and the answer to what may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from epochal.cli import writing
from epochal.cli.parser import FORMATS, OUT_FORMATS, help_text, parsed
from epochal.errors import SettingError
from epochal.io import discovery

if TYPE_CHECKING:
    from pathlib import Path


def test_train_has_its_defaults():
    """Only DATA is required; the seed is fixed, so that the same command gives the same model."""
    arguments = parsed(["train", "people.csv"])

    assert arguments.command == "train"
    assert arguments.data == "people.csv"
    assert arguments.random_state == 0
    assert arguments.preset is None
    assert arguments.out is None


def test_names_are_a_record_and_add_up():
    """Several columns are one word, in quotes where they hold a comma; an option again adds to it."""
    words = ["--drop", 'id, "last, first"', "--drop", "age", "--categorical", "zip"]
    arguments = parsed(["train", "d.csv", *words])

    assert arguments.drop == ["id", "last, first", "age"]
    assert arguments.categorical == ["zip"]
    # The default is not what was typed before.
    assert parsed(["train", "d.csv"]).drop == []


@pytest.mark.parametrize("option", ["--drop", "--categorical"])
@pytest.mark.parametrize("text", ["", ",", "id,", "id,,age", '"id', '"id"x'])
def test_names_that_are_empty_or_open_are_refused(option, text):
    """A list without a column name is refused, since it would silently drop nothing."""
    with pytest.raises(SettingError, match="empty name or an open quote"):
        parsed(["train", "d.csv", f"{option}={text}"])


def test_the_formats_are_those_that_are_read_and_written():
    """The parser's copy of the formats, for which help loads no library, equals the readers' and writers'."""
    assert set(FORMATS) == set(discovery.FORMATS)
    assert set(OUT_FORMATS) == set(writing.SUFFIXES.values())


@pytest.mark.parametrize(
    ("words", "found", "hint"),
    [
        (["trian", "d.csv"], "trian", "epochal --help"),
        (["train", "d.csv", "--dropuot", "0.1"], "--dropuot", "'--dropout'"),
        (["train", "d.csv", "--zzz=3"], "--zzz", "there are"),
        (["train", "d.csv", "--target"], "--target", "epochal train --help"),
        (["train", "d.csv", "--preset", "bset"], "bset", "epochal train --help"),
        (["train", "d.csv", "--test", "t.csv", "--test-fraction", "0.1"], "not allowed", "--help"),
        (["train", "d.csv", "--test-fraction", "1.5"], "'1.5' is not a number between 0 and 1", ""),
        (["train", "d.csv", "--test-fraction", "nan"], "between 0 and 1", ""),
        (["train", "d.csv", "--random-state", "-1"], "whole number from 0", ""),
        (["predict", "m.epochal"], "DATA", "epochal predict --help"),
        (["predict", "m.epochal", "d.csv", "--batch-rows", "0"], "from 1 up", ""),
        (["predict", "m.epochal", "d.csv", "-o", "p.csv"], "there is no option -o", "'--out'"),
        (["predict", "m.epochal", "d.csv", "-x"], "there is no option -x", "two dashes"),
        (["inspect", "m.epochal", "more"], "'more' is one argument too many", ""),
        (["--json", "inspect", "m.epochal"], "--json is before the command", ""),
    ],
)
def test_errors_have_a_message_and_a_hint(words, found, hint):
    """An invalid command line is a setting error that names the mistake, with a hint."""
    with pytest.raises(SettingError) as caught:
        parsed(words)

    assert found in caught.value.found
    assert hint in caught.value.hint


def test_options_are_not_abbreviated():
    """A beginning of an option is a typing mistake, lest a new option changes its meaning."""
    with pytest.raises(SettingError, match="--drop-out"):
        parsed(["train", "d.csv", "--drop-out", "0.1"])


def test_a_glob_that_the_shell_has_expanded_is_explained(tmp_path: Path):
    """Several files after the first hint at quotes."""
    part = tmp_path / "part-2.csv"
    part.touch()
    with pytest.raises(SettingError) as caught:
        parsed(["train", "part-1.csv", str(part)])

    assert "quotes" in caught.value.hint


def test_the_help_shows_all_commands():
    """The help of the program lists the four commands."""
    for command in ("train", "predict", "evaluate", "inspect"):
        assert f"    {command}" in help_text()


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "inspect"])
def test_every_help_fits_80_columns(command, capsys, monkeypatch):
    """Help is readable in the smallest usual terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        parsed([command, "--help"])
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def test_options_after_two_dashes_are_an_error():
    """They are not reported as unknown options, and no hint repeats the input."""
    with pytest.raises(SettingError, match="--target is after --") as caught:
        parsed(["train", "--", "-x.csv", "--target", "y"])
    assert "./-name" in caught.value.hint


def test_a_file_that_looks_like_an_option_is_told(tmp_path, monkeypatch):
    """The hint is how to write it; without such a file the error is the usual one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="required: DATA"):
        parsed(["train", "-people.csv"])
    (tmp_path / "-people.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingError, match="begins with a dash") as raised:
        parsed(["train", "-people.csv"])
    assert raised.value.hint == "write ./-people.csv"
    assert parsed(["train", "./-people.csv"]).data == "./-people.csv"
