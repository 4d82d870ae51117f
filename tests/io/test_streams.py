"""Streams of rows: the same as what is read whole, in bounded memory, or an error."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
from datetime import datetime
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import ColumnError, DataError, EpochalError, MissingFileError, SourceError
from epochal.io import files
from epochal.io.csv import blocks, stored_blocks
from epochal.io.csv.stored_blocks import SHARE
from epochal.io.streams import stream


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a line or a few."""
    for name, size in (("BLOCK", 64), ("_SHARE", 48)):
        monkeypatch.setattr(blocks, name, size)


def bits(column):
    """Return the values of a column, decoded, by type, gaps and (floats) bits."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.to_pylist()
    if pa.types.is_floating(column.type):
        values = [None if value is None else struct.pack("d", value) for value in values]
    return str(column.type), values


def assert_same(path, target, rows=3, **options):
    """Check that a stream has the rows of the whole file; return the stream."""
    csv = options.get("csv", PLAIN)
    whole = files.read(str(path), target, as_text=options.get("as_text", ()), csv=csv)
    found = stream(str(path), target, **options)
    pieces = list(found.rows.read(rows))
    assert [len(piece) for piece in pieces[:-1]] == [rows] * (len(pieces) - 1)
    assert (found.dropped, found.source) == (whole.dropped, whole.source)
    assert found.rows.n_rows == len(found.codes) == sum(map(len, pieces))
    labels = found.values[found.codes]
    assert labels.dtype == whole.labels.dtype
    assert labels.tolist() == whole.labels.tolist()
    assert [type(label) for label in labels] == [type(label) for label in whole.labels]
    assert found.values.tolist() == sorted(set(found.values.tolist()))
    if isinstance(whole.rows, np.ndarray):
        together = np.concatenate(pieces)
        assert (together.dtype, found.rows.head.dtype) == (whole.rows.dtype,) * 2
        assert together.tobytes() == whole.rows.tobytes()
        assert (found.rows.head.shape, together.shape) == (
            (0, *whole.rows.shape[1:]),
            whole.rows.shape,
        )
    else:
        assert {str(piece.schema) for piece in pieces} == {str(found.rows.head.schema)}
        surplus = [*options.get("drop", ()), *options.get("extra", ())]
        together, expected = pa.concat_tables(pieces), whole.rows.drop_columns(surplus)
        assert together.column_names == expected.column_names
        for name in expected.column_names:
            assert bits(together.column(name)) == bits(expected.column(name)), name
    return found


# Columns that begin as one thing and turn out to be another, many blocks later.
_LATE = {
    "whole numbers, fractions": ["1", "-2", "9007199254740993"] * 9 + ["2.5", "1e3"],
    "fractions, too large": ["1.5", ".5", "inf", "NAN"] * 5 + ["99999999999999999999"],
    "numbers, text": ["007", "1", "-0"] * 9 + ["x"],
    "hexadecimal numbers": ["1", "0x1F"] * 9,
    "hexadecimals, fractions": ["1", "0x1F"] * 9 + ["1.5"],
    "dates": ["2024-01-01", "1500-01-01"] * 9,
    "dates, times": ["2024-01-01", " 2024-01-02"] * 9 + ["2024-01-01 10:00"],
    "plain dates, times": ["2024-01-01", "2024-01-02"] * 9 + ["2024-01-01 10:00"],
    "times, finer ones": ["2024-01-01 10:00"] * 9 + ["2024-01-01 10:00:00.5"],
    "early dates, fine times": ["1500-01-01"] * 9 + ["2024-01-01 10:00:00.5"],
    "times in zones": ["2024-01-01T10:00:00Z"] * 9 + ["2024-01-01T10:00:00.5Z"],
    "times of day": ["12:30", "07:00"] * 9,
    "times of day, dates": ["12:30", "07:00"] * 9 + ["2024-01-01"],
    "booleans": ["true", "False"] * 9,
    "numbers, truths": ["1", "0"] * 20 + ["true"],
    "truths, numbers": ["true", "false"] * 9 + ["2"],
    "spaced gaps late": ["1", "2"] * 20 + [" ?"],
    "spaced gaps early": [" ?"] + ["1", "2"] * 20 + ["2.5"],
    "truths, spaced gaps": ["true", "false"] * 9 + [" ?"],
    "words, spaced gaps": [" x ", "y"] * 9 + [" NA "],
    "amounts late": ["12", "7"] * 20 + ['"1,234"'],
    "amounts, fractions": ['"1,234"'] + ["12", "7"] * 20 + ["1.5"],
    "amounts, words": ['"1,234"'] + ["12", "7"] * 20 + ["x"],
    "amounts, gaps": ['"1,234"', " ?"] + ["12", "7"] * 20,
    "amounts, fractions in powers": ['"1,234"', "1e5"] * 9,
    "signed amounts": ['"1,234"'] * 9 + ["+5"],
    "all missing": ["", "NA"] * 9,
    "all missing, spaced": ["", "NA"] * 9 + [" ?"],
    "missing, numbers": [""] * 40 + ["1"],
    "quoted breaks": ['"a\nb"', '"say ""x""\n"', '"c,d"', '"\r\n"'] * 5,
    "quoted numbers": ['"1"', '"2"'] * 9 + ['"2.5"'],
    "quotes within": ['5" pipe', "6 pipe"] * 9,
    "accents": ["é", "\u00a01"] * 9,
    "numbers, quoted gaps late": ["1", "2"] * 20 + ['"NA"', '" 3"'],
    "numbers, quoted gaps early": ['"NA"', '" 3"'] + ["1", "2"] * 20 + ["2.5"],
    "quoted gaps, spaced gaps": ['"NA"', "1", "2", " ?"] * 9,
    "dates, quoted gaps": ["2024-01-01"] * 20 + ['"None"', '" 2024-01-02"'],
    "truths, quoted gaps": ["true", "false"] * 20 + ['"None"', '" true"'],
    "quoted words": ['"None"', "x", '" x"', '"x "', '" "', '""'] * 9,
    "all missing, quoted": ['"NA"', '"?"'] * 20,
    "a word, then quoted gaps": ["x"] + ['"NA"'] * 40,
    "numbers, then quoted gaps": ["1"] + ['"NA"'] * 40,
    "numbers, quoted word": ["1", "2"] * 20 + ['" x"'],
}


@pytest.mark.parametrize("name", _LATE)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_types_that_show_late(tmp_path, name, ending):
    """A column has its type as a whole, even if single blocks look like another type."""
    values = _LATE[name]
    lines = [f"{value},{'pq'[n % 2]}" for n, value in enumerate(values)]
    path = tmp_path / "data.csv"
    path.write_bytes(("a,y" + ending + ending.join(lines)).encode())
    assert len(list(blocks.blocks_of(path))) > 1
    assert_same(path, "y")
    assert_same(path, "y", as_text=["a"])
    if not name.startswith("all missing"):
        assert_same(path, "a")


# Arrow 18 takes an early date for a fine time, and then cannot bring it to another type.
@pytest.mark.parametrize("first", [name for name in _LATE if name != "early dates, fine times"])
@pytest.mark.parametrize("second", ["numbers, text", "spaced gaps late", "all missing", "dates"])
def test_types_of_parts(tmp_path, first, second):
    """What is of one type in one file and of another in the next has the type of both."""
    for number, name in enumerate((first, second)):
        lines = "".join(f"{value},{n % 3}\n" for n, value in enumerate(_LATE[name]))
        (tmp_path / f"{number}.csv").write_text("a,y\n" + lines)
    assert_same(tmp_path, "y", rows=7)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv"])
def test_forms_of_text(tmp_path, mark, suffix):
    """Byte-order marks, gzip, blank lines, labels that are missing: the same as read whole."""
    separator = "\t" if suffix == "tsv" else ","
    rows = [
        separator.join((str(n), "pq"[n % 2] if n % 5 else "")) + "\n" * (1 + n % 2)
        for n in range(50)
    ]
    content = mark + separator.join("ay").encode() + b"\n\n\r\n" + "".join(rows).encode()
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    assert assert_same(path, "y").dropped == 10
    assert set(assert_same(path, "a").values) == {str(n) for n in range(50)}


def test_a_stream_read_in_another_way_has_another_digest(tmp_path):
    """With other words for missing values the same bytes are other rows, with another cache entry."""
    path = tmp_path / "data.csv"
    path.write_text("a,y\n1,p\n2,q\n")
    digests = {
        stream(str(path), "y", csv=csv).rows.digest()
        for csv in (PLAIN, CsvOptions(), CsvOptions(missing_values=("1",)), CsvOptions(strip=False))
    }
    assert len(digests) == 3


def test_a_mark_where_a_block_begins(tmp_path):
    """The bytes of a byte-order mark belong to a value, wherever blocks are cut."""
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "".join(f"\ufeff{n},p\n" for n in range(1, 60)), encoding="utf-8")
    assert_same(path, "y")


def test_labels_with_gaps_keep_their_form(tmp_path):
    """Labels of typed files keep their type: integers and booleans with gaps as objects."""
    path = tmp_path / "data.parquet"
    i, b, f = [3, None, 1, 3], [True, None, False, True], [1.5, None, float("nan"), -0.0]
    d = pa.array(["1.5", None, "2", "1.50"]).cast(pa.decimal128(4, 2))
    t = pa.array([1, None, 0, 1], pa.date32())
    pq.write_table(pa.table({"a": [1, 2, 3, 4], "i": i, "b": b, "f": f, "d": d, "t": t}), path)
    for target, kind in zip("ibfdt", "OOfOO", strict=True):
        assert assert_same(path, target).values.dtype.kind == kind


_KINDS = [
    ["1", "0", "-5", " 7", "007", "", "0x1F"],
    ["1.5", "1e5", "NAN", "3", "-0", "?"],
    ["true", "False", "1", "0", " ?"],
    ["2024-01-01", " 2024-01-02", "2024-01-01 10:00", "2024-01-01 10:00:00.5", "12:30", ""],
    ['"1,234"', "12", "1.5", " NA", "+5", '"3,5"'],
    ["x", " y", 'a"b', '"a\nb"', '"say ""x"""', '"c;d,e"', "1"],
    ["1", '" 5"', '"NA"', "NA", '""', '"7"', " ?"],
    ["x", '" x"', '"x "', '"NA"', '" "', '""', " NA", '"\u00a0x"'],
    ["2024-01-01", '" 2024-01-02"', '"None"', " ?", '"2024-01-03"'],
    ["true", '" false"', '"?"', "false", " true", '"NULL"'],
]
# A share of the disk without space for a block, so that text is parsed in every pass.
_NO_SPACE = 2**62
_COLUMN = st.sampled_from(_KINDS).flatmap(
    lambda values: st.lists(st.sampled_from(values), min_size=1, max_size=30)
)


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@settings(deadline=None, max_examples=150)
@given(
    st.lists(_COLUMN, min_size=2, max_size=3),
    st.sampled_from(",;"),
    st.integers(1, 2),
    st.sampled_from([SHARE, _NO_SPACE]),
)
def test_any_table_is_the_same_as_read_whole(tmp_path_factory, columns, separator, parts, share):
    """Law: types, values, labels and errors are those of the whole, however rows are cut and stored."""
    folder = tmp_path_factory.mktemp("law")
    lines = [separator.join(row) for row in zip(*columns, strict=False)]
    for number in range(parts):
        some = [separator.join("abc"[: len(columns)]), *lines[number::parts]]
        (folder / f"{number}.csv").write_text("\n".join(some), newline="")
    try:
        files.read(str(folder), "b")
    except EpochalError as error:
        with pytest.raises(type(error)) as caught:
            stream(str(folder), "b")
        assert str(caught.value) == str(error)  # noqa: PT017
    else:
        with patch.object(stored_blocks, "SHARE", share):
            assert_same(folder, "b")


