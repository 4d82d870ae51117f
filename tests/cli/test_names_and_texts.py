"""Columns of names and of texts, as the values or the user say, through every command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from epochal.model.persistence import load

NONE = "none: not informative about the class"
ROWS = 1200


@pytest.fixture
def goods(tmp_path: Path) -> Path:
    """Return the path of a table whose words of `title` decide; no title recurs, and `zip` has numbers."""
    rng = np.random.default_rng(0)
    words = rng.integers(60, size=(3, ROWS))
    letters = [f"{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(100)]
    table = pa.table(
        {
            "title": [" ".join(letters[n] for n in three) for three in words.T],
            "shop": [letters[n] for n in rng.integers(90, size=ROWS)],
            "size": [("S", "M", "very large")[n] for n in rng.integers(3, size=ROWS)],
            "zip": rng.integers(1000, 1700, size=ROWS),
            "sold": np.where((words < 12).any(axis=0), "yes", "no"),
        }
    )
    pyarrow.csv.write_csv(table, tmp_path / "goods.csv")
    return tmp_path / "goods.csv"


def section_of(output: str, title: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a table under a title, without its first column, by that."""
    section = output.partition(f"{title}\n")[2].partition("\n\n")[0]
    cells = [re.split(r"\s{2,}", line.strip()) for line in section.splitlines()]
    return {first: tuple(others) for first, *others in cells}


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_how_columns_are_read_is_told_with_the_reason(run, goods, memory):
    """The values decide, unless an option does; numbers are amounts unless an option names them."""
    words = ("inspect", goods, "--target", "sold", *memory)
    by_values = section_of(run(*words).out, "Names and texts")
    told = section_of(
        run(*words, "--categorical", "title", "--text", "zip,size").out, "Names and texts"
    )
    found = json.loads(run(*words, "--text", "zip", "--json").out)
    readings = {one["name"]: one["reading"] for one in found["columns"]}

    assert by_values == {
        "column": ("read as", "target statistics"),
        "title": ("text: 3.0 words a value", "words"),
        "shop": ("names: one word a value", NONE),
        "size": ("names: 3 values",),
    }
    assert told == {
        "column": ("read as", "target statistics"),
        "title": ("names (--categorical)", NONE),
        "shop": ("names: one word a value", NONE),
        "size": ("text (--text)", NONE),
        "zip": ("text (--text)", NONE),
    }
    assert readings["zip"] == {"read_as": "text", "words_per_value": 1.0, "by_option": True}
    assert readings["title"] == {"read_as": "text", "words_per_value": 3.0, "by_option": False}
    assert (readings["shop"]["read_as"], readings["shop"]["by_option"]) == ("names", False)


def test_a_table_without_categories_has_no_readings(run, tmp_path):
    """There is nothing to tell."""
    np.savez(tmp_path / "xy.npz", X=np.eye(80), y=np.arange(80) % 2)

    assert "Names and texts" not in run("inspect", "xy.npz").out


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_columns_are_read_as_told_from_training_to_prediction(run, goods, memory):
    """A model without the words of titles cannot know new ones; it keeps what it was told when it goes on."""
    head, *rows = goods.read_text().splitlines()
    new = goods.with_name("new.csv")
    new.write_text("\n".join([head, *rows[900:]]) + "\n")
    goods.write_text("\n".join([head, *rows[:900]]) + "\n")
    Path("columns.toml").write_text('target = "sold"\ntext = ["title", "zip"]\n')
    quick = ("--preset", "fast", "--n-estimators", "4", "--n-folds", "4", "--max-iter", "15")
    accuracy, columns = {}, {}
    for name, more in {"texts": (), "names": ("--text", "zip", "--categorical", "title")}.items():
        out = f"{name}.epochal"
        words = ("train", goods, "--columns", "columns.toml", *quick, *memory, *more)
        assert run(*words, "--out", out).code == 0
        again = ("train", goods, "--from", out, *memory, "--max-iter", "1", "--out", "on.epochal")
        assert run(*again).code == 0
        assert load(Path("on.epochal")).parameters.read_as([]) == load(
            Path(out)
        ).parameters.read_as([])
        assert run("predict", out, new).out.count("\n") == 301
        accuracy[name] = json.loads(run("evaluate", out, new, "--json").out)["accuracy"]
        described = json.loads(run("inspect", out, "--json").out)
        columns[name] = described["text_features"], described["categorical_features"]
        shown = run("inspect", out).out
        categories = "64 categories and others"
        listed = section_of(shown, "Columns (4 category)")
        words = " (--text)" if name == "texts" else " (--categorical)"
        assert listed["title"] == (categories + words,)
        assert listed["zip"] == (f"{categories} (--text)",)
        assert listed["shop"] == (categories,)
        statistics = section_of(shown, "Target statistics") if name == "texts" else {}
        assert ("title" in statistics) == (name == "texts")

    assert columns == {"texts": (["title", "zip"], []), "names": (["zip"], ["title"])}
    assert accuracy["texts"] > accuracy["names"] + 0.2


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
@pytest.mark.parametrize("command", ["inspect", "train"])
def test_wrong_columns_are_refused_as_those_of_other_options(run, goods, command, memory):
    """One that is not there, one of both options, and one that is dropped."""
    words = (command, goods, "--target", "sold", *memory)
    unknown = [run(*words, option, "titel") for option in ("--categorical", "--text")]
    both = run(*words, "--categorical", "shop,title", "--text", "title")
    dropped = run(*words, "--text", "title", "--drop", "title")

    assert [ended.code for ended in (*unknown, both, dropped)] == [4, 4, 2, 4]
    assert unknown[0].err == unknown[1].err
    assert "did you mean 'title'" in unknown[1].err
    assert "column 'title' is in --categorical and in --text; expected one of them" in both.err
    assert "no column 'title'" in dropped.err
