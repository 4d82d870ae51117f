"""The command-line parser: commands, arguments and their help."""

from __future__ import annotations

import argparse
import errno
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from epochal import __version__
from epochal.cli.argument_types import fraction, jobs, memory_size, names, row_count, seconds, seed
from epochal.cli.csv_options import add_csv_options
from epochal.cli.options import add_settings
from epochal.config.presets import PRESETS
from epochal.errors import SettingError, suggestion
from epochal.training.checkpoint_files import INTERVAL

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA_HELP = (
    "CSV, TSV, Parquet, Arrow, .npy, .npz or IDX file (CSV, TSV and IDX may be .gz), "
    "a glob in quotes, a folder of parts, or one of image folders named by class; "
    "- is standard input"
)
# The same as in epochal.io.discovery and epochal.cli.writing, which a test compares.
FORMATS = ("csv", "tsv", "parquet", "arrow", "npy", "npz", "idx")
OUT_FORMATS = ("csv", "tsv", "parquet")
QUIET = "show only warnings and errors"
EXAMPLES = """\
examples:
  epochal inspect people.csv --target income
  epochal train people.csv --target income
  epochal predict people.epochal new.csv --out predictions.csv
  epochal evaluate people.epochal labelled.csv
"""
_ROWS, _FEWER_ROWS = 16_384, 4_096


class Parser(argparse.ArgumentParser):
    """argparse's parser, whose errors are shown like every other error."""

    def __init__(self, **options: Any) -> None:
        """Build a parser without abbreviated options, so that a misspelt option is an error."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write a help or a version; raises OSError where argparse would ignore it; returns nothing."""
        if file is sys.stderr:
            super()._print_message(message, file)
        elif sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        else:
            sys.stdout.write(message)

    def error(self, message: str) -> NoReturn:
        """Raise the error that argparse would print."""
        raise SettingError(message.removeprefix("argument "), "", f"see {self.prog} --help")


def piece_rows(memory: int | None) -> int:
    """Return the number of rows that are predicted at a time: fewer in limited memory.

    >>> piece_rows(None), piece_rows(10**9)
    (16384, 4096)
    """
    return _ROWS if memory is None else _FEWER_ROWS


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed arguments; `command` is None without a command."""
    parser, commands = _parsers()
    try:
        arguments, surplus = parser.parse_known_args(argv)
    except SettingError as error:
        raise _misread_file(argv) or error from None
    if arguments.version and not surplus:
        parser._print_message(_version_text(verbose=arguments.configuration))  # noqa: SLF001
        parser.exit()
    if arguments.configuration:
        raise SettingError(
            "--verbose is before the command", "--verbose after it, or --version --verbose"
        )
    if surplus:
        raise _surplus_error(surplus, commands.get(arguments.command, parser), argv or sys.argv)
    return arguments


def help_text() -> str:
    """Return the help of the whole program."""
    return _parsers()[0].format_help()


def _misread_file(argv: Sequence[str] | None) -> SettingError | None:
    """Return the error for a file whose name looks like an option; None if there is no such file."""
    for word in sys.argv[1:] if argv is None else argv:
        # pathlib raises an error for a name that is too long to be one.
        if word.startswith("-") and "." in word and os.path.isfile(word):  # noqa: PTH113
            found = f"{word!r} begins with a dash, so it is read as an option"
            return SettingError(found, "", f"write ./{word}")
    return None


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of the program and those of its commands."""
    parser = Parser(
        prog="epochal",
        description="Neural-network classifiers for tables and arrays.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="store_true", help="show the version")
    parser.add_argument(
        "--verbose",
        dest="configuration",
        action="store_true",
        help="with --version: also show libraries, kernels, threads and devices",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands = {
        name: subparsers.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        for name, text in (
            ("train", "train a model on a labelled table and save it"),
            ("resume", "resume a training from its last checkpoint"),
            ("predict", "write labels and probabilities for new rows"),
            ("evaluate", "measure a model on labelled rows"),
            ("inspect", "describe a model, or profile data"),
        )
    }
    for command in commands.values():
        _add_jobs(command)
    _add_train(commands["train"])
    _add_resume(commands["resume"])
    _add_predict(commands["predict"])
    _add_evaluate(commands["evaluate"])
    _add_inspect(commands["inspect"])
    return parser, commands


def _version_text(*, verbose: bool) -> str:
    """Return the version; with `verbose`, libraries, kernels, threads and devices, too."""
    if not verbose:
        return f"epochal {__version__}\n"
    from epochal.environment import text

    return f"epochal {__version__}\n{text()}"


def _add_train(parser: Parser) -> None:
    """Add the arguments of `epochal train`; returns nothing."""
    parser.usage = "epochal train DATA --target COLUMN [--out MODEL] [options] [settings]"
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    _add_format(parser)
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column to predict (arrays: a key or column number; IDX: not needed)",
    )
    _add_target_as_text(parser)
    parser.add_argument("--out", type=Path, metavar="MODEL", help="default: DATA's name .epochal")
    parser.add_argument(
        "--from",
        dest="earlier",
        type=Path,
        metavar="MODEL",
        help="continue training from this model, with its columns, classes and settings, on DATA's rows",
    )
    parser.add_argument(
        "--valid", metavar="DATA", help="validation rows, which decide when training stops"
    )
    test = parser.add_mutually_exclusive_group()
    test.add_argument(
        "--test", metavar="DATA", help="test rows to evaluate the model on afterwards"
    )
    test.add_argument(
        "--test-fraction",
        type=fraction,
        metavar="X",
        help="hold out this share of DATA's rows, and evaluate the model on them",
    )
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),  # None: the default one, not given as an option
        help="the settings to start from (default: default)",
    )
    _add_weight(parser)
    _add_group_and_time(parser)
    parser.add_argument("--class-weight", choices=("balanced",), help="weigh classes equally")
    parser.add_argument(
        "--random-state", type=seed, default=0, metavar="N", help="the seed (default: 0)"
    )
    _add_memory(parser, "bytes to train in, such as 1GB: DATA is read as it is needed")
    parser.add_argument(
        "--cache-dir",
        metavar="FOLDER",
        help="a folder for parsed text, and for rows that do not fit into --memory, which stay there for the "
        "next training on the same data (default: the system's folder for temporary files, and nothing stays)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        type=Path,
        help="a folder for the state of the training, from which `epochal resume` continues "
        "(default: beside the model, for trainings longer than --checkpoint-every)",
    )
    parser.add_argument(
        "--checkpoint-every",
        metavar="SECONDS",
        type=seconds,
        default=INTERVAL,
        help=f"the time between two checkpoints, of which two are kept (default: {INTERVAL:g})",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the last checkpoint if there is one, as `epochal resume` does",
    )
    _add_columns(parser)
    add_csv_options(parser)
    _add_output(parser, f"{QUIET}, and do not search the data for data warnings")
    parser.add_argument(
        "--verbose", action="store_true", help="a line for every epoch, also without a terminal"
    )
    add_settings(parser)