_TABLE = pa.table(
    {
        "i": pa.array([1, 2, None, 4] * 50, pa.int16()),
        "f": pa.array([1.5, float("nan"), -0.0, None] * 50),
        "d": pa.array(["1.50", None] * 100, pa.string()).cast(pa.decimal128(9, 2)),
        "c": pa.array(["x", "y", None, "z"] * 50).dictionary_encode(),
        "t": pa.array([datetime(2024, 1, 1), None] * 100),  # noqa: DTZ001
        "b": pa.array([True, None] * 100),
        "l": pa.array(["p", "q"] * 100, pa.large_string()),
        "y": pa.array(["no", "yes", None, "no"] * 50),
    }
)
_WRITERS = {
    "parquet": lambda table, path: pq.write_table(table, path, row_group_size=64),
    "arrow": lambda table, path: pyarrow.feather.write_feather(table, str(path), chunksize=30),
}


@pytest.mark.parametrize("suffix", _WRITERS)
@pytest.mark.parametrize("target", ["y", "c", "b", "i", "t"])
def test_files_with_types(tmp_path, suffix, target):
    """Parquet and Arrow files give their types, in plain ones, with any column as labels."""
    _WRITERS[suffix](_TABLE, tmp_path / f"data.{suffix}")
    assert_same(tmp_path / f"data.{suffix}", target, rows=7)


