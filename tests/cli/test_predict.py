"""`epochal predict`, through the real entry point."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from epochal.errors import DataError
from epochal.loading import load

if TYPE_CHECKING:
    from pathlib import Path


def shares(path) -> np.ndarray:
    """Return the probabilities of a CSV file of predictions."""
    with path.open(newline="") as file:
        return np.array([row[1:] for row in csv.reader(file)][1:], dtype=float)


def test_predictions_are_those_of_the_classifier(run, model, table, tmp_path):
    """The file has the results of `predict` and `predict_proba`, row by row."""
    ended = run("predict", model, table, "--out", "p.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    classifier = load(model)
    rows = pyarrow.csv.read_csv(table).drop_columns(["income"])

    assert ended == (0, "", "wrote 160 predictions to p.parquet\n")
    assert written.column_names == ["prediction", "probability_high", "probability_low"]
    assert written.column("prediction").to_pylist() == classifier.predict(rows).tolist()
    assert np.array_equal(
        np.column_stack([written.column(k) for k in (1, 2)]), classifier.predict_proba(rows)
    )


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_size_of_the_pieces_changes_nothing(run, model, table, tmp_path, rows):
    """Streaming in pieces of any size gives the same predictions in the same order."""
    run("predict", model, table, "--out", "whole.csv")
    run("predict", model, table, "--out", "pieces.csv", "--batch-rows", rows)
    whole, pieces = shares(tmp_path / "whole.csv"), shares(tmp_path / "pieces.csv")

    assert whole.shape == (160, 2)
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-12)


def test_without_out_csv_goes_to_standard_output(model, table):
    """The table alone stands on standard output."""
    command = [sys.executable, "-m", "epochal", "predict", str(model), str(table)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()

    assert lines[0] == "prediction,probability_high,probability_low"
    assert len(lines) == 161
    assert ended.stderr == ""


def test_a_few_rows_need_no_jax(model, table):
    """Small inputs are predicted without loading JAX or scikit-learn."""
    script = (
        "import sys; from epochal.cli.main import main;"
        f"code = main(['predict', {str(model)!r}, {str(table)!r}]);"
        "sys.exit(code or str({'jax', 'sklearn'} & set(sys.modules)).replace('set()', ''))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert ended.stderr.strip() == b""


def test_surplus_columns_are_named_once(run, model, table):
    """A column the model does not know is ignored with one warning, however many the pieces."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",hobby", *(line + ",chess" for line in lines[1:])]))
    ended = run("predict", model, table, "--out", "p.csv", "--batch-rows", 20)

    assert ended.code == 0
    assert ended.err.count("epochal: warning:") == 1
    assert "hobby" in ended.err


@pytest.mark.parametrize("words", [("predict", "--out", "p.csv"), ("evaluate",)])
def test_unknown_categories_are_reported_once_with_their_share(run, model, table, words):
    """By column, over all rows and not piece by piece; as an event with --json."""
    known = run(words[0], model, table, *words[1:], "--batch-rows", 20)
    table.write_text(table.read_text().replace(",cook,", ",Cook,").replace(",smith,", ",Smith,"))
    rows = len(table.read_text().splitlines()) - 1
    count = sum(table.read_text().count(name) for name in (",Cook,", ",Smith,"))
    command = (words[0], model, table, *words[1:], "--batch-rows", 20)
    with_warning, events = run(*command), run(*command, "--json")

    assert "unknown to the model" not in known.err
    sentence = f"in {100 * count / rows:.1f} % of the rows ({count} of {rows})"
    assert with_warning.err.count("unknown to the model") == with_warning.err.count(sentence) == 1
    assert "column 'job'" in with_warning.err
    messages = [json.loads(line) for line in events.out.splitlines()]
    assert [sentence in one["message"] for one in messages if one["event"] == "warning"] == [True]


