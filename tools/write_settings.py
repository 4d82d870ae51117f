"""Write what follows from the fields of `Settings` into files where people read it.

These are the section of settings in the docstring of `EpochalClassifier`, and the tables of
docs/SETTINGS.md. A test compares both with what is written here.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.cli.options import option_of
from epochal.config.presets import PRESETS
from epochal.config.settings import SETTINGS, WIDE

if TYPE_CHECKING:
    from epochal.config.settings import Setting

ROOT = Path(__file__).resolve().parents[1]
CLASSIFIER, PAGE = ROOT / "src" / "epochal" / "classifier.py", ROOT / "docs" / "SETTINGS.md"
# The first line of the docstring's section, and the first one behind it.
FIRST, BEHIND = f"    {next(iter(SETTINGS))} : ", "    oob_score : "
START, END = "<!-- written by tools/write_settings.py -->\n", "<!-- end -->\n"
COLUMNS = 99


def shown(value: Any) -> str:
    """Return a value as Python code, texts in double quotes.

    >>> shown("auto"), shown(None), shown((2, 3))
    ('"auto"', 'None', '(2, 3)')
    """
    return f'"{value}"' if isinstance(value, str) else repr(value)


def meaning(about: Setting) -> str:
    """Return what a setting is and what its values mean, in sentences."""
    sentences = [about.summary[0].upper() + about.summary[1:] + ".", about.details]
    if about.by_width is not None:
        narrow, wide = map(shown, about.by_width)
        sentences.append(f'"auto" is {narrow}, and {wide} with more than {WIDE} columns.')
    return " ".join(filter(None, sentences))


def docstring_section() -> str:
    """Return the settings as the docstring of the classifier lists them."""
    lines = []
    for name, about in SETTINGS.items():
        lines.append(f"    {name} : {about.constraint.annotation}, default={shown(about.default)}")
        indent = " " * 8
        lines += textwrap.wrap(
            meaning(about),
            COLUMNS,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
    return "\n".join(lines) + "\n"


def tables() -> str:
    """Return the tables of the page: meaning, defaults of the presets, reasons."""
    others = [name for name in PRESETS if name != "default"]
    by_preset = [
        [f"`{name}`", f"`{option_of(name)}`", *_cells(name, about, others)]
        for name, about in SETTINGS.items()
    ]
    meanings = [
        [f"`{name}`", f"`{about.constraint.annotation}`", _marked(meaning(about))]
        for name, about in SETTINGS.items()
    ]
    reasons = [[f"`{name}`", _marked(about.reason)] for name, about in SETTINGS.items()]
    return "\n".join(
        [
            "\n## What are the settings?\n",
            _table(["setting", "values", "meaning"], meanings),
            "\n## What are the defaults?\n",
            "An empty cell is the value of the preset `default`.\n",
            _table(
                ["setting", "option", *(f"`{name}`" for name in ("default", *others))], by_preset
            ),
            "\n## Why are the defaults so?\n",
            _table(["setting", "reason"], reasons),
        ]
    )


def _cells(name: str, about: Setting, presets: list[str]) -> list[str]:
    """Return the values of a setting: the default, and those of the presets that differ."""
    values = [getattr(PRESETS[preset], name) for preset in presets]
    differ = ("" if value == about.default else f"`{shown(value)}`" for value in values)
    return [f"`{shown(about.default)}`", *differ]


def _marked(text: str) -> str:
    """Return sentences with names of settings as code."""
    words = text.split(" ")
    return " ".join(_code(word) for word in words)


def _code(word: str) -> str:
    """Return a word as code if it begins with the name of a setting, or is a value in quotes."""
    core = word.strip("(),.:;")
    name = core.partition("=")[0]
    is_code = ("_" in name or "=" in core) and name in SETTINGS
    is_code = is_code or (len(core) > 2 and core[0] == core[-1] == '"')
    return word.replace(core, f"`{core}`") if is_code else word


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|\n" for cells in lines
    )


def with_section(source: str) -> str:
    """Return the source of the classifier with the section of settings in its docstring."""
    start = source.index(FIRST)
    return source[:start] + docstring_section() + source[source.index(BEHIND, start) :]


def with_tables(page: str) -> str:
    """Return the page with the tables between its marks."""
    start = page.index(START) + len(START)
    return page[:start] + tables() + page[page.index(END) :]


def main() -> None:
    """Write both files."""
    for path, renewed in ((CLASSIFIER, with_section), (PAGE, with_tables)):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
