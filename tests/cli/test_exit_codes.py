"""Exit codes tell the kinds of failure apart."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from epochal import errors
from epochal.cli import exit_codes
from epochal.cli.exit_codes import EXIT_CODES, exit_code_of
from epochal.signals import signal_code

ENDS = {value for name, value in vars(exit_codes).items() if isinstance(value, int)}
KINDS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and errors.EpochalError in value.__bases__
]


def test_every_kind_of_error_has_a_code_of_its_own():
    """Each class directly below EpochalError has one, which is not 0 and below 64."""
    codes = [EXIT_CODES[kind] for kind in KINDS]

    assert len(codes) == 6
    assert len(set(codes)) == len(codes)
    assert all(0 < code < 64 for code in codes)


def test_other_ends_of_the_program_have_other_codes():
    """Internal errors, a lack of memory, signals and a closed pipe are no errors of these kinds."""
    assert len(ENDS) == 7
    assert {*EXIT_CODES.values(), 0} & ENDS == {exit_codes.USAGE}


def test_a_signal_has_the_code_of_a_shell():
    """128 and its number."""
    codes = exit_codes.INTERRUPTED, exit_codes.TERMINATED, exit_codes.HUNG_UP
    assert codes == tuple(map(signal_code, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)))


def test_subclasses_have_the_code_of_their_base_class():
    """A missing file is a kind of source, and an invalid cell a kind of data."""
    assert exit_code_of(errors.MissingFileError("")) == EXIT_CODES[errors.SourceError]
    assert exit_code_of(errors.CellError("")) == EXIT_CODES[errors.DataError]


def test_a_command_line_without_a_command_is_a_wrong_one():
    """It has the code of an invalid setting."""
    assert EXIT_CODES[errors.SettingError] == exit_codes.USAGE


def test_the_table_of_the_readme_has_all_codes():
    """The README lists the codes of all kinds of errors, those of other ends, and no more."""
    page = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    listed = [int(number) for number in re.findall(r"^\| (\d+) \| .+ \|$", page, re.MULTILINE)]

    assert listed == sorted({0, *ENDS, *(EXIT_CODES[kind] for kind in KINDS)})