def _add_resume(parser: Parser) -> None:
    """Add the arguments of `epochal resume`; returns nothing."""
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help="the folder of the training's checkpoints"
    )
    _add_output(parser, QUIET)


def _add_predict(parser: Parser) -> None:
    """Add the arguments of `epochal predict`; returns nothing."""
    _add_model_and_data(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".csv, .tsv or .parquet; - is standard output (default)",
    )
    parser.add_argument(
        "--out-format",
        choices=OUT_FORMATS,
        help="the format of FILE if its name has no known ending (default: csv)",
    )
    _add_names(
        parser,
        "--keep",
        "columns of DATA that are copied in front of the predictions, such as an id",
    )
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument(
        "--threshold",
        type=fraction,
        metavar="P",
        help="of two classes, predict the second (the last column) from this probability on",
    )
    rule.add_argument(
        "--abstain-below",
        type=fraction,
        metavar="P",
        help="leave the prediction empty if no class has this probability",
    )
    _add_output(parser, QUIET)


def _add_evaluate(parser: Parser) -> None:
    """Add the arguments of `epochal evaluate`; returns nothing."""
    _add_model_and_data(parser)
    parser.add_argument(
        "--target", metavar="COLUMN", help="the column of true labels (default: as in training)"
    )
    _add_weight(parser)
    _add_output(parser, "show no progress: only figures, warnings and errors")


def _add_inspect(parser: Parser) -> None:
    """Add the arguments of `epochal inspect`; returns nothing."""
    parser.usage = "epochal inspect MODEL | epochal inspect DATA --target COLUMN"
    parser.add_argument(
        "path", metavar="MODEL|DATA", help=f"a file that train has saved; or data: {DATA_HELP}"
    )
    _add_format(parser)
    parser.add_argument("--target", metavar="COLUMN", help="of data: the column to predict")
    _add_target_as_text(parser)
    _add_weight(parser)
    _add_group_and_time(parser)
    _add_memory(parser, "of data larger than memory, profile the columns of 200,000 rows")
    _add_columns(parser)
    add_csv_options(parser)
    _add_output(parser, "do not report waiting for data: only the result, warnings and errors")


