"""What the README and the documentation show is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
GLOSSARY = re.findall(
    r"^\| (\*\*.+?) \|.*\| (.+?) \|$", (ROOT / "docs" / "GLOSSARY.md").read_text(), re.MULTILINE
)
HOMES = [
    (term, home) for term, homes in GLOSSARY for home in re.findall(r"`(epochal[\w.]+)`", homes)
]


def _blocks(page, language):
    """Return the code of one language in a page."""
    return [code for name, code in BLOCK.findall(page.read_text()) if name == language]


def _name(page):
    """Return a page's path inside the repository, to name a test by."""
    return str(page.relative_to(ROOT))


def _is_there(name):
    """Return whether a dotted name is a module, an attribute of a module, or a field of a record."""
    module, _, attribute = name.rpartition(".")
    try:
        import_module(name)
    except ModuleNotFoundError:
        owner = _owner(module)
        return hasattr(owner, attribute) or attribute in getattr(owner, "__annotations__", {})
    return True


def _owner(name):
    """Return the module or the class of a dotted name; None if there is none."""
    module, _, attribute = name.rpartition(".")
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return getattr(import_module(module), attribute, None)


def _of(language):
    """Return the pages that show code of a language."""
    return [pytest.param(page, id=_name(page)) for page in PAGES if _blocks(page, language)]


@pytest.mark.parametrize("page", _of("python"))
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    """The Python of a page runs from top to bottom, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}

    for code in _blocks(page, "python"):
        exec(compile(code, str(page), "exec"), names)


@pytest.mark.parametrize("page", _of("pycon"))
def test_sessions_print_what_they_show(page, tmp_path, monkeypatch):
    """The Python sessions of a page, run in order, print what the page shows."""
    monkeypatch.chdir(tmp_path)
    session = "\n".join(_blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, _name(page), str(page), 0)
    report = StringIO()
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    results = doctest.DocTestRunner(optionflags=flags).run(test, out=report.write)

    assert results.attempted > 0
    assert results.failed == 0, report.getvalue()


@pytest.mark.parametrize("page", _of("sh"))
def test_shell_blocks_run(page, tmp_path, monkeypatch, capsys):
    """The `epochal` commands of a page succeed one after the other, with a short training."""
    from epochal.cli.main import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    lines = "".join(_blocks(page, "sh")).replace("\\\n", " ").splitlines()

    for line in lines:
        program, *arguments = shlex.split(line, comments=True) or [""]
        if program != "epochal":
            continue
        if arguments[0] == "train":
            arguments += ["--n-estimators", "1", "--max-iter", "1"]
        assert main(arguments) == 0, line


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    """Every link inside the repository leads to an existing file."""
    targets = LINK.findall(page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_makefile_has_what_the_pages_name():
    """Every `make` command that a page names is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }

    assert {"demo", "test", "check"} <= named <= targets


@pytest.mark.parametrize(("term", "home"), HOMES)
def test_every_term_of_the_glossary_has_its_home(term, home):
    """The code has the module, function, class, method, field or constant that a term leads to."""
    assert _is_there(home), term


def test_a_home_that_is_gone_is_told():
    """A missing module, class or field is found."""
    gone = ("epochal.nowhere", "epochal.keys.Nobody", "epochal.keys.Purpose.NOTHING")

    assert [name for name in gone if _is_there(name)] == []


def test_every_term_of_the_glossary_leads_somewhere():
    """No term is without a home, and none stands twice."""
    terms = [term for term, _ in GLOSSARY]

    assert len(terms) > 70
    assert len(terms) == len(set(terms))
    assert [term for term, home in GLOSSARY if "`epochal." not in home and "](" not in home] == []


def test_what_a_newcomer_should_find_is_in_the_glossary():
    """The twelve things of the contributor's page are terms of the glossary."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    asked = re.findall(r"^\d+\. .*\*\*(.+?)\*\*.*\?$", page, re.MULTILINE)
    known = {name for term, _ in GLOSSARY for name in re.findall(r"\*\*(.+?)\*\*", term)}

    assert len(asked) == 12
    assert [name for name in asked if name not in known] == []
