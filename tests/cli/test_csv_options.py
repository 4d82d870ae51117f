"""The options for CSV files, in each command; what belongs to columns is stored in the model."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from epochal.cli.csv_options import csv_options, reading_as, refuse_other_cells
from epochal.cli.parser import parsed
from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import SettingError
from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


def typed(path, *words):
    """Return the options that were typed behind a command."""
    return csv_options(parsed(["predict", "m.epochal", str(path), *words]), str(path))


@pytest.fixture
def quoted(tmp_path):
    """Return a file whose labels and categories differ only in quotes, and with quoted missing numbers."""
    labels = ['" a"', '"a"', '"a "', '"None"']
    cities = ["Wien", " Graz ", "NA", '"NA"']
    lines = [
        f"{'NA' if k % 7 else chr(34) + 'NA' + chr(34)},{k % 4 + k / 1000},{cities[k % 4]},{labels[k % 4]}"
        if k % 5 == 0
        else f'" {k}",{k % 4 + k / 1000},{cities[k % 4]},{labels[k % 4]}'
        for k in range(120)
    ]
    path = tmp_path / "quoted.csv"
    path.write_text("gaps,n,city,y\n" + "\n".join(lines) + "\n")
    return path


def test_what_is_typed(table):
    """Each option does what its help says; without options the defaults hold."""
    assert typed(table) == PLAIN
    words = ("--skip-lines", "2", "--no-header", "--missing-values", '-999, "a, b"')
    assert typed(table, *words, "--keep-spaces") == CsvOptions(2, False, ("-999", "a, b"), False)
    assert typed(table, "--missing-values", "").words == ("",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--skip-lines", "-1"), "not a whole number from 0 up"),
        (("--skip-lines", "x"), "not a whole number from 0 up"),
        (("--missing-values", '"a'), "is not a line of CSV"),
        (("--missing-values", "a ,b"), "has spaces around it"),
    ],
)
def test_what_cannot_be_is_refused(table, words, message):
    """Numbers below 0, an open quote, and words that no cell can be are refused."""
    with pytest.raises(SettingError, match=message):
        typed(table, *words)


@pytest.mark.parametrize(
    "words",
    [("--skip-lines", "2"), ("--no-header",), ("--missing-values", "x"), ("--keep-spaces",)],
)
def test_options_for_other_files_are_refused(run, tmp_path, trained, words):
    """The error names the option for CSV files, and the file that is not CSV."""
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pa.table({"a": [1, 2], "y": ["p", "q"]}), path)
    people = trained.parent / "people.csv"
    for file, command in (
        (path, ("train", path, "--target", "y")),
        (path, ("train", people, "--target", "income", "--valid", path)),
        (path, ("inspect", path, "--target", "y")),
        (path, ("predict", trained, path)),
        (path, ("evaluate", trained, path)),
        (trained, ("inspect", trained)),
    ):
        ended = run(*command, *words)
        assert ended.code == 2
        assert f"{words[0]} is for CSV files, which {file} is not" in ended.err


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_quoted_text_stays_from_file_to_prediction(run, quoted, tmp_path, memory):
    """Labels and categories that differ only in quotes are three classes, and are written so."""
    model = tmp_path / "quoted.epochal"
    assert run("train", quoted, "--target", "y", *TINY, *memory, "--out", model).code == 0
    assert load(model).classes.tolist() == [" a", "None", "a", "a "]
    columns = {column.name: column for column in load(model).preprocessor.schema.columns}
    assert sorted(columns["city"].categories) == ["Graz", "NA", "Wien"]
    assert columns["city"].has_missing
    assert (columns["gaps"].kind, columns["gaps"].has_missing) == ("number", True)
    assert run("evaluate", model, quoted, *memory, "--json").code == 0
    assert run("predict", model, quoted, *memory, "--out", tmp_path / "p.csv").code == 0
    with (tmp_path / "p.csv").open(newline="") as file:
        labels = {row["prediction"] for row in csv.DictReader(file)}
    assert labels <= {" a", "a", "a ", "None"}


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_cells_are_counted_by_inspect(run, quoted, memory):
    """Spaces that are cut and words that are missing are counted by column, for people and machines."""
    shown = run("inspect", quoted, "--target", "y", *memory).out
    assert "Cells that are trimmed or missing" in shown
    found = json.loads(run("inspect", quoted, "--target", "y", "--json", *memory).out)["cells"]
    assert found == {
        "gaps": {"trimmed": 96, "missing": {"NA": 24}},
        "n": {"trimmed": 0, "missing": {}},
        "city": {"trimmed": 30, "missing": {"NA": 30}},
        "y": {"trimmed": 0, "missing": {}},
    }
    assert "  city  outer spaces are trimmed in 30, 'NA' is missing in 30" in shown


def test_lines_and_header_are_of_a_file(run, table, tmp_path, trained):
    """A title is skipped, and names may lack, in each command that reads data."""
    titled = tmp_path / "titled.csv"
    titled.write_text("People of 2024\n\n" + table.read_text())
    skipped = ("--skip-lines", "2")
    for command in (
        ("train", titled, "--target", "income", "--test", titled, "--valid", titled, *TINY),
        ("inspect", titled, "--target", "income"),
        ("evaluate", trained, titled),
        ("predict", trained, titled, "--out", tmp_path / "p.csv"),
    ):
        assert run(*command, *skipped).code == 0, command
        assert run(*command).code != 0, command
    bare = tmp_path / "bare.csv"
    bare.write_text("".join(table.read_text().splitlines(keepends=True)[1:]))
    ended = run(
        "train", bare, "--target", "x4", "--no-header", *TINY, "--out", tmp_path / "m.epochal"
    )
    assert ended.code == 0
    names = [column.name for column in load(tmp_path / "m.epochal").preprocessor.schema.columns]
    assert names == ["x0", "x1", "x2", "x3"]
    assert run("evaluate", tmp_path / "m.epochal", bare, "--no-header").code == 0


def test_missing_values_are_of_a_model(run, table, tmp_path):
    """The words of the training hold for new rows, as numbers too, and others may be typed for a file."""
    strange = tmp_path / "strange.csv"
    lines = table.read_text().splitlines()
    rows = [line if line[0] != "," else "-999" + line for line in lines]
    strange.write_text("\n".join([*rows, "unknown,cook,true,2020-01-15,low"]) + "\n")
    words = ("--missing-values", "unknown,-999.0")
    model = tmp_path / "m.epochal"
    assert run("train", strange, "--target", "income", *words, *TINY, "--out", model).code == 0
    schema = load(model).preprocessor.schema
    assert (schema.missing_values, schema.strip) == (("unknown", "-999.0"), True)
    assert schema.columns[0].has_missing
    assert schema.columns[0].kind == "number"

    def rows_of(path, *words):
        """Return the predictions for a file."""
        out = tmp_path / "p.csv"
        ended = run("predict", model, path, "--out", out, *words)
        assert ended.code == 0, ended.err
        return out.read_text()

    plain = rows_of(strange)
    usual = tmp_path / "usual.csv"
    usual.write_text(strange.read_text().replace("-999,", ",").replace("unknown,", "NA,"))
    assert rows_of(usual, "--missing-values", "NA") == plain
    ended = run("predict", model, usual)
    assert ended.code == 4
    assert "column 'age' holds 'NA' in row 160" in ended.err
    assert "missing values  unknown, -999.0" in run("inspect", model).out


def test_a_training_goes_on_with_the_words_of_the_first(run, table, tmp_path):
    """The words of the model hold for the new rows; others are refused."""
    model, new = tmp_path / "m.epochal", tmp_path / "new.csv"
    first = ("train", table, "--target", "income", "--missing-values", "cook", *TINY)
    assert run(*first, "--out", model).code == 0
    new.write_text(table.read_text().replace("clerk", "NA"))
    ended = run("train", new, "--from", model, "--max-iter", "1", "--out", tmp_path / "n.epochal")
    assert ended.code == 0
    assert load(tmp_path / "n.epochal").preprocessor == load(model).preprocessor
    for words in (("--missing-values", "NA"), ("--keep-spaces",)):
        ended = run("train", new, "--from", model, *words)
        assert ended.code == 2
        assert "with --from differs from the model" in ended.err


def test_they_stand_in_the_file_of_columns(run, table, tmp_path):
    """The options are also keys of the columns file; command-line options override them."""
    titled, columns = tmp_path / "titled.csv", tmp_path / "columns.toml"
    titled.write_text("People, 2024\n" + table.read_text())
    columns.write_text(
        'target = "income"\nskip_lines = 1\nmissing_values = ["cook"]\nkeep_spaces = true\n'
    )
    ended = run("train", titled, "--columns", columns, *TINY, "--out", tmp_path / "m.epochal")
    assert ended.code == 0
    schema = load(tmp_path / "m.epochal").preprocessor.schema
    assert (schema.missing_values, schema.strip) == (("cook",), False)
    shown = run("inspect", titled, "--columns", columns, "--missing-values", "clerk", "--json")
    assert json.loads(shown.out)["cells"]["job"]["missing"].keys() == {"clerk"}


def test_a_model_reads_texts_by_the_options(trained):
    """The same model, which takes other texts for missing; nothing else of it changes."""
    model = load(trained)
    other = reading_as(model, CsvOptions(missing_values=("-",), strip=False))
    assert other.preprocessor.schema.words == ("", "-")
    assert reading_as(other, PLAIN) == model


def test_other_cells_are_refused():
    """Lines and header may differ from those of before, words and spaces may not."""
    refuse_other_cells(CsvOptions(skip_lines=3, header=False), PLAIN)
    with pytest.raises(SettingError, match="columns keep their meaning"):
        refuse_other_cells(CsvOptions(strip=False), PLAIN)


def test_each_command_shows_the_warnings(run, table, tmp_path, trained):
    """A repeated header is reported in the same way by train, inspect, evaluate and predict."""
    lines = table.read_text().splitlines(keepends=True)
    joined = tmp_path / "joined.csv"
    joined.write_text("".join([*lines, lines[0]]))
    sentence = "line 162 repeats the names of the columns"
    for command in (
        ("train", joined, "--target", "income", *TINY),
        ("train", joined, "--target", "income", *TINY, "--memory", "1GB"),
        ("inspect", joined, "--target", "income"),
        ("evaluate", trained, joined),
        ("predict", trained, joined),
    ):
        assert run(*command).err.count(sentence) == 1, command
