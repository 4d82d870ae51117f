"""CSV and TSV files: types, odd spellings, damage named by line, streaming."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.errors import DataError, EpochalError, MissingFileError, SourceError
from epochal.io.csv import blocks, reader

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    """Return the path of a new file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def whole(path: Path, as_text: tuple[str, ...] = ()) -> pa.Table:
    """Return all columns of the file."""
    return reader.read(path, reader.column_names(path), as_text)


def streamed(path: Path, rows: int = 2) -> list[pa.Table]:
    """Return all columns of the file in batches."""
    return list(reader.batches(path, rows, reader.column_names(path)))


def test_types_are_found_in_the_values(tmp_path):
    """Whole numbers, fractions, text, truth values, dates and times get their types."""
    content = (
        "i,f,s,b,d,t,clock\n"
        "1,1,x,true,2024-05-01,2024-05-01 12:30:00,12:30\n"
        "2,.5,y,False,2024-05-02,2024-05-02 00:00:00,07:00\n"
    )
    table = whole(write(tmp_path, content))
    assert table.column("i").to_pylist() == [1, 2]
    assert table.column("f").to_pylist() == [1.0, 0.5]
    assert table.column("s").to_pylist() == ["x", "y"]
    assert table.column("b").to_pylist() == [True, False]
    assert table.column("d").to_pylist() == [date(2024, 5, 1), date(2024, 5, 2)]
    assert table.column("t").to_pylist()[0] == datetime(2024, 5, 1, 12, 30)  # noqa: DTZ001
    assert table.column("clock").to_pylist() == ["12:30", "07:00"]


def test_one_word_makes_the_whole_column_text(tmp_path, monkeypatch):
    """A column is a number only if every value is, also when the word comes blocks later."""
    monkeypatch.setattr(blocks, "BLOCK", 256)
    table = whole(write(tmp_path, "a,b\n" + "007,1\n" * 500 + "x,1\n"))
    assert table.column("a").to_pylist() == ["007"] * 500 + ["x"]
    assert table.schema.field("b").type == pa.int64()


@pytest.mark.parametrize(
    "spelling", ["", '""', "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", " ?", " NA "]
)
def test_null_spellings_are_null_in_numbers_and_in_text(tmp_path, spelling):
    """Every spelling of a missing value is null, with spaces around it too; so is a quoted empty cell."""
    table = whole(write(tmp_path, f"n,s,k\n1,x,1\n{spelling},{spelling},1\n2.5,y,1\n"))
    assert table.column("n").to_pylist() == [1.0, None, 2.5]
    assert table.column("s").to_pylist() == ["x", None, "y"]


def test_unusual_nan_is_null(tmp_path):
    """NaN that Arrow reads as a number is null too; infinity stays for the schema to refuse."""
    values = whole(write(tmp_path, "a\nNAN\ninf\n1\n")).column("a").to_pylist()
    assert values == [None, float("inf"), 1.0]


def test_spaces_around_values_and_names_are_dropped(tmp_path):
    """The raw form of Adult, with a space after every comma, reads like the one without."""
    path = write(tmp_path, "age, job\n39, clerk\n50, ?\n")
    assert whole(path).to_pydict() == {"age": [39, 50], "job": ["clerk", None]}
    assert streamed(path)[0].to_pydict() == {"age": ["39", "50"], "job": ["clerk", None]}


def test_text_on_demand_keeps_the_writing(tmp_path):
    """A column that is read as text keeps its leading zeros; null stays missing."""
    path = write(tmp_path, "zip,n\n00501,1\n ?,2\n")
    assert whole(path, as_text=("zip",)).column("zip").to_pylist() == ["00501", None]
    assert whole(path).column("zip").to_pylist() == [501, None]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings_and_byte_order_mark(tmp_path, ending, mark, last):
    """Windows line ends, a byte-order mark, a missing last line end: the same table."""
    lines = ending.join(["a,b", "1,x", "2,y"]) + (ending if last else "")
    path = write(tmp_path, mark + lines.encode())
    assert whole(path).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert streamed(path)[0].to_pydict() == {"a": ["1", "2"], "b": ["x", "y"]}


