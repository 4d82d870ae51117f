"""Tables in Markdown, and their place in a page of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, numbers to the right.

    >>> print(table(("a", "b"), [("x", "1")]))
    | a | b |
    |---|--:|
    | x | 1 |
    """
    rule = "|".join(["---", *["--:"] * (len(head) - 1)])
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def conditions(
    result: dict[str, Any], *, machine: Sequence[str] = (), date: str = "", command: str = ""
) -> str:
    """Return the machine, versions, date and command of results as a list.

    Args:
        result: with the description of the machine, the command and the load afterwards.
        machine: further lines about the machine.
        date: what stands behind date and load.
        command: what stands behind the command.
    """
    of = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in of["versions"].items())
    load = f"load of the machine before: {of['load']}, after: {result['load_after']}"
    lines = [
        f"machine: {of['processor']}, {of['cores']} cores, {of['vectors']}, {of['system']}",
        *machine,
        f"versions: Python {of['python']}, {versions}",
        f"date: {of['date']}; {load}{date}",
        f"command: `{result['command']}`{command}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def markers(name: str, script: str) -> tuple[str, str]:
    """Return the comments between which a page has what a script writes there.

    >>> markers("speed", "bench.py")[1]
    '<!-- speed: end -->'
    """
    begin = f"<!-- {name}: begin; written by benchmarks/{script} --write -->"
    return begin, f"<!-- {name}: end -->"


def write(text: str, path: Path, name: str, script: str) -> None:
    """Put the text between the markers of a page; refuse a page without them."""
    begin, end = markers(name, script)
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        msg = f"{path} lacks the markers {begin!r} and {end!r}"
        raise ValueError(msg)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
