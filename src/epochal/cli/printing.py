"""Figures as a person reads them: aligned text, no wider than the terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.cli.track import epochs_named
from epochal.errors import readable
from epochal.io.opened_data import OpenedData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochal.records import ClassFigures, Evaluation, History, OutOfBag

LABEL = 20
# Longest name of a class in a table, and the mistakes listed where a matrix is too wide.
NAME, MISTAKES = 18, 10
CORNER = "true \\ predicted"


def columns() -> int:
    """Return the width to print for: the terminal's, at most 100."""
    return min(shutil.get_terminal_size((80, 24)).columns, 100)


def row(label: str, figure: str) -> str:
    """Return a label and its figure.

    >>> row("accuracy", "87.2 %")
    '  accuracy            87.2 %'
    """
    return f"  {label:<{LABEL}}{figure}"


def percent(share: float) -> str:
    """Return a share in per cent.

    >>> percent(0.8719)
    '87.2 %'
    """
    return f"{100 * share:.1f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number of things.

    >>> counted(1, "row"), counted(12345, "row"), counted(2, "class", "classes")
    ('1 row', '12,345 rows', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str, width: int = NAME) -> str:
    """Return a text in one line, cut to a width in the middle: names may differ at their ends.

    >>> shortened("a very long name of a class", 10)
    'a very…ass'
    """
    line, end = readable(" ".join(text.split())), (width - 1) // 3
    return line if len(line) <= width else f"{line[: width - 1 - end]}…{line[len(line) - end :]}"


def evaluation_lines(figures: Evaluation) -> list[str]:
    """Return all figures of an evaluation: the scores, the classes, the confusion matrix."""
    scores = [
        row("log-loss", f"{figures.log_loss:.4f}"),
        row("accuracy", percent(figures.accuracy)),
        row("balanced accuracy", percent(figures.balanced_accuracy)),
        row("AUC", "undefined" if figures.auc is None else f"{figures.auc:.4f}"),
        row("calibration error", f"{figures.calibration_error:.4f}"),
    ]
    return [*scores, "", *class_lines(figures.classes), "", *confusion_lines(figures)]


def class_lines(classes: Sequence[ClassFigures]) -> list[str]:
    """Return a table with one line per class."""
    head = f"  {'class':<{LABEL}}{'precision':>10}{'recall':>10}{'F1':>10}{'rows':>12}"
    return [
        head,
        *(
            f"  {shortened(one.label):<{LABEL}}{percent(one.precision):>10}"
            f"{percent(one.recall):>10}{percent(one.f1):>10}{one.support:>12,}"
            for one in classes
        ),
    ]


def confusion_lines(figures: Evaluation) -> list[str]:
    """Return the confusion matrix; its most frequent mistakes where it is too wide."""
    names = [shortened(one.label) for one in figures.classes]
    widest = max(len(f"{count:,}") for counts in figures.confusion for count in counts)
    cell = max(widest, *(min(len(name), 10) for name in names)) + 2
    if 2 + LABEL + cell * len(names) > columns():
        return _mistake_lines(figures)
    head = "".join(f"{shortened(name, cell - 2):>{cell}}" for name in names)
    table = [
        f"  {name:<{LABEL}}" + "".join(f"{count:>{cell},}" for count in counts)
        for name, counts in zip(names, figures.confusion, strict=True)
    ]
    return [f"  {CORNER:<{LABEL}}{head}", *table]


def _mistake_lines(figures: Evaluation) -> list[str]:
    """Return the most frequent mistakes, one a line."""
    names = [shortened(one.label) for one in figures.classes]
    mistakes = Counter(
        {
            (i, j): count
            for i, counts in enumerate(figures.confusion)
            for j, count in enumerate(counts)
            if i != j and count
        }
    )
    head = [f"  {'true':<{LABEL}}{'predicted':<{LABEL}}{'rows':>8}   (most frequent mistakes)"]
    return head + [
        f"  {names[i]:<{LABEL}}{names[j]:<{LABEL}}{count:>8,}"
        for (i, j), count in mistakes.most_common(MISTAKES)
    ]


def outcome_lines(history: History) -> list[str]:
    """Return how each member ended, members with the same end in one line."""
    lines = [row("best copies", f"of {epochs_named(history.best_epoch)}")]
    for outcome, number in Counter(history.outcome).most_common():
        lines.append(row(counted(number, "member"), outcome))
    return lines


def out_of_bag_lines(scores: OutOfBag) -> list[str]:
    """Return the scores on rows that members left out, with a warning where they flatter."""
    lines = [
        row("log-loss", f"{scores.log_loss:.4f}"),
        row("accuracy", percent(scores.accuracy)),
    ]
    if scores.expected_log_loss is not None:
        expected = f"{scores.expected_log_loss:.4f} log-loss on new rows, of all members together"
        lines.append(row("expected", expected))
    if scores.optimistic:
        lines.append("  (optimistic: the earlier training may have seen the same rows)")
    return lines


def class_shares(rows: Mapping[str, int]) -> str:
    """Return how many classes there are, and their shares of the rows, the most frequent first.

    >>> class_shares({"a": 3, "b": 1})
    '2: a 75.0 %, b 25.0 %'
    """
    # Sorted first, so that equal shares stand in the order of their names.
    counts = Counter(dict(sorted(rows.items())))
    shown = [
        f"{shortened(label)} {percent(count / counts.total())}"
        for label, count in counts.most_common(4)
    ]
    more = f", and {len(counts) - 4} more" if len(counts) > 4 else ""
    return f"{len(counts)}: {', '.join(shown)}{more}"


def typed_command(*words: str | Path) -> str:
    """Return a command line of this program, as it was called this time.

    >>> typed_command("predict", "my model.epochal").endswith("predict 'my model.epochal'")
    True
    """
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        called = [Path(sys.executable).name, "-m", "epochal"]
    else:
        found = shutil.which(program.name)
        same = found is not None and Path(found).resolve() == program.resolve()
        called = [program.name if same else str(program)]
    return " ".join([*map(_quoted, called), *map(_quoted, words)])


def _quoted(word: str | Path) -> str:
    r"""Return a word as a shell takes it, also one that begins like an option or cannot be shown.

    >>> print(_quoted("a b"), _quoted(Path("-x.csv")), _quoted("red\x1b[31m"))
    'a b' ./-x.csv $'red\x1b[31m'
    """
    if isinstance(word, OpenedData):
        word = word.typed if word.typed == "-" else Path(word.typed)
    text = f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)
    if text.isprintable():
        return shlex.quote(text)
    kept = (
        chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}" for b in os.fsencode(text)
    )
    return f"$'{''.join(kept)}'"