def test_quotes_hold_breaks_separators_and_quotes(tmp_path):
    """Quoted values may hold line breaks, separators and doubled quotes, in the header too."""
    path = write(tmp_path, '"a\nname","b, too"\n"line 1\nline 2","say ""x"""\n"c,d",z\n')
    expected = {"a\nname": ["line 1\nline 2", "c,d"], "b, too": ['say "x"', "z"]}
    assert whole(path).to_pydict() == expected
    assert streamed(path)[0].to_pydict() == expected


def test_blank_lines_are_skipped(tmp_path):
    """Blank lines before, between and after the lines are no rows."""
    path = write(tmp_path, "\n\r\na,b\n\n1,2\n\n3,4\n\n")
    assert whole(path).to_pydict() == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.tsv", "a\tb,c\n1\tx,y\n"),
        ("d.txt", "a\tb,c\n1\tx,y\n"),
        ("d.csv", "a;b,c\n1;x,y\n".replace(",c", "c").replace(",y", "y")),
        ("d.txt", "a,bc\n1,xy\n"),
        ("d.csv", "a|bc\n1|xy\n"),
    ],
)
def test_separators(tmp_path, name, content):
    """The separator is the ending's own, or else the one in the header."""
    table = whole(write(tmp_path, content, name))
    assert table.num_columns == 2
    assert table.column(0).to_pylist() == [1]


def test_decimal_commas_are_refused(tmp_path):
    """Numbers with a decimal comma are not silently taken for categories."""
    path = write(tmp_path, "a;b\n3,5;x\n4;y\n")
    with pytest.raises(SourceError, match=r"column 'a' of .* has numbers with a comma, like 3,5"):
        whole(path)
    assert whole(path, as_text=("a",)).column("a").to_pylist() == ["3,5", "4"]


def test_commas_between_thousands_are_no_text(tmp_path):
    """Quoted amounts are numbers, whole or not; what is not all amounts stays text."""
    path = tmp_path / "a.csv"
    path.write_text('a,b,c,d\n"1,234,567","-1,000.5","1,234","0,637"\n12,7,x,1\n,3.25,,2\n')
    table = reader.read(path, ["a", "b", "c", "d"])

    assert table.column("a").to_pylist() == [1234567, 12, None]
    assert table.column("b").to_pylist() == [-1000.5, 7.0, 3.25]
    assert table.column("c").to_pylist() == ["1,234", "x", None]
    assert table.column("d").to_pylist() == ["0,637", "1", "2"]
    assert reader.read(path, ["a"], as_text=["a"]).column("a").to_pylist() == [
        "1,234,567",
        "12",
        None,
    ]


def test_streaming_refuses_decimal_commas_where_commas_do_not_separate(tmp_path):
    """12,637 in a semicolon file could be either, and is taken for neither."""
    path = tmp_path / "a.csv"
    path.write_text("a;b\n12,637;x\n3,5;y\n")

    with pytest.raises(SourceError, match="numbers with a comma, like 12,637"):
        list(reader.batches(path, 10, ["a", "b"]))


def test_semicolon_text_with_commas_is_text(tmp_path):
    """A column in which only some values look like numbers with commas is text."""
    path = write(tmp_path, "a;b\n3,5;\nx,y;\n")
    assert whole(path).column("a").to_pylist() == ["3,5", "x,y"]


def test_empty_names_are_numbered(tmp_path):
    """The nameless first column that pandas writes for its index gets pandas' name for it."""
    assert reader.column_names(write(tmp_path, ",a,\n0,1,2\n")) == ["Unnamed: 0", "a", "Unnamed: 2"]


