"""Trainings in bounded memory, as the command line does them."""

from __future__ import annotations

import json

import pytest

from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")


def test_in_bounded_memory_the_model_is_the_same(run, table, tmp_path):
    """Streamed rows that fit in the end train, on the same rows, the same members as others."""
    given = ("--target", "income", "--test-fraction", "0.2", *TINY, "--out")
    whole = run("train", table, *given, "whole.epochal", "--json")
    bounded = run("train", table, *given, "bounded.epochal", "--memory", "1GB", "--json")
    results = [json.loads(ended.out.splitlines()[-1]) for ended in (whole, bounded)]

    assert (whole.code, bounded.code) == (0, 0)
    for name in ("classes", "best_loss", "test"):
        assert results[0][name] == results[1][name]
    members = [load(tmp_path / f"{name}.epochal").members for name in ("whole", "bounded")]
    for layer, other in zip(*members, strict=True):
        assert layer[0].numeric.slope.tobytes() == other[0].numeric.slope.tobytes()
    assert (
        "read as they are needed"
        in run("train", table, "--target", "income", *TINY, "--memory", "1GB").err
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--memory", "much"), "the size is 'much'"),
        (("--memory", "10MB"), "memory_limit (--memory) is 10 MB; expected at least"),
        (("--memory", "1GB", "--valid", "nowhere.csv"), "nowhere.csv"),
        (("--memory", "1GB", "--drop", "aeg"), "no column 'aeg'"),
    ],
)
def test_errors_with_bounded_memory_have_a_message(run, table, tmp_path, words, expected):
    """Each ends with one message, and no model."""
    ended = run("train", table, "--target", "income", *TINY, *words)

    assert ended.code != 0
    assert expected in ended.err
    assert not list(tmp_path.glob("*.epochal"))


def test_bounded_memory_has_weights_groups_times_and_other_rows(run, table, tmp_path):
    """Every role of a column works on streamed rows, and rows of their own validate."""
    lines = table.read_text().splitlines()
    more = [f"{line},{number % 3},g{number // 4}" for number, line in enumerate(lines[1:])]
    path = tmp_path / "more.csv"
    path.write_text("\n".join([lines[0] + ",w,who", *more]) + "\n")
    base = ("train", path, "--target", "income", *TINY, "--weight", "w", "--memory", "1GB")
    for words in (
        ("--group", "who"),
        ("--time", "since", "--drop", "who"),
        ("--valid", path, "--drop", "who"),
        ("--test", path, "--drop", "who"),
    ):
        ended = run(*base, *words)
        assert ended.code == 0, ended.err
    assert " test rows\n" in ended.out
