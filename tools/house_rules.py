"""Check the house rules that no other tool checks. `make house` runs this.

A finding is a line `file:line: sentence`; with any finding the exit code is 1.
The rules and their reasons are in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE_LINES, FILE_LINES_NEVER = 300, 500
FUNCTION_LINES, FUNCTION_LINES_NEVER = 40, 80
NESTING = 4
# One in so many files, and functions, may pass the lower bound of its size.
ONE_IN = 10

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
UNNUMBERED = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d)")
SOMEBODYS_MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|work|tmp)/\w")
# What makes a random generator: NumPy's, Python's and `epochal.keys`'s own.
GENERATORS = {"default_rng", "RandomState", "Generator", "Random", "generator_for"}
# Tests of the whole, which belong to no single file of the package.
WITHOUT_TWIN = {
    "conftest.py",
    "test_bounded_memory.py",
    "test_classic.py",
    "test_corpora.py",
    "test_damage.py",
    "test_docs.py",
    "test_examples.py",
    "test_format.py",
    "test_fuzz.py",
    "test_fuzz_loaders.py",
    "test_house.py",
    "test_label_paths.py",
    "test_init.py",
    "test_json_page.py",
    "test_names_and_texts.py",
    "test_numerics.py",
    "test_places.py",
    "test_python_labels.py",
    "test_renaming.py",
    "test_same_data.py",
    "test_stopping.py",
    "test_target_encoding.py",
    "test_whole.py",
}
# Files that must show what they forbid.
SHOWS_WHAT_IS_FORBIDDEN = {"house_rules.py", "test_house.py"}
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Finding(NamedTuple):
    """Where a rule is broken, and how."""

    path: Path
    line: int
    sentence: str

    def __str__(self) -> str:
        """Return the finding as editors understand it."""
        return f"{self.path}:{self.line}: {self.sentence}"


class Source(NamedTuple):
    """A Python file: its path, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """The number of lines."""
        return self.text.count("\n")

    @property
    def functions(self) -> list[Function]:
        """Every function and method, also inside others."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


def read(root: Path, folder: str) -> list[Source]:
    """Return the Python files under a folder of the repository, sorted by path."""
    sources = []
    for path in sorted((root / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        sources.append(Source(path.relative_to(root), text, ast.parse(text)))
    return sources


def lines_of(function: Function) -> int:
    r"""Return the lines of a function without its docstring.

    >>> lines_of(ast.parse("def f():\n    '''Say.'''\n    return 1").body[0])
    2
    """
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def depth_of(node: ast.AST) -> int:
    r"""Return how deeply blocks are nested inside a node; `elif` is no deeper than its `if`.

    >>> depth_of(ast.parse("for a in b:\n  if a:\n    c()"))
    2
    """
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        step = int(isinstance(child, BLOCKS) and not is_elif)
        deepest = max(deepest, step + depth_of(child))
    return deepest


def sizes(sources: list[Source]) -> Iterator[Finding]:
    """Yield files, functions and nestings that are too large."""
    files = [(source.lines, Finding(source.path, 1, "")) for source in sources]
    functions = [
        (lines_of(function), Finding(source.path, function.lineno, f"{function.name}: "))
        for source in sources
        for function in source.functions
    ]
    yield from _too_long(files, FILE_LINES, FILE_LINES_NEVER)
    yield from _too_long(functions, FUNCTION_LINES, FUNCTION_LINES_NEVER)
    for source in sources:
        for function in source.functions:
            if (depth := depth_of(function)) > NESTING:
                sentence = f"{function.name}: blocks nested {depth} deep; at most {NESTING}"
                yield Finding(source.path, function.lineno, sentence)


def _too_long(sized: list[tuple[int, Finding]], bound: int, never: int) -> Iterator[Finding]:
    """Yield what passes the upper bound, and what passes the lower one too often."""
    long = [(lines, finding) for lines, finding in sized if lines > bound]
    too_many = len(long) > len(sized) / ONE_IN
    for lines, finding in long:
        if lines > never:
            sentence = f"{lines} lines; never more than {never}"
        elif too_many:
            sentence = f"{lines} lines; one in {ONE_IN} may have more than {bound}"
        else:
            continue
        yield finding._replace(sentence=finding.sentence + sentence)


def docstrings(sources: list[Source]) -> Iterator[Finding]:
    """Yield modules, classes and functions without a docstring; inner functions need none."""
    for source in sources:
        for node in (source.tree, *_named(source.tree)):
            if ast.get_docstring(node) is None:
                name = getattr(node, "name", "the module")
                yield Finding(source.path, getattr(node, "lineno", 1), f"{name} has no docstring")


def _named(tree: ast.Module) -> Iterator[Definition]:
    """Yield the classes, functions and methods of a module, but for overloads and `__x__`."""
    for node in tree.body:
        for item in (node, *node.body) if isinstance(node, ast.ClassDef) else (node,):
            if isinstance(item, Definition) and _needs_docstring(item):
                yield item


def _needs_docstring(node: Definition) -> bool:
    """Whether the name of a definition does not say all."""
    overload = any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)
    return not node.name.startswith("__") and not overload


def test_docstrings(sources: list[Source]) -> Iterator[Finding]:
    """Yield tests without a sentence."""
    for source in sources:
        for function in source.functions:
            if function.name.startswith("test_") and ast.get_docstring(function) is None:
                yield Finding(source.path, function.lineno, f"{function.name} has no sentence")


def twins(root: Path, sources: list[Source], tests: list[Source]) -> Iterator[Finding]:
    """Yield files with functions but without tests, and tests of files that are not there."""
    package = root / "src" / "epochal"
    tested = {test.path for test in tests}
    for source in sources:
        inside = source.path.relative_to("src/epochal")
        twin = Path("tests") / inside.with_name(f"test_{inside.name}")
        needs_tests = source.functions and not inside.name.startswith("__")
        if needs_tests and twin not in tested:
            yield Finding(source.path, 1, f"has no tests at {twin}")
    for test in tests:
        inside = test.path.relative_to("tests")
        above = root if inside.parts[0] == "benchmarks" else package
        source_path = above / inside.with_name(inside.name.removeprefix("test_"))
        room = source_path.with_suffix("")
        if test.path.name not in WITHOUT_TWIN and not (source_path.exists() or room.is_dir()):
            yield Finding(test.path, 1, "tests no file of the package")


def names(sources: list[Source]) -> Iterator[Finding]:
    """Yield files and definitions whose name says nothing."""
    for source in sources:
        for part in (*source.path.parent.parts, source.path.stem):
            if BANNED_NAMES & set(_words(part)):
                yield Finding(source.path, 1, f"the name {part!r} says nothing")
        for node in ast.walk(source.tree):
            if isinstance(node, Definition) and BANNED_NAMES & set(_words(node.name)):
                yield Finding(source.path, node.lineno, f"the name {node.name!r} says nothing")


def _words(name: str) -> list[str]:
    """Return the words of a name.

    >>> _words("test_file_Manager"), _words("FileManager")
    (['test', 'file', 'manager'], ['file', 'manager'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def notes(paths: Iterable[Path], root: Path) -> Iterator[Finding]:
    """Yield reminders without an issue's number, and paths of somebody's machine."""
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if UNNUMBERED.search(line):
                yield Finding(path.relative_to(root), number, "a reminder without a number")
            if SOMEBODYS_MACHINE.search(line):
                yield Finding(path.relative_to(root), number, "a path of somebody's machine")


def shared_generators(tests: list[Source]) -> Iterator[Finding]:
    r"""Yield random generators that are made on import, whose numbers depend on the order of tests.

    >>> text = "A = default_rng(0)\nB = default_rng(0).normal()\ndef f(): return default_rng(0)"
    >>> [finding.line for finding in shared_generators([Source(Path("a"), text, ast.parse(text))])]
    [1]
    """
    for source in tests:
        for call in _generators(source.tree):
            sentence = "a random generator that tests share; make it in the test, or use `rng`"
            yield Finding(source.path, call.lineno, sentence)


def _generators(node: ast.AST) -> Iterator[ast.Call]:
    """Yield calls that make a generator outside of functions and do not draw from it at once."""
    for child in ast.iter_child_nodes(node):
        inside_a_function = isinstance(node, Function | ast.Lambda) and child in _body(node)
        drawn_from_at_once = isinstance(node, ast.Attribute)
        if inside_a_function:
            continue
        if isinstance(child, ast.Call) and not drawn_from_at_once and _makes_generator(child):
            yield child
        yield from _generators(child)


def _body(function: Function | ast.Lambda) -> list[ast.AST]:
    """Return what runs when a function is called, and not when it is defined."""
    return [function.body] if isinstance(function, ast.Lambda) else list(function.body)


def _makes_generator(call: ast.Call) -> bool:
    """Whether a call has the name of a class or function that makes a random generator."""
    return ast.unparse(call.func).rpartition(".")[2] in GENERATORS


def findings(root: Path) -> list[Finding]:
    """Return everything in the repository that breaks a rule."""
    package, tests = read(root, "src/epochal"), read(root, "tests")
    scripts = [*read(root, "tools"), *read(root, "benchmarks")]
    everything = [*package, *tests, *scripts]
    texts = [root / source.path for source in everything]
    texts += [*root.glob("*.md"), *root.glob("docs/*.md"), root / "Makefile"]
    return [
        *sizes(package),
        *sizes([*tests, *scripts]),
        *docstrings([*package, *scripts]),
        *test_docstrings(tests),
        *twins(root, package, tests),
        *names(everything),
        *notes([path for path in texts if path.name not in SHOWS_WHAT_IS_FORBIDDEN], root),
        *shared_generators(tests),
    ]


def main() -> int:
    """Print the findings; return the exit code."""
    root = Path(__file__).resolve().parents[1]
    found = findings(root)
    for finding in found:
        print(finding)
    print(f"house rules: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