def test_duplicate_names_are_refused(tmp_path):
    """A repeated name is refused, even if the two differ in spaces."""
    with pytest.raises(DataError, match="2 columns named 'a'"):
        reader.column_names(write(tmp_path, "a, a,b\n1,2,3\n"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_file_is_refused(tmp_path, content):
    """A file without a header is refused as empty."""
    with pytest.raises(SourceError, match="is empty; expected a line with the names"):
        reader.column_names(write(tmp_path, content))


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\n\n\r\n"])
def test_header_alone_gives_no_rows(tmp_path, content):
    """A header without lines below it is a table without rows."""
    path = write(tmp_path, content)
    assert (whole(path).num_rows, whole(path).column_names) == (0, ["a", "b"])
    assert streamed(path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n1,2,3\n1,2,3,4\n", r"line 3 of .* has 4 values; expected 3"),
        ("a,b,c\n\n1,2,3\n1,2\n", r"line 4 of .* has 2 values; expected 3"),
        ('a,b\n"x\ny\nz",1\n"p\nq",1\n5\n', r"line 7 of .* has 1 value; expected 2"),
        ("a,b\r\n1,2\r\n3,4,5\r\n", r"line 3 of .* has 3 values"),
        ('a,b\n1,2\n3,"x\n4,5\n6,7\n', r"a quote is opened in line 3 of .* never closed"),
        ('a,b\n1,"x', r"a quote is opened in line 2 of .* never closed"),
        ('a,"b\n1,2\n', r"a quote is opened in line 1 of .* never closed"),
        ('a,b\n1,"' + "x,y\n" * 50_000, r"a quote is opened in line 2 of .* never closed"),
    ],
)
def test_damaged_lines_are_named(tmp_path, content, message):
    """A line with too few or too many values, or an open quote, is named by its number."""
    for path in (
        write(tmp_path, content),
        write(tmp_path, gzip.compress(content.encode()), "data.csv.gz"),
    ):
        with pytest.raises(SourceError, match=message):
            whole(path)
        with pytest.raises(SourceError, match=message):
            streamed(path)


def test_the_faulty_line_is_shown(tmp_path):
    """The hint shows what the line holds, cut short if it is long."""
    with pytest.raises(SourceError, match="the line reads: 1, 2, 3; put values"):
        whole(write(tmp_path, "a,b\n1,2,3\n"))
    with pytest.raises(SourceError, match="x…"):
        whole(write(tmp_path, "a,b\n" + "x" * 500 + "\n"))


def test_literal_quotes_within_values_are_no_faults(tmp_path):
    """An odd number of quotes inside of unquoted values (5" pipe) is read as written."""
    path = write(tmp_path, 'a,b\n5" pipe,1\n6 pipe,2\n')
    assert whole(path).column("a").to_pylist() == ['5" pipe', "6 pipe"]
    assert streamed(path)[0].column("a").to_pylist() == ['5" pipe', "6 pipe"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,x\n2,caf\xe9\n".encode("latin1"), r"line 3 .* the byte 0xe9 follows '2,caf'"),
        ("caf\xe9,b\n1,x\n".encode("latin1"), r"line 1 .* not UTF-8 text: it holds the byte 0xe9"),
        ("a,b\n1,x\n".encode("utf-16"), "is UTF-16 text; expected UTF-8"),
    ],
)
def test_other_encodings_are_named(tmp_path, content, message):
    """Text that is not UTF-8 is refused by line and byte, with the command to convert it."""
    path = write(tmp_path, content)
    with pytest.raises(SourceError, match=message) as caught:
        whole(path)
    assert "iconv" in caught.value.hint
    with pytest.raises(SourceError, match=message):
        streamed(path)


def test_classic_mac_line_ends_are_refused(tmp_path):
    """Carriage returns alone are no line ends here, and are refused as such."""
    with pytest.raises(SourceError, match="line 1 of .* behind a carriage return.*\n.*: tr "):
        reader.column_names(write(tmp_path, "a,b\r1,2\r3,4\r"))


def test_line_longer_than_a_block_is_refused(tmp_path, monkeypatch):
    """A line that does not fit into a block is refused with the limit."""
    monkeypatch.setattr(blocks, "LONGEST_LINE", 1000)
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    with pytest.raises(SourceError, match="line 2 of .* is longer than 1,000 bytes"):
        whole(write(tmp_path, "a,b\n1," + "x" * 5000 + "\n2,y\n"))


