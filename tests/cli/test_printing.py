"""Figures as a person reads them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from epochal.cli.layout import text_lines
from epochal.cli.printing import (
    MATRIX_CLASSES,
    confusion_table,
    evaluation_report,
    out_of_bag_report,
    outcome_table,
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
@pytest.mark.parametrize("width", [60, 80, 140])
def test_an_evaluation_fits_the_terminal(names, width):
    """However many and however long the classes, no line is wider than the terminal."""
    lines = text_lines(evaluation_report(figures(names)), width)

    assert max(map(len, lines)) <= width
    assert not any("\n" in line for line in lines)


def test_an_evaluation_shows_all_figures():
    """Log-loss, accuracy, balanced accuracy, AUC, calibration error, classes, confusion."""
    text = "\n".join(text_lines(evaluation_report(figures(["no", "yes"]))))

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


def test_an_auc_that_is_undefined_is_called_so():
    """No number is printed where there is none."""
    one_class = evaluate(np.array(["a", "b"]), np.array([0, 0]), np.full((2, 2), 0.5))

    assert "undefined" in "\n".join(text_lines(evaluation_report(one_class)))


def test_a_wide_confusion_matrix_becomes_its_most_frequent_errors():
    """Where the matrix does not fit, the largest entries off its diagonal are listed."""
    letters = figures([chr(65 + k) for k in range(26)], rows=2600)
    lines = text_lines([confusion_table(letters)], 80)
    counts = [int(line.split()[2]) for line in lines[1:]]
    off_diagonal = np.array(letters.confusion) - np.diag(np.diag(letters.confusion))

    assert len(counts) == 10
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == off_diagonal.max()


@pytest.mark.parametrize(("width", "names"), [(140, 4), (80, 1), (None, 4)])
def test_names_above_a_confusion_matrix_are_cut_only_where_they_have_to(width, names):
    """A terminal shows whole names if they fit, and a file always has them."""
    head, *rows = text_lines(
        [confusion_table(figures([f"a class with a long name {k}" for k in range(4)]))], width
    )

    assert head.split("predicted")[1].count("a class with a long name") == (
        names if names > 1 else 0
    )
    assert all("a class with a long name" in row for row in rows)
    assert len(rows) == 4


@pytest.mark.parametrize(("classes", "lines"), [(MATRIX_CLASSES, 51), (MATRIX_CLASSES + 1, 11)])
def test_a_file_gets_a_whole_matrix_of_up_to_50_classes(classes, lines):
    """No line is too long for a file, but a table of a thousand classes is no use there."""
    names = [f"class {k}" for k in range(classes)]

    assert len(text_lines([confusion_table(figures(names, 5000))])) == lines


def test_members_with_the_same_end_share_a_line():
    """The ends of 3 members in 2 lines, and the epochs of their best checkpoints."""
    history = History(
        ((1.0,),) * 3, ((1.0,),) * 3, (4, 9, 7), (1.0,) * 3, ("limit", "done", "limit")
    )
    lines = text_lines([outcome_table(history)])

    assert "epochs 4 to 9" in lines[0]
    assert lines[1].split() == ["2", "members", "limit"]
    assert lines[2].split() == ["1", "member", "done"]


@pytest.mark.parametrize("optimistic", [True, False])
def test_optimistic_scores_are_called_so(optimistic):
    """The word stands where the same rows chose the epoch, and only there."""
    text = "\n".join(text_lines(out_of_bag_report(OutOfBag(100, 0.9, 0.3, optimistic))))

    assert ("optimistic" in text) is optimistic


def test_the_command_is_shown_as_it_was_called(monkeypatch):
    """What is printed can be pasted: the program's path as typed, names in quotes."""
    monkeypatch.setattr(sys, "argv", ["no/such/bin/epochal", "train"])
    assert typed_command("predict", "my model") == "no/such/bin/epochal predict 'my model'"

    monkeypatch.setattr(sys, "argv", ["/lib/epochal/__main__.py"])
    assert typed_command("inspect").endswith("-m epochal inspect")
