"""Exit codes: a script can tell the kinds of failure apart."""

from __future__ import annotations

import re
from pathlib import Path

from epochal import errors
from epochal.cli import codes


def test_codes_are_distinct():
    """Every kind of error and every other end of the program has a code of its own."""
    kinds = ["Epochal", "Setting", "Source", "Data", "Model", "Write", "Training"]
    of_errors = [getattr(errors, f"{kind}Error").exit_code for kind in kinds]
    others = [codes.MISTAKE, codes.NO_MEMORY, codes.INTERRUPTED, codes.NO_READER]

    assert 0 not in of_errors + others
    assert len({*of_errors, *others}) == len(of_errors) + len(others)


def test_a_command_line_without_a_command_is_a_wrong_one():
    """Both mistakes are in what was typed, and share a code."""
    assert errors.SettingError.exit_code == codes.USAGE


def test_the_table_of_the_readme_has_all_codes():
    """Who reads a code finds it there: those of errors, and all others."""
    page = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    listed = [int(number) for number in re.findall(r"^\| (\d+) \| .+ \|$", page, re.MULTILINE)]
    kinds = ["Setting", "Source", "Data", "Model", "Write", "Training"]
    of_errors = [getattr(errors, f"{kind}Error").exit_code for kind in kinds]
    others = [value for name, value in vars(codes).items() if name.isupper()]

    assert listed == sorted({0, *of_errors, *others})