def test_gzip_is_found_by_content(tmp_path):
    """Compressed files are read under any name, also with several gzip members."""
    content = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    for name in ("data.csv.gz", "data.csv"):
        assert whole(write(tmp_path, content, name)).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_truncated_gzip_is_refused(tmp_path):
    """A compressed file that was cut short anywhere is refused, never read in part."""
    content = gzip.compress(b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(2000)))
    for cut in (2, 5, 11, len(content) // 2, len(content) - 8, len(content) - 1):
        path = write(tmp_path, content[:cut], "data.csv.gz")
        with pytest.raises(SourceError, match="data.csv.gz"):
            whole(path)
        with pytest.raises(SourceError, match="data.csv.gz"):
            streamed(path)


def test_wrong_checksum_of_gzip_is_refused(tmp_path):
    """A compressed file whose content does not fit its checksum is refused."""
    content = bytearray(gzip.compress(b"a,b\n1,2\n"))
    content[-6] ^= 1
    with pytest.raises(SourceError, match="CRC check failed"):
        whole(write(tmp_path, bytes(content), "data.csv.gz"))


def test_gzip_by_name_only_is_refused(tmp_path):
    """A plain file named .gz is refused with the advice to rename it."""
    with pytest.raises(SourceError, match="not compressed by gzip, though its name says so"):
        whole(write(tmp_path, "a,b\n1,2\n", "data.csv.gz"))


def test_missing_file(tmp_path):
    """A file that is not there is missing, and the nearest name is offered."""
    write(tmp_path, "a\n1\n", "income.csv")
    with pytest.raises(MissingFileError, match="did you mean 'income.csv'"):
        reader.column_names(tmp_path / "incme.csv")


def test_some_columns_in_the_order_asked_for(tmp_path):
    """Only the named columns are read, in that order."""
    path = write(tmp_path, "a,b,c\n1,2,3\n")
    assert reader.read(path, ["c", "a"]).to_pydict() == {"c": [3], "a": [1]}
    assert next(reader.batches(path, 1, ["c", "a"])).to_pydict() == {"c": ["3"], "a": ["1"]}


def test_streaming_cuts_exactly_and_keeps_text(tmp_path, monkeypatch):
    """Batches have the requested size across blocks, and everything stays text."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    path = write(tmp_path, "a,b\n" + "".join(f"{n},NA\n" for n in range(101)))
    tables = streamed(path, rows=10)
    assert [table.num_rows for table in tables] == [10] * 10 + [1]
    found = [value for table in tables for value in table.column("a").to_pylist()]
    assert found == [str(number) for number in range(101)]
    assert tables[0].schema == pa.schema([("a", pa.string()), ("b", pa.string())])
    assert tables[0].column("b").null_count == 10


def test_an_all_null_column_is_read(tmp_path):
    """A column without any value does no harm, as numbers or with decimal commas about."""
    assert whole(write(tmp_path, "a;b\n1;\n2;?\n")).column("b").null_count == 2
    path = write(tmp_path, "a;b\n1;\n2; ?\n")
    assert whole(path, as_text=("b",)).column("b").to_pylist() == [None, None]
    assert whole(path).column("b").to_pylist() == [None, None]


_VALUE = st.text(st.sampled_from('abé",\n\r; \t1.'), max_size=6)


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(_VALUE, _VALUE), min_size=1, max_size=8))
def test_what_python_writes_is_read(tmp_path_factory, rows):
    """Law: whatever Python's writer quotes comes back as it stands, from whole file and stream."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path = write(tmp_path_factory.mktemp("law"), out.getvalue())
    expected = [[value or None for value in row] for row in rows]
    for table in (whole(path, ("a", "b")), pa.concat_tables(streamed(path, rows=3))):
        assert [list(row.values()) for row in table.to_pylist()] == expected


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    """Law: no content brings anything but a table or an error of ours."""
    path = write(tmp_path_factory.mktemp("bytes"), content)
    try:
        names = reader.column_names(path)
        assert reader.read(path, names).column_names == names
    except EpochalError as error:
        assert str(path) in str(error)  # noqa: PT017