@pytest.mark.parametrize("suffix", _WRITERS)
def test_parts_with_types(tmp_path, suffix):
    """Parts of other types are joined; types that do not fit are refused as in reading whole."""
    _WRITERS[suffix](_TABLE, tmp_path / f"0.{suffix}")
    other = _TABLE.set_column(0, "i", pa.array([0.5] * 200))
    other = other.set_column(3, "c", pa.array(["w", "x"] * 100))
    _WRITERS[suffix](other, tmp_path / f"1.{suffix}")
    assert_same(tmp_path, "y", rows=7)
    _WRITERS[suffix](other.set_column(0, "i", _TABLE.column("y")), tmp_path / f"2.{suffix}")
    with pytest.raises(SourceError, match=r"column 'i' is of type string in .*2\."):
        stream(str(tmp_path), "y")


def test_nulls_in_a_dictionary(tmp_path):
    """A dictionary with a null among its values has the same type in every piece."""
    odd = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 40, pa.int8()), pa.array(["x", None]))
    table = pa.table({"c": odd, "y": [1, 2] * 40})
    pyarrow.feather.write_feather(table, str(tmp_path / "data.arrow"), chunksize=30)
    found = assert_same(tmp_path / "data.arrow", "y")
    assert found.rows.head.schema.field("c").type == pa.dictionary(pa.int32(), pa.string())


