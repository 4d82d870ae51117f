"""CSV files of the kinds that public corpora hold: read right, or refused or warned of by line."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal import EpochalClassifier, load
from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import EpochalError, SourceError
from epochal.io import files
from epochal.io.csv import blocks, reader
from epochal.io.streams import stream
from epochal.tables.canonical import canonical

SPECTRUM = Path(__file__).parent / "csv_spectrum"
ROWS = [
    ["28/01/2018", "2", "$74.69", "Boots, waterproof", "red"],
    ["29/01/2018", "0", "$29.81", 'Boots, 10" high', "green"],
    ["30/01/2018", "1", "$80.08", "Jacket", "red"],
    ["31/01/2018", "7", "$25.55", "Fly rod, 9 feet", "red"],
    ["01/02/2018", "3", "$63.70", "Hat", "green"],
]
NAMES = ["DATE", "Qty", "Price", "Description", "kind"]
# Cells that begin and end with quotes, and others that need none.
CELL = st.text(st.sampled_from('ab ,;"\n\r\té1'), max_size=6)
DAMAGE = st.tuples(st.integers(0, 200), st.sampled_from(["insert", "delete", "double"]))


def written(rows=None, names=NAMES, **options):
    """Return rows as CSV with these options of Python's writer."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, **{"lineterminator": "\r\n"} | options)
    writer.writerows([*([names] if names else []), *(ROWS if rows is None else rows)])
    return out.getvalue()


