"""Predictions on disk and on standard output: their content, and no incomplete file."""

from __future__ import annotations

import csv
import datetime
import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.cli.writing import (
    Destination,
    check_destination,
    destination,
    prediction_types,
    predictions,
    table_writer,
)
from epochal.errors import DataError, SettingError, WriteError
from epochal.inference.decision import Decision
from epochal.io.files import read

SHARES = np.array([[0.25, 0.75], [0.9, 0.1], [1 / 3, 2 / 3]])
NOTHING = pa.schema([])

# A piece of rows is written to standard output, and then another, or it ends badly.
WRITER = """
import sys
import numpy as np
import pyarrow as pa
from epochal.cli.writing import Destination, predictions, prediction_types, table_writer
classes, form, ends = np.array(["no", "yes"]), sys.argv[1], sys.argv[2]
types = prediction_types(classes, pa.schema([]))
with table_writer(Destination(None, form), types) as write:
    if ends == "first": raise SystemExit(9)
    if ends != "none":
        write(predictions(classes, np.full((3, 2), 0.5)))
    if ends == "second": raise SystemExit(9)
"""


def written(path, classes, pieces, copied=NOTHING) -> None:
    """Write pieces of probabilities to a path, whose ending determines the format."""
    classes = np.array(classes)
    with table_writer(destination(path, None), prediction_types(classes, copied)) as write:
        for piece in pieces:
            write(predictions(classes, piece))


@pytest.mark.parametrize(
    "classes",
    [
        ["no", "yes"],
        ["a,b", 'say "x"'],
        ["two\nlines", "ä"],
        ["lone\rreturn", "both\r\n"],
        ["tab\tbed", " outer "],
        [0, 1],
    ],
)
@pytest.mark.parametrize(("name", "separator"), [("out.csv", ","), ("out.tsv", "\t")])
def test_text_reads_back_to_the_same_labels_and_bits(tmp_path, classes, name, separator):
    """Any reader gets the labels back, and the probabilities to the last bit."""
    path = tmp_path / name
    written(path, classes, [SHARES[:1], SHARES[1:]])
    content = path.read_bytes().decode()
    head, *rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    frame = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    options = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    as_text = pyarrow.csv.ConvertOptions(column_types={"prediction": pa.string()})
    table = pyarrow.csv.read_csv(path, parse_options=options, convert_options=as_text)
    labels = [str(classes[k]) for k in (1, 0, 1)]

    assert head == ["prediction", *(f"probability_{label}" for label in classes)]
    assert [row[0] for row in rows] == labels
    assert frame["prediction"].tolist() == labels
    assert list(frame.columns) == head
    assert table.column("prediction").to_pylist() == labels
    assert table.column_names == head
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=float), SHARES)


def test_plain_labels_have_no_quotes(tmp_path):
    """A file that needs no quotes has none."""
    written(tmp_path / "out.csv", ["no", "yes"], [SHARES])

    assert '"' not in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("classes", [["no", "yes"], [3, 7], [False, True], [0.5, 1.5]])
def test_parquet_keeps_the_type_of_the_labels(tmp_path, classes):
    """Labels are written with the type of the training labels."""
    path = tmp_path / "out.parquet"
    written(path, classes, [SHARES[:2], SHARES[2:]])
    table = pyarrow.parquet.read_table(path)

    assert table.column("prediction").to_pylist() == [classes[1], classes[0], classes[1]]
    assert table.column(f"probability_{classes[0]}").to_pylist() == SHARES[:, 0].tolist()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_a_failure_leaves_what_was_there(tmp_path, name):
    """A failure after the first piece leaves the old file, and no other."""
    path = tmp_path / name
    path.write_text("old")

    def pieces():
        """Yield one piece and fail."""
        yield SHARES
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written(path, ["a", "b"], pieces())

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_rows_give_a_file_with_a_head(tmp_path):
    """Nothing to predict is a file with nothing under its head."""
    written(tmp_path / "out.csv", ["a", "b"], [])

    assert (tmp_path / "out.csv").read_text() == "prediction,probability_a,probability_b\n"


@pytest.mark.parametrize(
    ("out", "form", "found"),
    [
        (None, None, Destination(None, "csv")),
        (Path("-"), None, Destination(None, "csv")),
        (Path("-"), "parquet", Destination(None, "parquet")),
        (Path("a.TSV"), None, Destination(Path("a.TSV"), "tsv")),
        (Path("a.pq"), None, Destination(Path("a.pq"), "parquet")),
        (Path("a.out"), "csv", Destination(Path("a.out"), "csv")),
        (Path("a.csv"), "csv", Destination(Path("a.csv"), "csv")),
    ],
)
def test_the_format_is_that_of_the_name_or_of_the_option(out, form, found):
    """The default format of standard output is CSV; a name without an ending needs a format."""
    assert destination(out, form) == found


