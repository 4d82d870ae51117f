"""`epochal train`, through the real entry point."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from PIL import Image

from epochal.cli.train import default_output
from epochal.model.persistence import load

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")


def left_behind(folder: Path, *known: Path) -> set[Path]:
    """Return the files in a folder beside the known ones."""
    return set(folder.iterdir()) - set(known)


def test_it_trains_saves_and_reports(run, table, tmp_path):
    """Only the model file is written; scores, its path and the next command are printed."""
    ended = run("train", table, "--target", "income", *TINY)
    model = load(tmp_path / "people.epochal")

    assert ended.code == 0
    assert left_behind(tmp_path, table) == {tmp_path / "people.epochal"}
    assert model.target == "income"
    assert model.settings.hidden_layer_sizes == (8,)
    assert "160 rows" in ended.err
    assert "4 columns: 1 of numbers, 1 of booleans, 1 of dates, 1 of categories" in ended.err
    for words in (
        "Trained 2 members",
        "by members that did not train on it",
        "people.epochal",
        "predict people.epochal",
    ):
        assert words in ended.out


def test_the_command_that_is_printed_works(run, table, tmp_path):
    """The command after 'Predict' can be pasted into a shell."""
    printed = run("train", table, "--target", "income", *TINY).out.splitlines()[-1]
    words = printed.split(" predict ")[1].split()

    assert run("predict", *words).code == 0
    assert (tmp_path / "predictions.csv").exists()


def test_the_same_command_gives_the_same_bytes(run, table, tmp_path):
    """The seed is fixed by default."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run("train", table, "--target", "income", *TINY, "--out", name, "--random-state", seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")

    assert a == b
    assert a != c


def test_a_test_fraction_is_held_out(run, table, tmp_path):
    """Test figures are on rows that no member and no statistic has seen."""
    ended = run("train", table, "--target", "income", *TINY, "--test-fraction", "0.25", "--json")
    result = json.loads(ended.out.splitlines()[-1])

    assert result["test"]["rows"] == 40
    # Of 120 rows in 4 folds, two members leave out a fold each.
    assert result["out_of_bag"]["rows"] == 60
    assert load(tmp_path / "people.epochal").settings.batch_size == 32


def test_test_figures_are_those_of_evaluate(run, table, tmp_path):
    """`--test FILE` measures as `epochal evaluate` does."""
    test = tmp_path / "test.csv"
    test.write_text(table.read_text().replace("clerk", "a new job", 5))
    trained = run("train", table, "--target", "income", *TINY, "--test", test, "--json")
    evaluated = json.loads(run("evaluate", "people.epochal", test, "--json").out)
    figures = json.loads(trained.out.splitlines()[-1])["test"]

    assert figures == {name: evaluated[name] for name in figures}


def test_validation_rows_of_their_own_choose_the_epoch(run, table, tmp_path):
    """With a validation file, out-of-bag rows are scored as well."""
    valid = tmp_path / "valid.csv"
    valid.write_text("".join(table.read_text().splitlines(keepends=True)[:41]))
    ended = run("train", table, "--target", "income", *TINY, "--valid", valid)

    assert ended.code == 0
    assert "40 rows of" in ended.err
    assert "optimistic" not in ended.out
    assert "log-loss" in ended.out


