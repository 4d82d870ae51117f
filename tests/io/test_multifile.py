"""Parts of a table: the same columns, and one type for each column."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from epochal.errors import ColumnError, SourceError
from epochal.io import parquet
from epochal.io.csv.reader import TextFormat
from epochal.io.multifile import read_parts, shared_names

TEXT = TextFormat()


@pytest.fixture
def csv_parts(tmp_path):
    """Return a function that writes CSV files and gives their paths."""

    def _write(*contents):
        paths = [tmp_path / f"{n}.csv" for n in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(content)
        return paths

    return _write


@pytest.fixture
def parquet_parts(tmp_path):
    """Return a function that writes Parquet files of one column and gives their paths."""

    def _write(*columns):
        paths = [tmp_path / f"{n}.parquet" for n in range(len(columns))]
        for path, column in zip(paths, columns, strict=True):
            pyarrow.parquet.write_table(pa.table({"a": column}), path)
        return paths

    return _write


def test_text_in_one_part_is_text_in_all(csv_parts):
    """A column with numbers in one part and words in another is text in both, as written."""
    parts = csv_parts("a,b\n007,1\n", "b,a\n2,x\n", "a,b\n,\n")
    table, counts = read_parts(parts, TEXT, shared_names(parts, TEXT))
    assert sum(counts) == table.num_rows
    assert table.to_pydict() == {"a": ["007", "x", None], "b": [1, 2, None]}


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("1", "2.5", pa.float64()),
        ("", "2", pa.int64()),
        ("2024-01-01", "2024-01-01 10:00", pa.timestamp("us")),
        ("2024-01-01", "x", pa.string()),
    ],
)
def test_types_widen(csv_parts, first, second, kind):
    """Whole numbers and fractions are fractions; dates and times are times; else text."""
    parts = csv_parts(f"a,b\n{first},1\n", f"a,b\n{second},1\n")
    assert read_parts(parts, TEXT, ["a"])[0].schema.field("a").type == kind


def test_differing_columns_name_the_part(csv_parts):
    """A part with a column less or more is named with the column."""
    with pytest.raises(SourceError, match=r"1.csv has no column 'b'"):
        shared_names(csv_parts("a,b\n1,2\n", "a\n1\n"), TEXT)
    with pytest.raises(SourceError, match=r"1.csv has a column 'c' more"):
        shared_names(csv_parts("a,b\n1,2\n", "a,b,c\n1,2,3\n"), TEXT)


def test_wanted_columns(csv_parts):
    """Wanted columns come in their order, once each; unknown ones are refused."""
    parts = csv_parts("a,b\n1,2\n")
    assert shared_names(parts, TEXT, ["b", "a", "b"]) == ["b", "a"]
    with pytest.raises(ColumnError, match="no column 'z'"):
        shared_names(parts, TEXT, ["z"])


def test_dictionaries_of_parts_are_joined(parquet_parts):
    """Parts with dictionaries of their own, or with plain text, fit together."""
    first = pa.array(["x", "y"]).dictionary_encode()
    second = pa.array(["z"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    for other in (second, pa.array(["z"]), pa.array(["z"], pa.large_string()), pa.nulls(1)):
        parts = parquet_parts(first, other)
        values = read_parts(parts, parquet, ["a"])[0].column("a").to_pylist()
        assert values == ["x", "y", None if other.null_count else "z"]


def test_typed_parts_that_differ_are_refused(parquet_parts):
    """A column that is text in one typed file and a number in another is refused."""
    parts = parquet_parts([1], [2], ["x"])
    with pytest.raises(
        SourceError, match=r"column 'a' is of type string in .*2.parquet; expected int64"
    ):
        read_parts(parts, parquet, ["a"])


def test_values_that_do_not_fit_name_the_part(parquet_parts):
    """A number too large for the common type is refused with its part."""
    parts = parquet_parts(pa.array([1], pa.int64()), pa.array([2**64 - 1], pa.uint64()))
    with pytest.raises(SourceError, match=r"1.parquet cannot be read"):
        read_parts(parts, parquet, ["a"])


def test_time_is_linear_in_columns(monkeypatch, csv_parts):
    """The names of a part are not searched for each column."""

    class Unsearched(list):
        """Names whose items are not looked for one after the other."""

        def __contains__(self, name):
            """Fail."""
            pytest.fail(f"the names were searched for {name!r}")

    names = Unsearched(["a", "b"])
    monkeypatch.setattr(TextFormat, "column_names", lambda *_: names)
    parts = csv_parts("a,b\n1,2\n", "a,b\n3,4\n")
    assert shared_names(parts, TEXT, ["b"]) == ["b"]
    assert shared_names(parts, TEXT) == ["a", "b"]