def file_of(folder, content, name="data.csv"):
    """Return the path of a file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def whole(path, options):
    """Return the rows of a file, read at once, all cells as text."""
    names = reader.column_names(path, options)
    return files.read(str(path), None, as_text=names, csv=options).rows.to_pylist()


def in_batches(path, options):
    """Return the rows of a file, read in batches as for prediction."""
    parts = files.labelled_batches(str(path), 2, None, None, options)
    return [row for part in parts for row in part.rows.to_pylist()]


def streamed(path, options):
    """Return the rows of a file that have a value in the last column, read as with a limit of memory."""
    *names, last = reader.column_names(path, options)
    found = stream(str(path), last, as_text=[*names, last], csv=options)
    rows = [row for piece in found.rows.read(2) for row in piece.to_pylist()]
    labels = found.values[found.codes].tolist()
    return [row | {last: label} for row, label in zip(rows, labels, strict=True)]


WAYS = (whole, in_batches, streamed)


def outcome(way, path, options=PLAIN):
    """Return the rows that a way to read a file gives, or the message of its error."""
    try:
        return way(path, options)
    except EpochalError as error:
        return str(error)


@pytest.mark.parametrize("path", sorted(SPECTRUM.glob("csvs/*.csv")), ids=lambda path: path.stem)
def test_csv_spectrum_is_read_as_it_says(path):
    """Each file of csv-spectrum has the cells of its JSON; an empty cell is missing."""
    expected = json.loads((SPECTRUM / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    rows = expected if isinstance(expected, list) else [expected]
    if path.stem == "location_coordinates":
        # The one number of the twelve files that their JSON has otherwise.
        rows[0]["Contact Phone Number"] = "2095257564"
    expected = [{name: _plain(cell) for name, cell in row.items()} for row in rows]
    for way in (whole, in_batches):
        found = [{name: _plain(cell) for name, cell in row.items()} for row in way(path, PLAIN)]
        assert found == expected


def _plain(cell):
    """Return a cell with line feeds at the ends of its lines, as the JSON files have them; empty: None."""
    return cell.replace("\r\n", "\n") if cell else None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "options", [{}, {"quoting": csv.QUOTE_ALL}, {"lineterminator": "\n"}, {"delimiter": ";"}]
)
def test_the_standard_file_is_read_right(tmp_path, way, options):
    """The table that the damaged ones are made of is read without a warning, in each way."""
    path = file_of(tmp_path, written(**options))
    assert outcome(way, path) == [dict(zip(NAMES, row, strict=True)) for row in ROWS]


LINES = written().split("\r\n")
# Name, content, and a part of the message that refuses it.
REFUSED = {
    "no payload": (b"", "is empty"),
    "a quote more in the header": ('"' + written(), "line 1"),
    "a quote more in an open cell": (
        written().replace("29/01/2018", '"29/01/2018'),
        r"line 3 of .* after the quote that closes the value",
    ),
    "a quote more in a quoted cell": (
        written().replace('"Boots, waterproof', '""Boots, waterproof'),
        r"line 2 of .* has 'Boots, waterproof\",r' after the quote",
    ),
    "a quote more at the end": (written() + '"', r"a quote is opened in line 7 .* never closed"),
    "backslashes for escapes": (written().replace('""', '\\"'), "line 3"),
    "no escapes": (written().replace('""', '"'), "line 3"),
    "a separator less": (written().replace("30/01/2018,", "30/01/2018"), "line 4 of .* 4 values"),
    "a separator more": (written().replace("30/01/2018,", "30/01/2018,,"), "line 4 of .* 6 values"),
    "spaces for separators": (written(delimiter=" "), "line 2"),
    "a row with spaces for separators": (
        written().replace(LINES[3], LINES[3].replace(",", " ")),
        "line 4 of .* 1 value",
    ),
    "separators with spaces": (
        written().replace(",", ", "),
        r"line 2 of .* 6 values.*\n.*remove the spaces before quotes",
    ),
    "apostrophes for quotes": (written(quotechar="'"), "line 2"),
    "carriage returns for line ends": (written(lineterminator="\r"), "line 1"),
    "another table with more columns": (
        written() + "\r\n" + written([["1", *ROWS[0]]], ["a", *NAMES]),
        "line 8 of .* 6 values",
    ),
    "another table with fewer columns": (
        written() + "\r\n" + written([ROWS[0][1:]], NAMES[1:]),
        "line 8 of .* 4 values",
    ),
    "a title": (
        "Our products\r\n\r\n" + written(),
        "line 3 of .* 5 values.*\n.*if line 3 has the names .* type --skip-lines 2",
    ),
    "rows for a header twice": (
        written([["1", "x", "1"], ["2", "y", "2"]], None),
        "2 columns named '1'.*\n.*if line 1 is a row, type --no-header",
    ),
    "UTF-16 with a mark": (written().encode("utf-16"), "is UTF-16 text"),
    "UTF-16 without a mark": (written().encode("utf-16-be"), "is UTF-16 text"),
    "UTF-32": (written().encode("utf-32"), "is UTF-32 text"),
    "Latin-1": (written([["1", "2", "3", "4", "é"]]).encode("latin1"), "line 2 .* not UTF-8"),
}


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_right_is_refused(tmp_path, kind, way):
    """Each kind of damage that moves cells or hides them is refused, in each way, by its line."""
    content, message = REFUSED[kind]
    found = outcome(way, file_of(tmp_path, content))
    assert isinstance(found, str)
    assert re.search(message, found), found


# Name, content, what the warning says, and the options that read the table right.
WARNED = {
    "no header": (
        written(names=None),
        "line 1 has values for the names .*--no-header",
        CsvOptions(header=False),
    ),
    "two header rows": (
        written([NAMES, *ROWS]),
        "line 2 repeats the names of the columns",
        CsvOptions(skip_lines=1),
    ),
    "units below the header": (
        written([["[day]", "[pieces]", "[dollars]", "", ""], *ROWS]),
        r"line 2 holds words .*type --skip-lines 1",
        None,
    ),
    "a title with separators": (
        "Our products,,,,\r\n,,,,\r\n" + written(),
        "line 1 names 1 of 5 columns.* type --skip-lines 2",
        CsvOptions(skip_lines=2),
    ),
    "two files joined": (written() + written(), "line 7 repeats the names", None),
    "a separator less, a comma in quotes": (
        written().replace('$74.69,"Boots', '$74.69"Boots'),
        "line 2 has a quote within a value.*is a separator missing",
        None,
    ),
    "apostrophes": (
        written([[f"'{cell}'" for cell in ("a", "b", "c", "d", "e")]] * 4),
        "column 'DATE' has apostrophes",
        None,
    ),
    "Windows-1252 as if Latin-1": (
        written([["1", "2", "3", "4 \x80", "x"]]),
        r"line 2 holds the control character U\+0080",
        None,
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", WARNED)
def test_what_may_be_read_wrong_is_reported(tmp_path, kind, way):
    """Each kind of line that is no row brings one warning with its line, in each way; options mend it."""
    content, message, options = WARNED[kind]
    path = file_of(tmp_path, content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome(way, path)
    (sentence,) = {str(warning.message) for warning in caught}
    assert re.search(message, sentence), sentence
    if options is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [list(row.values()) for row in way(path, options)] == ROWS


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@pytest.mark.filterwarnings("ignore:.*apostrophes:UserWarning")
@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.lists(DAMAGE, max_size=2),
)
def test_pythons_strict_reader_is_the_oracle(tmp_path_factory, rows, quoting, damage):
    """Law: every way of reading refuses exactly what Python's strict csv module refuses."""
    content = written(rows, None, quoting=quoting)
    for place, kind in damage:
        at = place % (len(content) + 1)
        quote = content.find('"', at)
        if kind == "insert" or quote < 0:
            content = content[:at] + '"' + content[at:]
        elif kind == "delete":
            content = content[:quote] + content[quote + 1 :]
        else:
            content = content[:quote] + '"' + content[quote:]
    path = file_of(tmp_path_factory.mktemp("law"), "a,b,class\r\n" + content)
    found = {way: outcome(way, path) for way in WAYS}
    try:
        records = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error:
        assert all("line" in message for message in found.values())
        assert all(isinstance(message, str) for message in found.values())
        return
    expected = [[_cell(cell) for cell in record] for record in records if record]
    if not expected or {len(record) for record in expected} != {3}:
        assert all(isinstance(message, str) for message in found.values())
        return
    for way in (whole, in_batches):
        assert [[_cell(cell) for cell in row.values()] for row in found[way]] == expected
    labelled = [record for record in found[whole] if record["class"] is not None]
    assert found[streamed] == labelled or not labelled


