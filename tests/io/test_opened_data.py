"""Files under another name, and data that are opened once."""

from __future__ import annotations

import gc
from pathlib import Path

from epochal.io.opened_data import OpenedData, ending_of, named_file


def test_a_named_file_is_shown_by_its_name_and_opens_the_other(tmp_path):
    """Messages say the name; the system gets the path."""
    path = tmp_path / "a.tmp"
    path.write_text("content")
    named = named_file(path, ".tsv", "standard input")

    assert str(named) == f"{named}" == "standard input"
    assert named.read_text() == "content"
    assert named.stat().st_size == len("content")
    assert ending_of(named) == ".tsv"


def test_without_a_name_it_has_its_own(tmp_path):
    """Without a display name, the name and the ending are those of the path."""
    named = named_file(tmp_path / "people", ".csv")

    assert str(named) == str(tmp_path / "people")
    assert ending_of(named) == ".csv"
    assert ending_of(Path("people.CSV.gz")) == ".csv"


def test_what_is_derived_from_it_is_a_path_like_others(tmp_path):
    """The folder of a named file is the folder of its name."""
    named = named_file(tmp_path / "people", ".csv")

    assert Path(named.parent).is_dir()
    assert ending_of(named.with_name("other.npy")) == ".npy"


def test_its_file_is_closed_when_nobody_knows_it(tmp_path):
    """The file is closed when its last reference is gone."""
    file = (tmp_path / "a").open("w+b", buffering=0)
    named = named_file(tmp_path / "a", ".csv", "a pipe", file)
    assert not file.closed

    del named
    gc.collect()
    assert file.closed


def test_opened_data_are_a_name_with_files():
    """They stand wherever the path of data stands."""
    opened = OpenedData("standard input", [Path("a")], "-")

    assert f"160 rows of {opened}" == "160 rows of standard input"
    assert (opened.parts, opened.typed) == ([Path("a")], "-")