def test_outputs_that_cannot_be_are_refused_before_the_work(tmp_path):
    """No format, two formats, and a folder that is not there are refused at once."""
    with pytest.raises(SettingError, match=r"\.parquet"):
        destination(tmp_path / "out.xlsx", None)
    with pytest.raises(SettingError, match="--out-format is 'parquet'"):
        destination(tmp_path / "out.csv", "parquet")
    with pytest.raises(WriteError):
        check_destination(Destination(tmp_path / "no" / "out.csv", "csv"))
    check_destination(Destination(None, "csv"))


def on_standard_output(form: str, ends: str) -> subprocess.CompletedProcess[bytes]:
    """Return the result of a writer, and its output in a pipe."""
    command = [sys.executable, "-c", WRITER, form, ends]
    return subprocess.run(command, capture_output=True, check=False)


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
def test_nothing_is_on_standard_output_before_the_first_rows(form):
    """An error in the first rows leaves no byte, not even a head; no rows at all leave the head."""
    failed = on_standard_output(form, "first")

    assert (failed.returncode, failed.stdout) == (9, b"")
    assert on_standard_output(form, "none").stdout != b""


def test_parquet_goes_through_a_pipe():
    """Parquet on standard output is a complete file; after a failure it has no valid end."""
    whole, half = (on_standard_output("parquet", ends).stdout for ends in ("well", "second"))

    assert pyarrow.parquet.read_table(io.BytesIO(whole)).num_rows == 3
    assert half.startswith(b"PAR1")
    with pytest.raises(pa.ArrowInvalid):
        pyarrow.parquet.read_table(io.BytesIO(half))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_standard_output_is_an_error(form):
    """The error of every writer names standard output and the reason."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-c", WRITER, form, "well"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert b"WriteError: cannot write standard output: no space left on device" in ended.stderr


def test_copied_columns_come_first(tmp_path):
    """Copied columns come first, in their types, with their gaps."""
    copied = pa.table(
        {
            "id": ["007", None, "a"],
            "when": pa.array([datetime.date(2024, 5, 1)] * 3),
            "price": pa.array([Decimal("1.50")] * 3),
            "tags": [[1], [], None],
        }
    )
    classes = np.array(["no", "yes"])
    path = tmp_path / "out.parquet"
    with table_writer(destination(path, None), prediction_types(classes, copied.schema)) as write:
        write(predictions(classes, SHARES, copied=copied))
    table = pyarrow.parquet.read_table(path)

    assert table.column_names[:5] == ["id", "when", "price", "tags", "prediction"]
    assert table.select(copied.column_names).to_pylist() == copied.to_pylist()
    assert table.schema.field("price").type == pa.decimal128(3, 2)


@pytest.mark.parametrize("name", ["prediction", "probability_yes"])
def test_a_copied_column_has_no_name_of_the_result(name):
    """Two columns of one name would be one for most readers."""
    with pytest.raises(SettingError, match=f"--keep has the column '{name}'"):
        prediction_types(np.array(["no", "yes"]), pa.schema([(name, pa.string())]))


@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), pa.binary(), pa.struct([("a", pa.int8())])])
def test_what_csv_cannot_hold_is_refused_by_name(tmp_path, kind):
    """Lists and bytes have no text; the hint is Parquet. Nothing is written."""
    types = prediction_types(np.array(["no", "yes"]), pa.schema([("tags", kind)]))

    def begin() -> None:
        """Begin to write."""
        with table_writer(destination(tmp_path / "out.csv", None), types):
            pass

    with pytest.raises(DataError, match="column 'tags' holds .* values, which CSV cannot hold"):
        begin()
    assert not list(tmp_path.iterdir())


def test_what_parquet_cannot_hold_is_refused(tmp_path):
    """A union has no place in a Parquet file; nothing is written."""
    union = pa.sparse_union([pa.field("a", pa.int8()), pa.field("b", pa.string())])
    types = prediction_types(np.array(["no", "yes"]), pa.schema([("either", union)]))

    def begin() -> None:
        """Begin to write."""
        with table_writer(destination(tmp_path / "out.parquet", None), types):
            pass

    with pytest.raises(DataError, match="cannot be written to Parquet"):
        begin()
    assert not list(tmp_path.iterdir())


def test_a_row_without_a_prediction_is_empty_or_null(tmp_path):
    """Where the model abstains, CSV has an empty cell and Parquet null; the probabilities stay."""
    classes = np.array(["no", "yes"])
    decision = Decision(abstain_below=0.7)
    for name in ("out.csv", "out.parquet"):
        with table_writer(
            destination(tmp_path / name, None), prediction_types(classes, NOTHING)
        ) as write:
            write(predictions(classes, SHARES, decision))
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")

    assert [row["prediction"] for row in rows] == ["yes", "no", ""]
    assert table.column("prediction").to_pylist() == ["yes", "no", None]
    assert float(rows[2]["probability_yes"]) == 2 / 3


# What some reader ends a line with, splits, cuts, skips or takes for missing.
ODD_TEXTS = [
    *("\r", "a\rb", "\n", "\r\n", "a\n\rb", '"', '""', '6" pipe', "'q'", ",", ";", "\t", "|"),
    *("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "<NA>", "#N/A", "-nan", "", " "),
    *(
        " a",
        "a ",
        "\u00a0a",
        "a\u2003",
        "\ufeffa",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2028",
        "\u2029",
    ),
    *("\\", "\\n", "\x00", "a\x00b", "#c", "=1+1", "007", "1e5", "true", "\U0001f600", "e\u0301"),
]
TEXTS = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.text(st.sampled_from("".join(sorted({*"".join(ODD_TEXTS), "x"}))), max_size=6),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
LABELS = st.lists(TEXTS, min_size=2, max_size=5, unique=True)


def result_of(labels: list[str], name: str, cells: list[str]) -> pa.Table:
    """Return predictions of all classes in rotation, after a copied column of texts."""
    classes = np.empty(len(labels), dtype=object)
    classes[:] = labels
    number = len(cells)
    shares = np.eye(len(labels))[np.arange(number) % len(labels)]
    return predictions(classes, shares, copied=pa.table({name: pa.array(cells, pa.string())}))


def columns_read(path: Path, separator: str) -> dict[str, tuple[list[str], list[str], list[str]]]:
    """Return the names and the first two columns of a text file, as four readers have them."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter=separator, strict=True)
    frame = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    texts = dict.fromkeys(range(2), pa.string())
    options = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    # As text, since a column of 007 alone is one of numbers without that option.
    types = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in head[:2]},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    table = pyarrow.csv.read_csv(path, parse_options=options, convert_options=types)
    return {
        "csv": (head, *([row[place] for row in rows] for place in texts)),
        "pandas": (list(frame.columns), *(frame.iloc[:, place].tolist() for place in texts)),
        "Arrow": (table.column_names, *(table.column(place).to_pylist() for place in texts)),
    }


