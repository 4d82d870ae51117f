"""The house rules hold, and violations are found."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import epochal

ROOT = Path(__file__).parents[1]


def _script(name):
    """Return a script of `tools/` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


house_rules, unfamiliar_names = map(_script, ("house_rules", "unfamiliar_names"))


def test_the_repository_keeps_the_house_rules():
    """Sizes, nesting, names, docstrings and reminders are as CONTRIBUTING.md has them."""
    assert house_rules.findings(ROOT) == []


def test_imports_go_downwards_only():
    """The import contracts of pyproject.toml hold."""
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


BROKEN = {
    "a file that is too long": ("size.py", '"""Say."""\n' + "x = 1\n" * 501, "502 lines"),
    "a function that is too long": (
        "long.py",
        '"""Say."""\n\n\ndef f():\n    """Say."""\n' + "    x = 1\n" * 81,
        "82 lines",
    ),
    "blocks nested too deep": (
        "deep.py",
        '"""Say."""\n\n\ndef f(a):\n    """Say."""\n'
        + "".join("    " * depth + "if a:\n" for depth in range(1, 6))
        + "    " * 6
        + "a()\n",
        "nested 5 deep",
    ),
    "no module docstring": ("bare.py", "x = 1\n", "the module has no docstring"),
    "no docstring in private": ("private.py", '"""Say."""\n\n\ndef _f(): ...\n', "_f has no doc"),
    "a name that says nothing": ("data_utils.py", '"""Say."""\n', "'data_utils' says nothing"),
    "a class that says nothing": (
        "rows.py",
        '"""Say."""\n\n\nclass RowManager:\n    """Say."""\n',
        "'RowManager' says nothing",
    ),
    "a reminder without number": ("note.py", '"""Say."""\n# TODO: later\n', "without a number"),
    "a machine's path": ("path.py", '"""Say."""\nx = "/home/me/x"\n', "somebody's machine"),
    "a file without tests": (
        "alone.py",
        '"""Say."""\n\n\ndef f():\n    """Say."""\n',
        "no tests at tests/test_alone.py",
    ),
}


@pytest.mark.parametrize(("name", "text", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_rules_are_found(tmp_path, name, text, sentence):
    """Each rule, when it is broken in an otherwise empty repository, is named with its file."""
    package = tmp_path / "src" / "epochal"
    package.mkdir(parents=True)
    (tmp_path / "Makefile").touch()
    (package / name).write_text(text)

    assert any(
        finding.path.name == name and sentence in str(finding)
        for finding in house_rules.findings(tmp_path)
    )


def test_tests_without_a_sentence_or_a_file_are_found(tmp_path):
    """A test without a docstring, and tests of a file that is gone, are findings."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "Makefile").touch()
    (tmp_path / "tests" / "test_gone.py").write_text('"""Say."""\n\n\ndef test_it(): ...\n')
    sentences = [finding.sentence for finding in house_rules.findings(tmp_path)]

    assert sentences == ["test_it has no sentence", "tests no file of the package"]


@pytest.mark.parametrize(
    "code",
    [
        "RANDOM = np.random.default_rng(0)",
        "RANDOM = random.Random(0)",
        "X, RANDOM = 1, np.random.RandomState(0)",
        "def f(random=np.random.default_rng(0)): ...",
        "@mark('random', [generator_for(0, 1)])\ndef f(random): ...",
        "class A:\n    random = np.random.Generator(bits)",
    ],
)
def test_generators_that_tests_share_are_found(tmp_path, code):
    """Every generator that is created on import is found, made by any function in any place."""
    (tmp_path / "test_a.py").write_text(f'"""Say."""\n{code}\n')
    (finding,) = house_rules.shared_generators(house_rules.read(tmp_path, "."))

    assert "a random generator that tests share" in finding.sentence


@pytest.mark.parametrize(
    "code",
    [
        "X = np.random.default_rng(0).normal(size=3)",
        "def f(random=None):\n    return np.random.default_rng(0)",
        "f = lambda: np.random.default_rng(0)",
    ],
)
def test_generators_of_one_use_are_allowed(tmp_path, code):
    """A generator that is used at once, or created in a function, is allowed."""
    (tmp_path / "test_a.py").write_text(f'"""Say."""\n{code}\n')

    assert not list(house_rules.shared_generators(house_rules.read(tmp_path, ".")))


def test_a_file_without_functions_needs_no_tests(tmp_path):
    """Constants and records do nothing that could be tested."""
    package = tmp_path / "src" / "epochal"
    package.mkdir(parents=True)
    (tmp_path / "Makefile").touch()
    (package / "codes.py").write_text('"""Say."""\nUSAGE = 2\n')

    assert house_rules.findings(tmp_path) == []


def test_one_in_ten_may_pass_the_lower_bound(tmp_path):
    """A file between the two bounds is allowed while nine others are short."""
    package = tmp_path / "src" / "epochal"
    package.mkdir(parents=True)
    (package / "long.py").write_text("x = 1\n" * 400)
    for number in range(8):
        (package / f"short{number}.py").write_text("x = 1\n")
    sizes = house_rules.sizes(house_rules.read(tmp_path, "src/epochal"))

    assert "one in 10" in str(next(sizes))

    (package / "short9.py").write_text("x = 1\n")
    assert not list(house_rules.sizes(house_rules.read(tmp_path, "src/epochal")))


def test_unfamiliar_names_are_listed():
    """Every kind of identifier is listed with its unknown words; words of the field are not."""
    source = """
class Kept:
    def mean_of(self, mine, *, axis=0):
        self.told, sample_weights = mine, axis
"""
    listed = unfamiliar_names.unfamiliar(source, unfamiliar_names.dictionary())

    assert [(name.kind, name.name, words) for name, words in listed] == [
        ("class", "Kept", ["kept"]),
        ("parameter", "mine", ["mine"]),
        ("attribute", "told", ["told"]),
    ]


def test_the_changelog_knows_the_version():
    """The version of the package has its chapter in the changelog."""
    assert f"## {epochal.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_is_pinned():
    """Both files of constraints name a version for each dependency of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {requirement.partition(">=")[0].lower() for requirement in wanted}

    for name in ("pinned.txt", "lowest.txt"):
        lines = (ROOT / "constraints" / name).read_text().lower().splitlines()
        assert names <= {line.partition("==")[0] for line in lines}


def test_the_lowest_versions_are_those_that_are_tested():
    """The lower bound of each core dependency is the version in constraints/lowest.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints" / "lowest.txt").read_text().lower().splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)

    for requirement in project["dependencies"]:
        name, _, bound = requirement.partition(">=")
        assert f"{tested[name]}.".startswith(f"{bound}."), name