def test_json_is_all_that_stands_on_standard_output(run, table):
    """Every line is an object: the epochs, then the result."""
    ended = run("train", table, "--target", "income", *TINY, "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]

    # Where the C kernels are missing, a warning says so.
    events = [line["event"] for line in lines if line["event"] != "warning"]
    assert events == ["data", "epoch", "epoch", "result"]
    assert lines[-1]["model"] == "people.epochal"
    assert lines[-1]["classes"] == ["high", "low"]
    assert ended.err == ""


def test_quiet_is_quiet(run, table):
    """Nothing is printed."""
    assert run("train", table, "--target", "income", *TINY, "--quiet") == (0, "", "")


def test_verbose_is_a_line_per_epoch(run, table):
    """Two epochs are two lines on standard error."""
    printed = run("train", table, "--target", "income", *TINY, "--verbose").err

    assert [line.split()[1] for line in printed.splitlines() if line.startswith("epoch")] == [
        "1",
        "2",
    ]


def test_columns_can_be_dropped_and_be_categories(run, table, tmp_path):
    """`--drop` leaves a column out, `--categorical` keeps digits as names."""
    run(
        *("train", table, "--target", "income", *TINY),
        *("--drop", "since,member", "--categorical", "age", "--test", table),
    )
    columns = load(tmp_path / "people.epochal").preprocessor.schema.columns

    assert [(column.name, column.kind) for column in columns] == [
        ("age", "category"),
        ("job", "category"),
    ]


def test_dropped_columns_cause_no_warning_in_the_same_command(run, table):
    """Test and validation rows hold the dropped columns too, which is no surprise."""
    words = ("--drop", "since", "--test", table, "--valid", table)

    assert "epochal: warning" not in run("train", table, "--target", "income", *TINY, *words).err


def test_rows_without_a_label_are_counted(run, table):
    """They are dropped and counted."""
    table.write_text(table.read_text() + "31,clerk,true,2020-01-15,\n")

    assert "1 row without a label" in run("train", table, "--target", "income", *TINY).err


def written_as(folder: Path, form: str, table: pa.Table) -> Path:
    """Write a table in one of the formats and return the path to give to the program."""
    path = folder / f"data.{form}"
    match form:
        case "tsv":
            options = pyarrow.csv.WriteOptions(delimiter="\t")
            pyarrow.csv.write_csv(table, path, write_options=options)
        case "parquet":
            pyarrow.parquet.write_table(table, path)
        case "feather" | "arrow":
            pyarrow.feather.write_feather(table, path)
        case "parts" | "glob":
            path.mkdir()
            pyarrow.parquet.write_table(table.slice(0, 100), path / "1.parquet")
            pyarrow.parquet.write_table(table.slice(100), path / "2.parquet")
            return path if form == "parts" else path / "*.parquet"
    return path


@pytest.mark.parametrize("form", ["tsv", "parquet", "feather", "arrow", "parts", "glob"])
def test_every_format_of_tables(run, table, tmp_path, form):
    """Train, evaluate and predict on the same table in another format."""
    data = written_as(tmp_path, form, pyarrow.csv.read_csv(table))
    trained = run("train", data, "--target", "income", *TINY, "--out", "m.epochal")
    evaluated = run("evaluate", "m.epochal", data, "--json")
    predicted = run("predict", "m.epochal", data, "--out", "p.csv", "--batch-rows", 50)

    assert (trained.code, evaluated.code, predicted.code) == (0, 0, 0), trained.err
    assert json.loads(evaluated.out)["rows"] == 160
    assert "warning" not in trained.err + evaluated.err + predicted.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 161


def written_array(folder: Path, form: str) -> Path:
    """Write 90 labelled rows in one of the formats of arrays and return their path."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (90, 2, 2), dtype=np.uint8)
    labels = (pixels[:, 0, 0] > 127).astype(np.uint8)
    data = folder / f"data.{form}"
    match form:
        case "npz":
            np.savez(data, X=pixels, y=labels)
        case "npy":
            np.save(data, np.column_stack([pixels.reshape(90, 4), labels]).astype(np.float32))
        case "idx":
            data.mkdir()
            head = struct.pack(">4B3I", 0, 0, 8, 3, 90, 2, 2)
            (data / "train-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
            head = struct.pack(">4BI", 0, 0, 8, 1, 90)
            (data / "train-labels-idx1-ubyte.gz").write_bytes(
                gzip.compress(head + labels.tobytes())
            )
    return data


@pytest.mark.parametrize(
    ("form", "words"), [("npz", []), ("npy", ["--target", "-1"]), ("idx", ["--patch", "2,1"])]
)
def test_every_format_of_arrays(run, tmp_path, form, words):
    """Arrays with their labels beside or inside; the labels are no feature at prediction."""
    data = written_array(tmp_path, form)
    trained = run("train", data, *words, *TINY, "--out", "m.epochal")
    evaluated = run("evaluate", "m.epochal", data, "--json")
    predicted = run("predict", "m.epochal", data, "--out", "p.csv", "--batch-rows", 50)

    assert (trained.code, evaluated.code, predicted.code) == (0, 0, 0), trained.err
    assert json.loads(evaluated.out)["rows"] == 90
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 91


@pytest.mark.parametrize(
    ("content", "words", "code", "found"),
    [
        (None, ["--target", "income"], 3, "people.csv"),
        ("", ["--target", "income"], 3, "people.csv"),
        ("age,income\n", ["--target", "income"], 3, "no rows"),
        ("age,income\n1,a\n2,b,c\n3,a\n", ["--target", "income"], 3, "line 3"),
        ("age,income\n1,a\n2,b\n", ["--target", "incme"], 4, "did you mean 'income'?"),
        ("age,income\n1,a\n2,b\n", [], 4, "--target"),
        ("age,income\n1,a\n2,a\n", ["--target", "income"], 4, "class"),
        ("age,income\n1,a\n2,b\n", ["--target", "income", "--drop", "agee"], 4, "'age'"),
        ("age,income\n1,a\n2,b\n", ["--target", "income", "--out", "no/m.epochal"], 6, "no"),
        ("age,income\n1,a\n2,b\n", ["--target", "income", "--dropout", "1"], 2, "--dropout"),
    ],
)
def test_mistakes_end_with_one_message_and_nothing_written(
    run, tmp_path, content, words, code, found
):
    """Each error has its exit code, names what was found, and leaves no file."""
    data = tmp_path / "people.csv"
    if content is not None:
        data.write_text(content)
    ended = run("train", data, *words)

    assert ended.code == code, ended.err
    assert found in ended.err
    assert ended.err.count("epochal: error:") == 1
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not left_behind(tmp_path, data)


def test_an_older_model_survives_a_failure(run, table, tmp_path):
    """A training that fails leaves the model that was there."""
    (tmp_path / "people.epochal").write_text("older")
    ended = run("train", table, "--target", "income", *TINY, "--learning-rate-init", "1e38")

    assert ended.code == 7
    assert (tmp_path / "people.epochal").read_text() == "older"


@pytest.mark.parametrize("option", ["--valid", "--test"])
def test_unknown_labels_in_other_rows_are_named(run, table, tmp_path, option):
    """A label that training never saw is refused by name, before any training."""
    valid = tmp_path / "valid.csv"
    valid.write_text(table.read_text().replace("high", "enormous"))
    ended = run("train", table, "--target", "income", *TINY, option, valid)

    assert ended.code == 4
    assert "'enormous'" in ended.err
    assert left_behind(tmp_path, table) == {valid}


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_keeps_the_best_copy(table, tmp_path):
    """One Ctrl-C ends the training, saves the best checkpoints and exits with 130."""
    out = tmp_path / "m.epochal"
    words = ["train", table, "--target", "income", *TINY, "--out", out, "--json"]
    words[words.index("--max-iter") + 1] = "1000000"
    command = [sys.executable, "-m", "epochal", *map(str, words), "--no-early-stopping"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        while (first := json.loads(training.stdout.readline()))["event"] != "epoch":
            pass
        training.send_signal(signal.SIGINT)
        rest = training.stdout.read().splitlines()

    assert first["epoch"] == 1
    assert training.returncode == 130
    assert json.loads(rest[-1])["interrupted"] is True
    assert "interrupted by the user" in load(out).history.outcome


@pytest.mark.parametrize(
    ("data", "out"),
    [
        ("people.csv", "people.epochal"),
        ("folder/people.csv.gz", "people.epochal"),
        ("folder/", "folder.epochal"),
        ("folder/part-*.parquet", "folder.epochal"),
    ],
)
def test_the_model_is_named_after_the_data(data, out):
    """The default output is the data's name, in the current folder."""
    assert default_output(data) == Path(out)


def test_weights_groups_and_times_come_from_columns(run, table, tmp_path):
    """Weight and group are no inputs; a time is one; the report names each."""
    lines = table.read_text().splitlines()
    more = [f"{line},{k % 3},{k // 4}" for k, line in enumerate(lines[1:])]
    table.write_text("\n".join([lines[0] + ",heavy,house", *more]) + "\n")
    options = ("--target", "income", *TINY, "--weight", "heavy", "--test-fraction", "0.25")
    grouped = run("train", table, *options, "--group", "house")
    columns = [
        column.name for column in load(tmp_path / "people.epochal").preprocessor.schema.columns
    ]
    timed = run("train", table, *options, "--time", "since", "--drop", "house")

    assert grouped.code == timed.code == 0
    assert columns == ["age", "job", "member", "since"]
    assert "30 groups of 'house', never split" in grouped.err
    assert "from 'heavy'" in grouped.err
    assert "held out, the latest" in timed.err
    assert "did not train on it" not in timed.out


def test_a_row_of_weight_0_is_as_if_it_were_not_there(run, table, tmp_path):
    """The model of a table is that of the table with more rows that weigh nothing."""
    lines = table.read_text().splitlines()
    rows = [f"{line},1" for line in lines[1:]]
    table.write_text("\n".join([lines[0] + ",heavy", *rows]) + "\n")
    longer = tmp_path / "longer.csv"
    nothing = [f"{line[:-1]}0" for line in reversed(rows)]
    longer.write_text("\n".join([lines[0] + ",heavy", *rows, *nothing]) + "\n")
    for name in (table, longer):
        assert run("train", name, "--target", "income", *TINY, "--weight", "heavy").code == 0
    one, other = (load(tmp_path / f"{name}.epochal") for name in ("people", "longer"))

    np.testing.assert_array_equal(one.members[0][1].weights, other.members[0][1].weights)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--weight", "income"), "income"),
        (("--weight", "wait"), "wait"),
        (("--weight", "age"), "column 'age' holds the weight nan in row 0 of"),
        (("--group", "jobb"), "did you mean 'job'"),
        (("--time", "since", "--group", "job"), "timestamps and groups"),
    ],
)
def test_columns_that_cannot_say_it_are_refused(run, table, tmp_path, words, expected):
    """A column that is not there, texts as weights, a missing weight: an error, and no file."""
    ended = run("train", table, "--target", "income", *TINY, *words)

    assert ended.code in {2, 4}
    assert expected in ended.err
    assert "Traceback" not in ended.err
    assert left_behind(tmp_path, table) == set()