@given(LABELS, TEXTS, st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(["csv", "tsv"]))
def test_any_text_is_read_back_by_every_reader(tmp_path_factory, labels, name, cells, form):
    """Python's csv, pandas and Arrow have the labels, the copied cells and the header letter for letter."""
    table = result_of(labels, name, cells)
    path = tmp_path_factory.getbasetemp() / f"odd.{form}"
    with table_writer(destination(path, None), table.schema) as write:
        write(table)
    chosen = [labels[k % len(labels)] for k in range(len(cells))]

    for reader, (names, copied, found) in columns_read(
        path, "\t" if form == "tsv" else ","
    ).items():
        # pandas numbers a column without a name.
        expected = [name or "Unnamed: 0" if reader == "pandas" else name, *table.column_names[1:]]
        assert (reader, names, copied, found) == (reader, expected, cells, chosen)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.lists(TEXTS.filter(len), min_size=2, max_size=5, unique_by=str.strip))
def test_labels_are_read_back_by_this_program(tmp_path_factory, labels):
    """Predictions can be read as data: no label loses its spaces or becomes a missing value."""
    table = result_of(labels, "key", ["k"] * len(labels))
    path = tmp_path_factory.getbasetemp() / "own.csv"
    with table_writer(destination(path, None), table.schema) as write:
        write(table)

    assert read(str(path), "prediction").labels.tolist() == labels


def test_an_empty_label_is_not_a_missing_prediction(tmp_path):
    """A reader that heeds quotes tells the empty text from a row on which the model abstains."""
    classes = np.array(["", "yes"])
    types = prediction_types(classes, NOTHING)
    with table_writer(destination(tmp_path / "out.csv", None), types) as write:
        write(predictions(classes, np.array([[0.9, 0.1], [0.6, 0.4]]), Decision(abstain_below=0.7)))
    _, *lines = (tmp_path / "out.csv").read_text().splitlines()

    assert [line.split(",")[0] for line in lines] == ['""', ""]