def _cell(cell):
    """Return a cell as it is read both quoted and unquoted."""
    return (cell or "").strip() or None


def test_the_line_is_that_of_the_quote(tmp_path, monkeypatch):
    """A wrong quote far behind in a file is reported with its line, and that of its value if it is another."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    path = file_of(tmp_path, "a,b\r\n" + '1,"x\r\ny"\r\n' * 50 + '2,"x\r\ny"z\r\n')
    with pytest.raises(SourceError, match=r"line 103 of .* value that begins in line 102"):
        reader.read(path, ["a"])


# Texts of the kinds of the Big List of Naughty Strings.
NAUGHTY = [
    *("undefined", "1.00", "1E2", "-1E02", "1/0", "0.0.0", "--", "1#INF", "0xffffffffffffffff"),
    *("123456789012345678901234567890", "1,000.00", "1'000.00", "01000", "08", "Infinity", "True"),
    *(
        "٠١٢",
        "Ω≈ç√∫",
        "田中さん",
        "🏿",
        "👾 🙇",
        "مُنَاقَشَةُ",
        "T̸̢",
        "\u202e\u202dtest",
        "\u200b",
        "\ufeff",
    ),
    *("'", '"', "''", '""', "'\"'", "\\", "<script>alert(1)</script>", "1;DROP TABLE users"),
    *(
        "$(touch x)",
        "%d%s%n",
        "../../../etc/passwd",
        "red\x1b[0m",
        "a\tb",
        "line\nbreak",
        "cr\rlone",
    ),
    *("crlf\r\nx", "=1+1", "@SUM", "{{7*7}}", "NUL", "\x01\x02", "#comment", ";", "|", "a,b"),
]


@pytest.mark.parametrize("memory_limit", [None, "1GB"])
def test_naughty_strings_are_names_like_others(tmp_path, memory_limit):
    """As labels, as categories and as names of columns: they come back letter for letter."""
    rows = [
        [NAUGHTY[(row + 7) % len(NAUGHTY)], *[str(row % 7)] * len(NAUGHTY), label]
        for row, label in enumerate(NAUGHTY * 2)
    ]
    path = file_of(tmp_path, written(rows, ["text", *NAUGHTY, "y"], quoting=csv.QUOTE_ALL))
    ours = EpochalClassifier(
        preset="classic",
        hidden_layer_sizes=(4,),
        max_iter=1,
        max_categories=len(NAUGHTY),
        random_state=0,
        memory_limit=memory_limit,
    ).fit(path, "y")
    ours.save(tmp_path / "m.epochal")
    again = load(tmp_path / "m.epochal")

    assert again.classes_.tolist() == sorted(NAUGHTY)
    assert again.feature_names_in_.tolist() == ["text", *NAUGHTY]
    texts = again.model_.preprocessor.schema.columns[0].categories
    assert set(texts) == {canonical(text) for text in NAUGHTY}
    assert again.predict_proba(path).shape == (len(rows), len(NAUGHTY))
    assert again.score(path, "y") == ours.score(path, "y")