def test_a_training_goes_on_from_a_model_on_new_data(run, table, tmp_path):
    """Columns, classes, target and seed of the model; epochs are counted on; the model stays."""
    assert run("train", table, "--target", "income", *TINY).code == 0
    first, new = tmp_path / "people.epochal", tmp_path / "new.csv"
    before = first.read_bytes()
    head, *rows = table.read_text().splitlines()
    new.write_text("\n".join([head, *rows[::-1][:80]]) + "\n")
    ended = run("train", new, "--from", first, "--max-iter", "3")
    one, other = load(first), load(tmp_path / "new.epochal")

    assert ended.code == 0
    assert first.read_bytes() == before
    assert other.preprocessor.schema == one.preprocessor.schema
    assert (other.target, other.settings.hidden_layer_sizes) == ("income", (8,))
    assert other.history.epochs == one.history.epochs + 3
    assert other.out_of_bag.optimistic


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--preset", "fast"), "--preset with --from"),
        (("--n-estimators", "5"), "n_estimators=5 in a training that continues"),
        (("--drop", "age"), "'age'"),
    ],
)
def test_what_a_model_cannot_go_on_with_is_refused(run, table, tmp_path, words, expected):
    """Another preset, another number of members, a missing column; and nothing is written."""
    assert run("train", table, "--target", "income", *TINY).code == 0
    first, out = tmp_path / "people.epochal", tmp_path / "other.epochal"
    ended = run("train", table, "--from", first, "--out", out, *words)

    assert ended.code in {2, 4}
    assert expected in ended.err
    assert not out.exists()


