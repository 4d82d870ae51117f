"""Figures as a person reads them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from epochal.cli.printing import (
    confusion_lines,
    evaluation_lines,
    out_of_bag_lines,
    outcome_lines,
    typed_command,
)
from epochal.metrics.classification import evaluate
from epochal.records import Evaluation, History, OutOfBag


def figures(names: list[str], rows: int = 400) -> Evaluation:
    """Return figures of random probabilities for classes of these names."""
    generator = np.random.default_rng(0)
    truth = np.arange(rows) % len(names)
    return evaluate(np.array(names), truth, generator.dirichlet(np.ones(len(names)), rows))


@pytest.mark.parametrize(
    "names",
    [
        ["no", "yes"],
        [str(digit) for digit in range(10)],
        [f"a class with a very long name {k}" for k in range(4)],
        [chr(65 + k) for k in range(26)],
        ["two\nlines", "a"],
    ],
)
def test_an_evaluation_fits_80_columns(names, monkeypatch):
    """However many and however long the classes, no line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = evaluation_lines(figures(names))

    assert max(map(len, lines)) <= 80
    assert not any("\n" in line for line in lines)


def test_an_evaluation_shows_all_figures():
    """Log-loss, accuracy, balanced accuracy, AUC, calibration error, classes, confusion."""
    text = "\n".join(evaluation_lines(figures(["no", "yes"])))

    for words in (
        "log-loss",
        "accuracy",
        "balanced accuracy",
        "AUC",
        "calibration error",
        "recall",
    ):
        assert words in text
    assert "true \\ predicted" in text


def test_an_area_that_is_undefined_is_said_to_be():
    """No number stands where there is none."""
    one_class = evaluate(np.array(["a", "b"]), np.array([0, 0]), np.full((2, 2), 0.5))

    assert "undefined" in "\n".join(evaluation_lines(one_class))


def test_a_wide_confusion_matrix_becomes_its_most_frequent_mistakes(monkeypatch):
    """Where the matrix does not fit, the largest entries off its diagonal are listed."""
    monkeypatch.setenv("COLUMNS", "80")
    letters = figures([chr(65 + k) for k in range(26)], rows=2600)
    lines = confusion_lines(letters)
    counts = [int(line.split()[2]) for line in lines[1:]]
    off_diagonal = np.array(letters.confusion) - np.diag(np.diag(letters.confusion))

    assert len(counts) == 10
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == off_diagonal.max()


def test_members_with_the_same_end_share_a_line():
    """The ends of 3 members in 2 lines, and the epochs of their best copies."""
    history = History(
        ((1.0,),) * 3, ((1.0,),) * 3, (4, 9, 7), (1.0,) * 3, ("limit", "done", "limit")
    )
    lines = outcome_lines(history)

    assert "epochs 4 to 9" in lines[0]
    assert lines[1].split() == ["2", "members", "limit"]
    assert lines[2].split() == ["1", "member", "done"]


@pytest.mark.parametrize("optimistic", [True, False])
def test_scores_that_flatter_are_called_optimistic(optimistic):
    """The word stands where the same rows chose the epoch, and only there."""
    text = "\n".join(out_of_bag_lines(OutOfBag(100, 0.9, 0.3, optimistic)))

    assert ("optimistic" in text) is optimistic


def test_the_command_is_shown_as_it_was_called(monkeypatch):
    """What is printed can be pasted: the program's path as typed, names in quotes."""
    monkeypatch.setattr(sys, "argv", ["no/such/bin/epochal", "train"])
    assert typed_command("predict", "my model") == "no/such/bin/epochal predict 'my model'"

    monkeypatch.setattr(sys, "argv", ["/lib/epochal/__main__.py"])
    assert typed_command("inspect").endswith("-m epochal inspect")