ODD = {
    "bytes": pa.array([b"cook"]),
    "list": pa.array([["cook"]]),
    "struct": pa.array([{"job": "cook"}]),
    "map": pa.array([[("job", 1)]], pa.map_(pa.string(), pa.int64())),
    "bytes in a dictionary": pa.array([b"cook"]).dictionary_encode(),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_values_in_a_text_column_are_refused(run, model, table, tmp_path, name):
    """By the program and in Python, as at training; timestamps are matched by their texts."""
    rows = pyarrow.csv.read_csv(table).slice(0, 5)
    place = rows.column_names.index("job")
    column = pa.concat_arrays([ODD[name]] * 5)
    odd = rows.set_column(place, "job", column)
    pyarrow.feather.write_feather(odd, tmp_path / "odd.feather", compression="uncompressed")
    times = rows.set_column(place, "job", pa.array([0] * 5, pa.timestamp("s")))

    ended = run("predict", model, "odd.feather", "--out", "p.csv")
    assert ended.code == 4
    assert "column 'job' holds" in ended.err
    for frame in (odd, odd.drop_columns(["income"])):
        with pytest.raises(DataError, match="column 'job' holds"):
            load(model).predict(frame)
    with pytest.warns(UserWarning, match="such as '1970-01-01'"):
        load(model).predict(times)


@pytest.mark.parametrize(
    ("change", "code", "found"),
    [
        (lambda text: text.replace("age", "aage", 1), 4, "'age'"),
        (
            lambda text: text.replace("\n", "\nabout forty,cook,true,2020-01-15,low\n", 1),
            4,
            "about",
        ),
        (lambda text: text + "about forty,cook,true,2020-01-15,low\n", 4, "in row 160"),
        (lambda text: text + "1,2\n", 3, "line 162"),
        (lambda _: "", 3, "people.csv"),
    ],
)
def test_rows_that_do_not_fit_leave_no_file(run, model, table, tmp_path, change, code, found):
    """There is one message, its exit code, and no incomplete file."""
    table.write_text(change(table.read_text()))
    ended = run("predict", model, table, "--out", "p.csv", "--batch-rows", 50)

    assert ended.code == code, ended.err
    assert found in ended.err
    assert set(tmp_path.iterdir()) == {model, table}


def test_models_that_are_none_are_refused(run, model, table, tmp_path):
    """A missing, a foreign and a damaged model have messages and codes of their own."""
    missing = run("predict", "nothing.epochal", table)
    foreign = run("predict", table, table)
    model.write_bytes(model.read_bytes()[:-100])
    damaged = run("predict", model, table, "--out", "p.csv")

    assert (missing.code, foreign.code, damaged.code) == (3, 5, 5)
    assert "nothing.epochal" in missing.err
    assert not (tmp_path / "p.csv").exists()


def test_the_input_is_never_written_over(run, model, table):
    """`--out` may not be the file that is read."""
    before = table.read_bytes()

    assert run("predict", model, table, "--out", table).code == 2
    assert table.read_bytes() == before


@pytest.fixture
def visits(table) -> Path:
    """Return the path of the table with an id in front, in spellings that a number would lose."""
    ids = ["007", " 8", "NA", "", '9"', "a,b", *map(str, range(10, 164))]
    lines = table.read_text().splitlines()
    cells = [
        f'"{one.replace(chr(34), chr(34) * 2)}"' if {'"', ","} & set(one) else one for one in ids
    ]
    rows = [f"{cell},{line}" for cell, line in zip(cells, lines[1:], strict=True)]
    path = table.with_name("visits.csv")
    path.write_text("\n".join([f"id,{lines[0]}", *rows]) + "\n")
    return path


def records(text: str) -> list[list[str]]:
    """Return the cells of a CSV text."""
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_copied_columns_come_first_letter_for_letter(run, model, visits):
    """Ids, inputs and the target too: as they are written, null words and spaces with them."""
    ended = run("predict", model, visits, "--keep", "id,age", "--keep", "income", "--keep", "id")
    given, written = records(visits.read_text()), records(ended.out)

    assert written[0][:4] == ["id", "age", "income", "prediction"]
    assert [row[:3] for row in written[1:]] == [[row[0], row[1], row[5]] for row in given[1:]]
    assert [row[0] for row in written[1:7]] == ["007", " 8", "NA", "", '9"', "a,b"]
    # Nothing else is changed by it, and copied columns cause no warning.
    assert [row[3:] for row in written] == records(run("predict", model, visits, "--quiet").out)
    assert ended.err == ""


def test_copied_columns_of_typed_files_keep_their_types(run, model, table, tmp_path):
    """Dates, decimals, categories, lists and gaps go from Parquet to Parquet as they are."""
    data = pyarrow.csv.read_csv(table).slice(0, 4)
    more = {
        "price": pa.array([Decimal("1.50"), None, Decimal(2), Decimal(3)]),
        "seen": pa.array([0, 1, None, 3], pa.timestamp("ms", "Europe/Paris")),
        "group": pa.array(["a", None, "b", "a"]).dictionary_encode(),
        "tags": [[1], None, [], [2, 3]],
        "share": [0.5, float("nan"), None, 1.0],
    }
    for name, column in more.items():
        data = data.append_column(name, column if isinstance(column, pa.Array) else [column])
    pyarrow.parquet.write_table(data, tmp_path / "data.parquet")
    names = ["price", "seen", "group", "tags", "share", "since"]
    keep = [word for name in names for word in ("--keep", name)]
    assert run("predict", model, "data.parquet", *keep, "--out", "p.parquet").code == 0
    written = pyarrow.parquet.read_table(tmp_path / "p.parquet").select(names)
    as_text = run("predict", model, "data.parquet", *keep, "--out", "p.csv")

    read = pyarrow.parquet.read_table(tmp_path / "data.parquet").select(names)
    assert written.schema.remove_metadata() == read.schema.remove_metadata()
    assert written.drop_columns(["share"]).equals(read.drop_columns(["share"]))
    assert str(written.column("share").to_pylist()) == "[0.5, nan, None, 1.0]"
    assert as_text.code == 4
    assert "column 'tags' holds list" in as_text.err
    plain = ",".join(name for name in names if name != "tags")
    assert run("predict", model, "data.parquet", "--keep", plain, "--out", "p.csv").code == 0
    rows = records((tmp_path / "p.csv").read_text())
    assert rows[1][:4] == ["1.50", "1970-01-01 00:00:00Z", "a", "0.5"]


def test_a_copied_column_of_two_types_in_parts_has_one(run, model, table, tmp_path):
    """Integers in one file and fractions in another are fractions in the result."""
    data = pyarrow.csv.read_csv(table)
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, kind in enumerate((pa.int32(), pa.float64())):
        ids = pa.array([number] * 160).cast(kind)
        pyarrow.parquet.write_table(data.append_column("id", ids), folder / f"{number}.parquet")
    ended = run("predict", model, folder, "--keep", "id", "--out", "p.parquet", "--batch-rows", 50)
    written = pyarrow.parquet.read_table(tmp_path / "p.parquet")

    assert ended.code == 0
    assert written.column("id").to_pylist() == [0.0] * 160 + [1.0] * 160


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        (("--keep", "idd"), 4, "did you mean 'id'?"),
        (("--keep", "prediction"), 2, "--keep has the column 'prediction'"),
        (("--keep", "probability_low"), 2, "--keep has the column 'probability_low'"),
        (("--keep", ","), 2, "empty name"),
        (("--threshold", "1.5"), 2, "'1.5' is not a number between 0 and 1"),
        (("--threshold", "0.5", "--abstain-below", "0.5"), 2, "not allowed with argument"),
    ],
)
def test_invalid_copies_and_decisions_are_refused(run, model, visits, words, code, found):
    """Before anything is written."""
    ended = run("predict", model, visits, *words)

    assert (ended.code, ended.out) == (code, "")
    assert found in ended.err