def test_extra_columns_and_columns_to_drop(tmp_path):
    """Extra columns have a value per row, texts as ranks; they and dropped columns are no inputs."""
    path = tmp_path / "data.csv"
    lines = [
        "1,b,2024-01-01,true,1,7,p",
        ",a,,,2.5,x,",
        "3,,2024-01-02,false,,8,q",
        "4,c,,true,1,9,p",
    ]
    path.write_text("w,g,d,b,late,drop,y\n" + "\n".join(lines))
    found = stream(str(path), "y", extra=["w", "g", "d", "b", "late"], drop=["drop"])
    # A name is at least there, though no column is left.
    assert found.rows.head.column_names == []
    assert found.extra["w"].tolist() == [1, 3, 4]
    assert np.array_equal(found.extra["g"], [1, np.nan, 2], equal_nan=True)
    assert found.ranked == {"g"}
    assert found.extra["d"].dtype == "datetime64[D]"
    assert np.isnat(found.extra["d"]).tolist() == [False, False, True]
    assert found.extra["b"].tolist() == [1, 0, 1]
    assert np.array_equal(found.extra["late"], [1, np.nan, 1], equal_nan=True)
    assert_same(path, "y", extra=["w", "g"], drop=["drop"])
    assert stream(str(path), "y", extra=["drop"]).extra["drop"].tolist() == [0, 1, 2]


