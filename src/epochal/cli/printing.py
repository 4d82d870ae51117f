"""Reports for a person: metrics, classes, the confusion matrix, how a training ended."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.cli.layout import FirstFitting, Part, TextTable
from epochal.cli.track import epochs_named
from epochal.errors import readable
from epochal.io.opened_data import OpenedData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochal.records import ClassFigures, Evaluation, History, OutOfBag

# Characters of a name or a value; of a class above its column of a narrow confusion matrix.
LONGEST_NAME, NARROW_NAME = 60, 10
# With more classes the matrix is in --json only, and this many of its errors are listed instead.
MATRIX_CLASSES, ERRORS_LISTED = 50, 10
CORNER = "true \\ predicted"


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


def shortened(text: str, length: int = LONGEST_NAME) -> str:
    """Return a text in one line, a long one without its middle: names may differ at their ends.

    >>> shortened("a very long name of a class", 10)
    'a very…ass'
    """
    line, end = readable(" ".join(text.split())), (length - 1) // 3
    return line if len(line) <= length else f"{line[: length - 1 - end]}…{line[len(line) - end :]}"


def evaluation_report(figures: Evaluation) -> list[Part]:
    """Return all figures of an evaluation: the scores, the classes, the confusion matrix."""
    scores = [
        ("log-loss", f"{figures.log_loss:.4f}"),
        ("accuracy", percent(figures.accuracy)),
        ("balanced accuracy", percent(figures.balanced_accuracy)),
        ("AUC", "undefined" if figures.auc is None else f"{figures.auc:.4f}"),
        ("calibration error", f"{figures.calibration_error:.4f}"),
    ]
    return [TextTable(scores), "", class_table(figures.classes), "", confusion_table(figures)]


def class_table(classes: Sequence[ClassFigures]) -> TextTable:
    """Return a table with one row per class."""
    rows = [
        (
            shortened(one.label),
            percent(one.precision),
            percent(one.recall),
            percent(one.f1),
            f"{one.support:,}",
        )
        for one in classes
    ]
    return TextTable([("class", "precision", "recall", "F1", "rows"), *rows], numeric=range(1, 5))


def confusion_table(figures: Evaluation) -> FirstFitting:
    """Return the confusion matrix; where it is too wide, its most frequent errors."""
    names = [shortened(one.label) for one in figures.classes]
    errors = _error_table(names, figures.confusion)
    if len(names) > MATRIX_CLASSES:
        return FirstFitting([errors])
    counts = [
        (name, *(f"{count:,}" for count in row))
        for name, row in zip(names, figures.confusion, strict=True)
    ]
    narrow = [shortened(name, NARROW_NAME) for name in names]
    matrices = [
        TextTable([(CORNER, *head), *counts], numeric=range(1, len(names) + 1))
        for head in (names, narrow)
    ]
    return FirstFitting([*matrices, errors])


def _error_table(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> TextTable:
    """Return the largest counts off the diagonal of a confusion matrix, one a row."""
    errors = Counter(
        {
            (i, j): count
            for i, counts in enumerate(confusion)
            for j, count in enumerate(counts)
            if i != j and count
        }
    )
    rows = [
        (names[i], names[j], f"{count:,}") for (i, j), count in errors.most_common(ERRORS_LISTED)
    ]
    return TextTable([("true (most frequent errors)", "predicted", "rows"), *rows], numeric={2})


def outcome_table(history: History) -> TextTable:
    """Return the epochs of the best checkpoints, and the members' outcomes, grouped."""
    outcomes = [
        (counted(number, "member"), outcome)
        for outcome, number in Counter(history.outcome).most_common()
    ]
    return TextTable([("best checkpoints", f"of {epochs_named(history.best_epoch)}"), *outcomes])


def out_of_bag_report(scores: OutOfBag) -> list[Part]:
    """Return the out-of-bag scores, with a warning where they are optimistic."""
    rows = [("log-loss", f"{scores.log_loss:.4f}"), ("accuracy", percent(scores.accuracy))]
    if scores.expected_log_loss is not None:
        expected = f"{scores.expected_log_loss:.4f} log-loss of the whole ensemble on new rows"
        rows.append(("expected", expected))
    number = counted(scores.rows, "training row")
    notes = [("(each row is predicted by members that did not train on it)",)]
    if scores.optimistic:
        notes.append(("(optimistic: the earlier training may have seen the same rows)",))
    return ["", f"Out-of-bag scores on {number}", TextTable(rows), TextTable(notes)]


def class_shares(rows: Mapping[str, int]) -> str:
    """Return the number of classes, and their shares of the rows, the most frequent first.

    >>> class_shares({"a": 3, "b": 1})
    '2: a 75.0 %, b 25.0 %'
    """
    # Sorted first, so that equal shares are in the order of their names.
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
    escaped = (
        chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}" for b in os.fsencode(text)
    )
    return f"$'{''.join(escaped)}'"