def _add_model_and_data(parser: Parser) -> None:
    """Add a model, its data, and the size of their batches; returns nothing."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a file that train has saved")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    _add_format(parser)
    parser.add_argument(
        "--batch-rows",
        type=row_count,
        metavar="N",
        help="rows of a batch, of which a few are in memory at a time "
        f"(default: {_ROWS}, with --memory {_FEWER_ROWS})",
    )
    _add_memory(parser, "return freed memory at once, which takes longer")
    add_csv_options(parser)


def _add_jobs(parser: Parser) -> None:
    """Add the number of threads; returns nothing."""
    parser.add_argument(
        "--n-jobs",
        type=jobs,
        metavar="N",
        help="threads to use: -1 is all cores (default), -2 all but one; results are the same",
    )


def _add_memory(parser: Parser, text: str) -> None:
    """Add the memory limit; returns nothing."""
    parser.add_argument("--memory", type=memory_size, metavar="SIZE", help=text)


def _add_columns(parser: Parser) -> None:
    """Add the options for columns; returns nothing."""
    parser.add_argument(
        "--columns",
        type=Path,
        metavar="FILE",
        help="a TOML file with target, weight, group, time, drop, categorical, text and the options "
        "for CSV files; options given here override it",
    )
    _add_names(
        parser,
        "--categorical",
        "columns that are names: of numbers, such as postal codes, or of texts whose words say nothing",
    )
    _add_names(
        parser, "--text", "columns of texts, whose words are used too, also if they are numbers"
    )
    _add_names(parser, "--drop", "columns to ignore")


def _add_names(parser: Parser, option: str, text: str) -> None:
    """Add an option that takes names of columns, and may be given several times; returns nothing."""
    parser.add_argument(
        option,
        type=names,
        action="extend",
        default=[],
        metavar="COLUMNS",
        help=f"comma-separated {text} (may be repeated)",
    )


def _add_format(parser: Parser) -> None:
    """Add the format of data; returns nothing."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="the format of data whose name has no known ending, such as - (default: csv)",
    )


def _add_target_as_text(parser: Parser) -> None:
    """Add the option for numeric labels that are names; returns nothing."""
    parser.add_argument(
        "--target-as-text",
        action="store_true",
        help="labels are names, even if they are numbers with fractions, such as versions",
    )


def _add_weight(parser: Parser) -> None:
    """Add the column of sample weights; returns nothing."""
    parser.add_argument("--weight", metavar="COLUMN", help="the weight of each row; not an input")


def _add_group_and_time(parser: Parser) -> None:
    """Add the columns of groups and of timestamps; returns nothing."""
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        help="rows with the same value here stay on one side of every split; not an input",
    )
    parser.add_argument(
        "--time", metavar="COLUMN", help="the latest rows by this column validate, and test"
    )


def _add_output(parser: Parser, quiet: str) -> None:
    """Add the options for the output; returns nothing."""
    _add_json(parser)
    parser.add_argument("--quiet", action="store_true", help=quiet)


def _add_json(parser: Parser) -> None:
    """Add the output for machines; returns nothing."""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, for machines (docs/JSON.md)"
    )


def _surplus_error(surplus: list[str], parser: Parser, argv: Sequence[str]) -> SettingError:
    """Return the error for words that no option or argument takes."""
    known = set(re.findall(r"--[a-z][a-z0-9-]*", parser.format_help()))
    for word in surplus:
        name = word.split("=")[0]
        if name in known and "--" in argv:
            hint = "options come before --, and a file whose name begins with - is ./-name"
            return SettingError(f"{name} is after --", "no option there", hint)
        if name in known:
            found = f"{name} is before the command"
            return SettingError(found, f"it after the command, as in {parser.prog} {name}")
        if word.startswith("--"):
            return SettingError(f"there is no option {name}", "", suggestion(name, known))
        if re.match("-[A-Za-z]", word):
            near = [f"{option!r}" for option in sorted(known) if option[2] == word[1]]
            hint = f"did you mean {' or '.join(near)}?" if near else "options begin with two dashes"
            return SettingError(f"there is no option {name}", "", hint)
    hint = "put a glob in quotes, as in 'parts/*.csv', or give the folder"
    # pathlib raises an error for a name that is too long to be one.
    is_path = os.path.exists(surplus[0])  # noqa: PTH110
    return SettingError(f"{surplus[0]!r} is one argument too many", "", hint if is_path else "")