def test_extra_columns_that_are_inputs_too(tmp_path):
    """An extra column may stay among the inputs, unless it is to be dropped."""
    path = tmp_path / "data.csv"
    path.write_text("a,b,y\n1,x,p\n2,y,q\n")
    found = stream(str(path), "y", extra=["a", "b"], keep=["b"])
    assert next(found.rows.read(9)).to_pydict() == {"b": ["x", "y"]}
    assert (found.extra["a"].tolist(), found.extra["b"].tolist()) == ([1, 2], [0, 1])
    found = stream(str(path), "y", extra=["b"], keep=["b"], drop=["b"])
    assert found.rows.head.column_names == ["a"]


def test_columns_that_are_not_there(tmp_path):
    """A column that is not there is refused, with the nearest name; so is none to predict."""
    path = tmp_path / "data.csv"
    path.write_text("age,y\n1,p\n")
    for options in ({"extra": ["aeg"]}, {"drop": ["aeg"]}, {"as_text": ["aeg"]}):
        with pytest.raises(ColumnError, match="no column 'aeg'.*\n.*did you mean 'age'"):
            stream(str(path), "y", **options)
    with pytest.raises(ColumnError, match="has no column 'y'"):
        stream(str(path), "y", extra=["y"])
    with pytest.raises(ColumnError, match="did you mean 'y'"):
        stream(str(path), "yy")
    with pytest.raises(DataError, match="no labels of its own.\nHint: name the column to predict"):
        stream(str(path), None)


@pytest.mark.parametrize(
    "content",
    [
        "a,y\n",
        "a,y\n1,\n2,NA\n",
        "a,y\n1,p\n2\n",
        'a,y\n1,p\n2,"q\n' + "3,p\n" * 9,
        "a;y\n" + "3,5;p\n" * 9,
    ],
)
def test_errors_are_those_of_reading_whole(tmp_path, content):
    """No rows, no labels, faults by line, decimal commas: the same errors."""
    path = tmp_path / "data.csv"
    path.write_text(content)
    with pytest.raises(EpochalError) as expected:
        files.read(str(path), "y")
    with pytest.raises(type(expected.value)) as caught:
        stream(str(path), "y")
    assert str(caught.value) == str(expected.value)


def test_arrays(tmp_path):
    """Arrays come in pieces, with labels from a column or beside the rows, of several files too."""
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    values[4, 2] = np.nan
    np.save(tmp_path / "a.npy", values)
    assert assert_same(tmp_path / "a.npy", "-1").dropped == 1
    assert assert_same(tmp_path / "a.npy", "0").values.dtype == np.int64
    pair = {"X": values.reshape(20, 3, 1), "y": np.array(["no", "maybe"] * 10)}
    np.savez(tmp_path / "b.npz", **pair)
    np.savez_compressed(tmp_path / "c.npz", X=np.ones((20, 3, 1), np.int64), y=["x"] * 20)
    assert_same(tmp_path / "b.npz", None)
    assert_same(f"{tmp_path}/*.npz", None)


def test_whole_numbers_in_some_blocks_only(tmp_path, monkeypatch):
    """Labels are fractions if one of them is, though a block has whole numbers only."""
    monkeypatch.setattr("epochal.io.array_streams._BLOCK", 64)
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    values[19, 2] += 0.5
    np.save(tmp_path / "a.npy", values)
    assert assert_same(tmp_path / "a.npy", "2").values.dtype == np.float32