def test_a_label_that_the_model_does_not_know_is_refused(run, table, tmp_path):
    """Classes do not grow."""
    assert run("train", table, "--target", "income", *TINY).code == 0
    new = tmp_path / "new.csv"
    new.write_text(table.read_text().replace("high", "medium"))
    ended = run("train", new, "--from", tmp_path / "people.epochal")

    assert ended.code == 4
    assert "medium" in ended.err


def test_a_folder_of_pictures_is_trained_on_with_patches(run, tmp_path):
    """Class-named folders, crops from the command line, and prediction of the same folder."""
    random = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "zoo" / ("cats", "dogs")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (random.integers(100, size=(6, 6)) + 150 * (number % 2)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    ended = run("train", tmp_path / "zoo", *TINY, "--patch", "4x4")
    predicted = run("predict", "zoo.epochal", tmp_path / "zoo")

    assert ended.code == predicted.code == 0
    assert "images of 6 x 6" in ended.err
    assert load(tmp_path / "zoo.epochal").classes.tolist() == ["cats", "dogs"]
    assert len(predicted.out.splitlines()) == 41


@pytest.mark.parametrize("words", [(), ("--weight", "w"), ("--memory", "1GB")])
def test_a_target_alone_is_refused(run, tmp_path, words):
    """Without another column there is nothing to learn from."""
    table = tmp_path / "alone.csv"
    table.write_text("w,kind\n1,a\n2,b\n" if words[:1] == ("--weight",) else "kind\na\nb\n")
    ended = run("train", table, "--target", "kind", *TINY, *words)

    assert ended.code == 4
    assert "no column to learn from" in ended.err
    assert left_behind(tmp_path, table) == set()


def test_a_model_beside_data_is_no_data(run, table, tmp_path, monkeypatch):
    """A folder is trained on again, and predicted, whatever models are in it."""
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "star*[1].csv").write_bytes(table.read_bytes())
    monkeypatch.chdir(folder)
    for _ in range(2):
        assert run("train", ".", "--target", "income", *TINY).code == 0
    assert run("predict", "parts.epochal", ".", "--out", tmp_path / "p.csv").code == 0
    assert run("train", "star*[1].csv", "--target", "income", *TINY).code == 0

    assert (folder / "star*[1].epochal").exists()


def test_hexadecimal_numbers_are_numbers_wherever_they_are_read(run, tmp_path):
    """A model of them predicts and evaluates on its own file, and on decimals."""
    for name, spell in (("hex.csv", hex), ("plain.csv", str)):
        lines = [f"{'ab'[k % 2]},{spell(k)},{k % 7}" for k in range(90)]
        (tmp_path / name).write_text("\n".join(["y,k,x", *lines]) + "\n")
    ended = run("train", "hex.csv", "--target", "y", *TINY, "--test", "hex.csv")
    assert ended.code == 0, ended.err
    for name in ("hex", "plain"):
        assert run("predict", "hex.epochal", f"{name}.csv", "--out", f"{name}.p.csv").code == 0

    assert (tmp_path / "hex.p.csv").read_bytes() == (tmp_path / "plain.p.csv").read_bytes()
