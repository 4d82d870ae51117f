"""List identifiers whose words occur in no dictionary of the field: a help in renaming, not a gate.

    python tools/unfamiliar_names.py                      # the whole package
    python tools/unfamiliar_names.py src/epochal/nn       # one room

The words are in `field_words.txt`, beside this file. A plural and a few other endings of a word are known with it.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = Path(__file__).with_name("field_words.txt")
PACKAGE = Path(__file__).resolve().parents[1] / "src" / "epochal"
# What an ending is replaced by to find the word in the dictionary.
ENDINGS = (("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"))
# Shorter stems would make words such as "need" a form of something else.
SHORTEST_STEM = 3


class Identifier(NamedTuple):
    """A name, what it is the name of, and the line of its definition."""

    line: int
    kind: str
    name: str


def dictionary(path: Path = WORDS) -> frozenset[str]:
    """Return the words of a file: any number in a line, and none after a `#`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines for word in line.partition("#")[0].split())


def words_of(name: str) -> list[str]:
    """Return the words of an identifier, in lower case, without digits.

    >>> words_of("_row_of2"), words_of("NumericEmbedding"), words_of("XLAKernel")
    (['row', 'of'], ['numeric', 'embedding'], ['xla', 'kernel'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def is_known(word: str, known: frozenset[str]) -> bool:
    """Whether a word, or what it is a form of, is in the dictionary.

    >>> [is_known(word, frozenset({"epoch", "size"})) for word in ("epochs", "sizing", "beside")]
    [True, True, False]
    """
    if word in known or len(word) == 1:
        return True
    stems = (word.removesuffix(end) + other for end, other in ENDINGS if word.endswith(end))
    return any(len(stem) >= SHORTEST_STEM and stem in known for stem in stems)


def identifiers(tree: ast.AST) -> Iterator[Identifier]:
    """Yield what a module defines: classes, functions, parameters, attributes and variables."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef():
                yield Identifier(node.lineno, "class", node.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Identifier(node.lineno, "function", node.name)
            case ast.arg():
                yield Identifier(node.lineno, "parameter", node.arg)
            case ast.Attribute(ctx=ast.Store()):
                yield Identifier(node.lineno, "attribute", node.attr)
            case ast.Name(ctx=ast.Store()):
                yield Identifier(node.lineno, "variable", node.id)


def unfamiliar(source: str, known: frozenset[str]) -> list[tuple[Identifier, list[str]]]:
    r"""Return the identifiers of a text with the words that the dictionary lacks, in order of lines.

    >>> unfamiliar("def told(row):\n    thus = row", frozenset({"row"}))[0]
    (Identifier(line=1, kind='function', name='told'), ['told'])
    """
    found = sorted(set(identifiers(ast.parse(source))))
    pairs = [(name, [w for w in words_of(name.name) if not is_known(w, known)]) for name in found]
    return [(name, words) for name, words in pairs if words]


def main(arguments: list[str]) -> int:
    """Print a line for each unfamiliar identifier of the files and folders named; return 0."""
    known = dictionary()
    places = [Path(argument) for argument in arguments] or [PACKAGE]
    paths = [path for place in places for path in (sorted(place.rglob("*.py")) or [place])]
    total = 0
    for path in paths:
        for name, words in unfamiliar(path.read_text(encoding="utf-8"), known):
            print(f"{path}:{name.line}: {name.kind} {name.name} ({', '.join(words)})")
            total += 1
    print(f"unfamiliar names: {total} in {len(paths)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