def test_idx_files_and_pictures(tmp_path):
    """Images come in pieces, with their labels from the file beside, or by folder."""
    image = pytest.importorskip("PIL.Image")
    images = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = struct.pack(">4BI", 0, 0, 8, 1, 10) + bytes([7, 3] * 5)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(labels)
    assert_same(tmp_path / "train-images-idx3-ubyte", None)
    for number, picture in enumerate(images):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(picture).save(folder / f"{number}.png")
    assert_same(tmp_path / "pictures", None)


def test_arrays_without_labels_or_with_names(tmp_path):
    """Arrays without labels are refused, and so are names of columns for them."""
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)))
    with pytest.raises(DataError, match="no labels of its own.\nHint: name the array of labels"):
        stream(str(tmp_path / "a.npz"), None)
    for options, option in (
        ({"drop": ["a"]}, "--drop"),
        ({"extra": ["a"]}, "the option with 'a'"),
    ):
        with pytest.raises(DataError, match=f"no named columns.\nHint: omit {option}"):
            stream(str(tmp_path / "a.npz"), None, **options)
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=np.ones((3, 2)))
    with pytest.raises(DataError, match="multilabel"):
        stream(str(tmp_path / "a.npz"), None)
    np.savez(tmp_path / "a.npz", X=np.ones((0, 2)), y=np.ones(0))
    with pytest.raises(SourceError, match="has no rows"):
        stream(str(tmp_path / "a.npz"), None)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_changed_and_vanished_files_are_named(tmp_path, suffix):
    """A file that changes between two passes, or is gone, is an error that names it."""

    def write(path, rows):
        table = pa.table({"a": range(rows), "y": [0, 1] * (rows // 2)})
        if suffix == "csv":
            path.write_text("a,y\n" + "".join(f"{a},{a % 2}\n" for a in range(rows)))
        elif suffix == "parquet":
            pq.write_table(table, path)
        else:
            np.savez(path, X=np.arange(rows)[:, None], y=np.arange(rows) % 2)

    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        write(path, 40)
    found = stream(str(tmp_path), None if suffix == "npz" else "y")
    assert [len(piece) for piece in found.rows.read(50)] == [50, 30]
    write(paths[1], 42)
    pieces = found.rows.read(10)
    assert len(next(pieces)) == 10
    with pytest.raises(SourceError, match=rf"1.{suffix} has changed while it was read"):
        list(pieces)
    paths[1].unlink()
    with pytest.raises(MissingFileError, match=rf"1.{suffix}"):
        list(found.rows.read(10))


def test_a_pass_that_is_left_closes_the_file(tmp_path):
    """A stream that is not gone through to its end leaves no file open, and can be gone through again."""
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "1,p\n2,q\n" * 20)
    found = stream(str(path), "y")
    assert [len(next(found.rows.read(3))) for _ in range(2)] == [3, 3]
    assert sum(map(len, found.rows.read(3))) == 40


def test_memory_is_bounded(tmp_path, monkeypatch):
    """A file many times as large as a block takes the memory of a few blocks and the codes."""
    for name, size in (("BLOCK", 1 << 20), ("_SHARE", 1 << 18)):
        monkeypatch.setattr(blocks, name, size)
    path = tmp_path / "data.csv"
    rng = random.Random(0)
    lines = "".join(f"{rng.random()},word {n % 7},{n},{'pq'[n % 2]}\n" for n in range(20_000))
    with path.open("w") as file:
        file.write("a,b,c,y\n")
        for _ in range(60):
            file.write(lines)
    size = path.stat().st_size
    assert size > 40e6
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    found = stream(str(path), "y")
    of_arrow = 0
    for _ in found.rows.read(10_000):
        of_arrow = max(of_arrow, pa.total_allocated_bytes() - before)
    of_python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.codes.nbytes == found.rows.n_rows == 1_200_000
    assert of_arrow < 12e6
    assert of_python < 12e6
