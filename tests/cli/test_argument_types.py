"""Texts of the command line as values."""

from __future__ import annotations

import argparse
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.cli.argument_types import fraction, jobs, memory_size, names, row_count, seed
from epochal.model.persistence import load

TINY = ("--max-iter", "1", "--n-estimators", "1", "--preset", "fast")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id", ["id"]),
        (" id , name ", ["id", "name"]),
        ('"a,b",c', ["a,b", "c"]),
        ('" a ",b', [" a ", "b"]),
        ('"say ""x""",y', ['say "x"', "y"]),
        ('6" pipe,7" pipe', ['6" pipe', '7" pipe']),
        ('""', [""]),
        ("naïve,ÄÖ", ["naïve", "ÄÖ"]),
    ],
)
def test_names_are_a_record(text, found):
    """Commas part names; within double quotes they are of the name; outer spaces are of no name."""
    assert names(text) == found


@pytest.mark.parametrize("text", ["", " ", ",", "id,", ",id", "id,,age", '"id', '"id"x', '"a" "b"'])
def test_what_is_no_record_is_refused(text):
    """An empty name and an open quote are typing mistakes, with the way to type them."""
    with pytest.raises(argparse.ArgumentTypeError, match="empty name or an open quote"):
        names(text)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=1))
def test_any_names_can_be_typed(found):
    """What Python's csv module writes, with all names in quotes, is read as these names."""
    record = io.StringIO(newline="")
    csv.writer(record, quoting=csv.QUOTE_ALL, lineterminator="").writerow(found)

    assert names(record.getvalue()) == found


def test_numbers_have_bounds():
    """Shares are between 0 and 1, seeds as NumPy takes them, rows at least one, sizes have units."""
    assert (jobs("2"), jobs("-1")) == (2, -1)
    assert (fraction("0.25"), seed("0"), row_count("7"), memory_size("1GB")) == (0.25, 0, 7, 10**9)
    for kind, text in (
        (jobs, "0"),
        (jobs, "all"),
        (fraction, "1"),
        (fraction, "x"),
        (seed, "-1"),
        (row_count, "0"),
        (memory_size, "much"),
    ):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)


def test_several_lists_of_columns_add_up(run, table, tmp_path):
    """`--drop` twice, and a name with a comma in quotes."""
    head, *rows = table.read_text().splitlines()
    table.write_text(
        "\n".join([f'"last, first",{head}', *(f"x{k},{row}" for k, row in enumerate(rows))]) + "\n"
    )
    words = ("--drop", '"last, first",member', "--drop", "since")
    ended = run("train", table, "--target", "income", *TINY, *words)
    columns = load(tmp_path / "people.epochal").preprocessor.schema.columns

    assert ended.code == 0
    assert [column.name for column in columns] == ["age", "job"]


@pytest.mark.parametrize("text", [",", "", "since,"])
def test_a_list_that_names_nothing_is_refused(run, table, text):
    """An invalid list of names is refused, since it would silently drop nothing."""
    ended = run("train", table, "--target", "income", *TINY, f"--drop={text}")

    assert ended.code == 2
    assert "empty name" in ended.err