def test_arrays_have_nothing_to_keep(run, tmp_path):
    """Without names there is nothing to name."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    np.savez(tmp_path / "xy.npz", X=x, y=(x[:, 0] > 0).astype(int))
    trained = run(
        "train", "xy.npz", "--max-iter", 1, "--n-estimators", 1, "--preset", "fast", "--quiet"
    )
    ended = run("predict", "xy.epochal", "xy.npz", "--keep", "id")

    assert (trained.code, ended.code) == (0, 4)
    assert "has no named columns" in ended.err
    assert "omit --keep" in ended.err


def test_a_threshold_decides_between_two_classes(run, model, table):
    """The second class is predicted from the threshold on; the probabilities are the same."""
    usual, bold = (
        records(run("predict", model, table, *w).out) for w in ((), ("--threshold", 0.3))
    )

    assert [row[1:] for row in bold] == [row[1:] for row in usual]
    assert [row[0] for row in bold[1:]] == [
        "low" if float(r[2]) >= 0.3 else "high" for r in usual[1:]
    ]
    assert bold != usual


def test_the_model_abstains_below_a_probability(run, model, table, tmp_path):
    """A label stands where its probability is high enough; an empty cell, or null, elsewhere."""
    words = ("predict", model, table, "--abstain-below", 0.55)
    rows = records(run(*words).out)[1:]
    run(*words, "--out", "p.parquet")
    labels = pyarrow.parquet.read_table(tmp_path / "p.parquet").column("prediction").to_pylist()
    sure = [max(float(row[1]), float(row[2])) >= 0.55 for row in rows]

    assert 0 < sum(sure) < 160
    assert [row[0] != "" for row in rows] == sure == [label is not None for label in labels]


def test_a_threshold_is_for_two_classes(run, table):
    """A model of three classes refuses it, and names the other way."""
    words = ("--target", "job", "--preset", "fast", "--max-iter", 1, "--n-estimators", 1, "--quiet")
    assert run("train", table, *words).code == 0
    ended = run("predict", "people.epochal", table, "--threshold", "0.5")

    assert ended.code == 2
    assert "a model of 3 classes" in ended.err
    assert "--abstain-below" in ended.err


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_error_in_the_first_rows_leaves_standard_output_empty(model, table, form):
    """If the first rows fail, nothing is written, not even the head."""
    table.write_text(table.read_text().replace("\n", "\nabout forty,cook,true,2020-01-15,low\n", 1))
    command = [sys.executable, "-m", "epochal", "predict", str(model), str(table)]
    ended = subprocess.run([*command, "--out-format", form], capture_output=True, check=False)

    assert (ended.returncode, ended.stdout) == (4, b"")


def test_the_format_of_standard_output_can_be_chosen(model, table):
    """TSV and Parquet through a pipe have the content of CSV."""
    command = [sys.executable, "-m", "epochal", "predict", str(model), str(table), "--out-format"]
    text, tabs, typed = (
        subprocess.run([*command, form], capture_output=True, check=True).stdout
        for form in ("csv", "tsv", "parquet")
    )

    rows = records(text.decode())
    assert tabs.decode() == text.decode().replace(",", "\t")
    assert pyarrow.parquet.read_table(io.BytesIO(typed)).column("prediction").to_pylist() == [
        row[0] for row in rows[1:]
    ]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_in_the_names_of_folders_can_be_copied(run, model, table, tmp_path, form):
    """A partition column is one of the rows like others: its text beside CSV, its type beside Parquet."""
    data = pyarrow.csv.read_csv(table)
    for group in ("01", "2"):
        folder = tmp_path / "visits" / f"house={group}"
        folder.mkdir(parents=True)
        if form == "csv":
            pyarrow.csv.write_csv(data.slice(0, 3), folder / "a.csv")
        else:
            pyarrow.parquet.write_table(data.slice(0, 3), folder / "a.parquet")
    keep = ("--keep", "house,age")
    assert run("predict", model, tmp_path / "visits", *keep, "--out", "p.parquet").code == 0
    written = pyarrow.parquet.read_table(tmp_path / "p.parquet")

    houses = ["01", "2"] if form == "csv" else [1, 2]
    assert written.column("house").to_pylist() == [house for house in houses for _ in range(3)]
    assert written.column_names[:3] == ["house", "age", "prediction"]
