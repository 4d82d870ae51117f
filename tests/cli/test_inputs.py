"""What is read: never written over, from files, pipes and standard input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from PIL import Image

TINY = ("--max-iter", "2", "--n-estimators", "2", "--hidden-layer-sizes", "8", "--n-folds", "4")
TINY += ("--embedding-size", "none", "--ema-decay", "0")
EPOCHAL = (sys.executable, "-m", "epochal")
needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")


def spellings(path: Path) -> list[Path]:
    """Return other names of a file: through a link, a link to its folder, a detour, a hard link."""
    folder = path.parent / "elsewhere"
    folder.mkdir()
    (folder / "link.csv").symlink_to(path)
    (folder / "folder").symlink_to(path.parent)
    os.link(path, folder / "hard.csv")
    return [
        path,
        Path(path.name),
        folder / "link.csv",
        folder / "folder" / path.name,
        folder / ".." / path.name,
        folder / "hard.csv",
    ]


def test_a_training_never_replaces_what_it_reads(run, table, trained):
    """No output may replace an input: data, other rows, the earlier model or the columns file."""
    valid, columns = table.with_name("valid.csv"), table.with_name("columns.toml")
    shutil.copy(table, valid)
    columns.write_text('target = "income"\n')
    model = Path(shutil.copy(trained, table.with_name("model.csv")))
    contents = {path: path.read_bytes() for path in (table, valid, columns, model)}
    base = ("train", table, *TINY, "--valid", valid, "--test", valid, "--columns", columns)
    for out in spellings(table):
        ended = run(*base, "--out", out)
        assert (ended.code, ended.out) == (2, ""), out
        assert "is a file of DATA; expected a file that is not read" in ended.err
    for out, use in ((valid, "--valid"), (columns, "--columns")):
        assert f"is a file of {use}" in run(*base, "--out", out).err
    ended = run("train", table, "--from", model, "--out", model)

    assert ended.code == 2
    assert "is a file of --from" in ended.err
    assert {path: path.read_bytes() for path in contents} == contents


def test_folders_are_those_of_the_moment(run, table, tmp_path, monkeypatch):
    """Where numbers of files say nothing, a relative path is one in the folder of now."""
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(table, other)
    for folder in (tmp_path, other):
        monkeypatch.chdir(folder)
        ended = run("train", table.name, *TINY, "--out", folder / table.name)
        assert "is a file of DATA" in ended.err


def test_a_default_name_that_is_read_is_refused(run, table, trained):
    """A model beside its data is named like them: going on from it, or data of that ending, ask for --out."""
    model = Path(shutil.copy(trained, table.with_suffix(".epochal")))
    going_on = run("train", table, "--from", model)
    data = table.with_name("data.epochal")
    shutil.copy(table, data)
    named_so = run("train", data, "--format", "csv", "--target", "income", *TINY)

    for ended in (going_on, named_so):
        assert ended.code == 2
        assert "hint: name another file with --out" in ended.err
    assert model.read_bytes() == trained.read_bytes()
    assert data.read_bytes() == table.read_bytes()


@pytest.mark.parametrize("form", ["folder", "glob"])
def test_parts_that_were_found_are_not_replaced(run, model, table, form):
    """Files that a folder or a pattern reads are inputs too; other files in the folder may be written."""
    folder = table.parent / "parts"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        shutil.copy(table, folder / name)
    data = folder if form == "folder" else folder / "*.csv"
    predicted = run("predict", model, data, "--out", folder / "b.csv")
    trained = run("train", data, "--target", "income", *TINY, "--out", folder / "a.csv")

    assert predicted.code == trained.code == 2
    assert (folder / "b.csv").read_bytes() == (folder / "a.csv").read_bytes() == table.read_bytes()
    assert run("predict", model, data, "--out", folder / "_new.csv").code == 0


def test_labels_beside_images_and_pictures_are_not_replaced(run, tmp_path):
    """An images file reads its labels file too, a folder of folders all pictures in them."""
    images, labels = (tmp_path / f"train-{n}-ubyte" for n in ("images-idx3", "labels-idx1"))
    images.write_bytes(bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4) for n in (4, 2, 2)) + bytes(16))
    labels.write_bytes(bytes([0, 0, 8, 1]) + (4).to_bytes(4) + bytes([0, 1, 0, 1]))
    before = labels.read_bytes()
    printed = run("train", images, *TINY, "--out", labels)
    picture = tmp_path / "zoo" / "cats" / "1.png"
    picture.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(picture)
    drawn = picture.read_bytes()
    printed_too = run("train", tmp_path / "zoo", *TINY, "--out", picture)

    assert printed.code == printed_too.code == 2
    assert (labels.read_bytes(), picture.read_bytes()) == (before, drawn)


def test_a_prediction_never_replaces_the_model_or_the_data(run, model, table):
    """Both are read; an output of the same name is refused before anything is."""
    contents = table.read_bytes(), model.read_bytes()
    for out in spellings(table):
        assert run("predict", model, table, "--out", out).code == 2, out
    ended = run("predict", model, table, "--out", model, "--out-format", "csv")

    assert ended.code == 2
    assert "is a file of MODEL" in ended.err
    assert (table.read_bytes(), model.read_bytes()) == contents


def ended(*words: object, **how) -> subprocess.CompletedProcess[bytes]:
    """Return the result of the program in a separate process."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run([*EPOCHAL, *map(str, words)], check=False, **(pipes | how))


def test_standard_output_is_no_input(model, table):
    """`>> DATA` would read its own output; standard input counts as the file that it comes from."""
    before = table.read_bytes()
    with table.open("ab") as file:
        appended = ended("predict", model, table, stdout=file)
    with table.open("rb") as file:
        same = ended("predict", model, "-", "--out", table, stdin=file)

    assert appended.returncode == same.returncode == 2
    assert b"standard output is a file of DATA" in appended.stderr
    assert table.read_bytes() == before


@pytest.fixture
def columns(table) -> bytes:
    """Return the table without its labels, as CSV."""
    lines = table.read_bytes().splitlines(keepends=True)
    return b"".join(line.rpartition(b",")[0] + b"\n" for line in lines)


def test_predictions_of_standard_input_are_those_of_the_file(model, table):
    """Through a pipe, from a file, by the name /dev/stdin: the same bytes."""
    content = table.read_bytes()
    whole = ended("predict", model, table)
    for name in ("-", "/dev/stdin"):
        piped = ended("predict", model, name, "--out", "-", input=content)
        assert (piped.returncode, piped.stdout) == (0, whole.stdout), piped.stderr
        with table.open("rb") as file:
            assert ended("predict", model, name, stdin=file).stdout == whole.stdout


@pytest.mark.parametrize("memory", [(), ("--memory", "1GB")])
def test_a_training_on_standard_input_is_that_on_the_file(table, tmp_path, memory):
    """A pipe trains the same model as a file, although it is read in several passes; its default name is model."""
    words = ("--target", "income", *TINY, "--quiet", *memory)
    named = ended("train", table, *words, cwd=tmp_path)
    piped = ended("train", "-", *words, "--test", table, cwd=tmp_path, input=table.read_bytes())

    assert (named.returncode, piped.returncode) == (0, 0), piped.stderr
    assert (tmp_path / "model.epochal").read_bytes() == (tmp_path / "people.epochal").read_bytes()


def test_other_rows_may_come_from_standard_input(table, model, tmp_path):
    """--test and --valid too, and the data of evaluate and inspect; one of them."""
    content = table.read_bytes()
    for words in (
        ("train", table, "--target", "income", *TINY, "--test", "-"),
        ("train", table, "--target", "income", *TINY, "--valid", "-"),
        ("evaluate", model, "-"),
        ("inspect", "-", "--target", "income"),
    ):
        found = ended(*words, input=content, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
    twice = ended("train", "-", "--target", "income", "--test", "-", input=content, cwd=tmp_path)

    assert twice.returncode == 2
    assert b"DATA and --test are both standard input" in twice.stderr


@pytest.mark.parametrize("form", ["tsv", "parquet", "arrow"])
def test_other_formats_come_through_a_pipe(model, table, tmp_path, form):
    """`--format` names the format of a pipe; without it the first bytes determine it."""
    data, path = pyarrow.csv.read_csv(table), tmp_path / "data"
    match form:
        case "tsv":
            pyarrow.csv.write_csv(data, path, pyarrow.csv.WriteOptions(delimiter="\t"))
        case "parquet":
            pyarrow.parquet.write_table(data, path)
        case "arrow":
            pyarrow.feather.write_feather(data, str(path))
    content, whole = path.read_bytes(), ended("predict", model, table).stdout
    piped = ended("predict", model, "-", "--format", form, input=content)
    named = ended("predict", model, path, "--format", form)
    bare = ended("predict", model, "-", input=content)
    unsaid = ended("predict", model, path)

    assert piped.stdout == named.stdout == whole
    assert (bare.returncode, unsaid.returncode) == ((0, 3) if form == "tsv" else (3, 3))
    assert b"--format csv" in unsaid.stderr
    if form != "tsv":
        assert f"--format {form}".encode() in bare.stderr


def test_arrays_come_through_a_pipe(tmp_path):
    """.npy and .npz files are read through a pipe like tables."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 3))
    y = (x[:, 0] > 0).astype(int)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "xy.npz", X=x, y=y)
    words = (*TINY, "--quiet", "--format", "npz", "--out", "m.epochal")
    trained = ended("train", "-", *words, cwd=tmp_path, input=(tmp_path / "xy.npz").read_bytes())
    content = (tmp_path / "x.npy").read_bytes()
    predicted = ended("predict", tmp_path / "m.epochal", "-", "--format", "npy", input=content)

    assert (trained.returncode, predicted.returncode) == (0, 0), trained.stderr + predicted.stderr
    assert predicted.stdout == ended("predict", tmp_path / "m.epochal", tmp_path / "x.npy").stdout


def test_a_format_that_a_name_denies_is_refused(run, model, table):
    """No option is silently ignored."""
    ended = run("predict", model, table, "--format", "parquet")

    assert ended.code == 2
    assert "--format is 'parquet'" in ended.err
    # Both are text, and only the separator is another.
    assert "no columns 'age'" in run("predict", model, table, "--format", "tsv").err
    assert run("predict", model, table, "--format", "csv").code == 0


@needs_fifo
def test_a_format_that_the_name_of_a_pipe_denies_is_refused(table, model, tmp_path):
    """A FIFO may have an ending too."""
    fifo = tmp_path / "rows.csv"
    os.mkfifo(fifo)
    line = f"cat {table} > {fifo} & {' '.join(EPOCHAL)} predict {model} {fifo} --format parquet"
    found = subprocess.run(["bash", "-c", line], capture_output=True, check=False)

    assert found.returncode == 2
    assert b"--format is 'parquet'" in found.stderr


@needs_fifo
def test_process_substitution_works(model, table):
    """What a shell names /dev/fd/63 is read like a file."""
    whole = ended("predict", model, table).stdout
    line = f"{' '.join(EPOCHAL)} predict {model} <(cat {table})"
    found = subprocess.run(["bash", "-c", line], capture_output=True, check=False)

    assert (found.returncode, found.stdout) == (0, whole), found.stderr


@needs_fifo
@pytest.mark.parametrize("as_json", [False, True])
def test_a_fifo_without_a_writer_is_named_and_left_by_ctrl_c(tmp_path, model, as_json):
    """A command that waits names the pipe, and Ctrl-C ends it."""
    fifo = tmp_path / "rows.csv"
    os.mkfifo(fifo)
    words = ["evaluate", str(model), str(fifo), *(["--json"] if as_json else [])]
    with subprocess.Popen(
        [*EPOCHAL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        printed = (waiting.stdout if as_json else waiting.stderr).readline()
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)

    assert waiting.returncode == 130
    if as_json:
        assert json.loads(printed) == {"event": "waiting", "schema": 1, "source": str(fifo)}
        assert json.loads(out)["code"] == 130
    else:
        assert printed == f"waiting for data from {fifo} (Ctrl-C ends it)\n"
        assert "interrupted" in err


@needs_fifo
def test_quiet_waits_in_silence(tmp_path, model, table):
    """With --quiet no wait is shown, and the data are read when they come."""
    fifo = tmp_path / "rows.csv"
    os.mkfifo(fifo)
    command = [*EPOCHAL, "predict", str(model), str(fifo), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        time.sleep(2.5)
        fifo.write_bytes(table.read_bytes())
        out, err = waiting.communicate(timeout=30)

    assert (waiting.returncode, err) == (0, b"")
    assert len(out.splitlines()) == 161


@needs_fifo
@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_fifo_or_a_device_is_no_output(run, table, model, tmp_path, command):
    """It is refused at once; nothing hangs, and nothing is replaced."""
    fifo = tmp_path / "out.csv"
    os.mkfifo(fifo)
    words = ("train", table, "--target", "income", *TINY)
    words = words if command == "train" else ("predict", model, table, "--out-format", "csv")
    for out in (fifo, "/dev/null"):
        ended = run(*words[: -2 if out == fifo and command == "predict" else None], "--out", out)
        assert ended.code == 6
        assert "is a device or a pipe" in ended.err
    assert fifo.is_fifo()


def test_a_link_to_itself_is_an_error(run, model, table, tmp_path):
    """As data it leads nowhere; as an output it is not replaced."""
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    read, written = run("predict", model, loop), run("predict", model, table, "--out", loop)

    assert (read.code, written.code) == (3, 6)
    assert "is a link that leads nowhere" in read.err
    assert "is a link that leads to itself" in written.err
    assert loop.is_symlink()


def test_a_broken_link_in_a_folder_is_an_error(run, table, tmp_path):
    """A link among parts whose file is gone is not passed over: its rows would be missing."""
    folder = tmp_path / "parts"
    folder.mkdir()
    shutil.copy(table, folder / "a.csv")
    (folder / "b.csv").symlink_to(tmp_path / "gone.csv")

    for data in (folder, folder / "*.csv"):
        ended = run("inspect", data, "--target", "income")
        assert ended.code == 3
        assert "b.csv is a link that leads nowhere" in ended.err


@needs_fifo
def test_a_pipe_among_parts_is_refused(run, table, tmp_path):
    """It is not passed over, and nothing waits for it."""
    folder = tmp_path / "parts"
    folder.mkdir()
    shutil.copy(table, folder / "a.csv")
    os.mkfifo(folder / "b.csv")

    for data in (folder, folder / "*.csv"):
        ended = run("inspect", data, "--target", "income")
        assert ended.code == 3
        assert "b.csv is a pipe or a device among files" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("train", "DATA", "--target", "income", "--valid", "LOOP"),
        ("train", "DATA", "--target", "income", "--test", "LOOP"),
        ("train", "DATA", "--target", "income", "--columns", "LOOP"),
        ("train", "DATA", "--from", "LOOP"),
        ("train", "LOOP", "--target", "income"),
        ("predict", "LOOP", "DATA"),
        ("evaluate", "MODEL", "LOOP"),
        ("inspect", "LOOP", "--target", "income"),
    ],
)
def test_a_link_to_itself_is_no_input(run, model, table, tmp_path, words):
    """Whatever it stands for: exit code 3, and one line and a hint."""
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    paths = {"DATA": table, "MODEL": model, "LOOP": loop}
    ended = run(*(paths.get(word, word) for word in words))

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("epochal: error: ")
    assert "loop.csv" in ended.err
    assert len(ended.err.splitlines()) <= 2


@pytest.mark.parametrize("command", ["train", "predict"])
def test_outputs_that_cannot_be_written_are_refused_at_once(run, model, table, tmp_path, command):
    """A folder that is not there, and one in the place of a file: nothing is read before."""
    table.write_text("not a table")
    words = {"train": (table, "--target", "x"), "predict": (model, table, "--out-format", "csv")}
    for out in (tmp_path / "nowhere" / "out", tmp_path):
        ended = run(command, *words[command], "--out", out)
        assert (ended.code, ended.out) == (6, "")
        assert str(out) in ended.err


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="there is no /dev/fd")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_a_name_of_standard_output_is_no_way_to_write_over_an_input(model, table, name):
    """`--out /dev/stdout >> DATA` would replace DATA."""
    before = table.read_bytes()
    with table.open("ab") as file:
        words = ("predict", model, table, "--out", name, "--out-format", "csv")
        found = ended(*words, stdout=file)

    assert found.returncode == 2
    assert b"is a file of DATA" in found.stderr
    assert table.read_bytes() == before


def test_closed_and_empty_standard_input_are_errors(model):
    """Standard input without data ends with exit code 3 at once."""
    line = f"{' '.join(EPOCHAL)} predict {model} - <&-"
    closed = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    empty = ended("predict", model, "-", stdin=subprocess.DEVNULL)

    assert (closed.returncode, empty.returncode) == (3, 3)
    assert b"standard input is closed" in closed.stderr
    assert b"standard input is empty" in empty.stderr


def test_long_names_are_errors(run, model):
    """A name that no file can have is an error of ours, cut to a readable length."""
    ended = run("predict", model, "a" * 5000 + ".csv")

    assert ended.code == 3
    assert "file name too long" in ended.err
    assert len(ended.err) < 2100


def test_a_model_is_no_standard_output(run, table, tmp_path):
    """`--out -` is refused, since it would create a file named -."""
    ended = run("train", table, "--target", "income", *TINY, "--out", "-")

    assert ended.code == 2
    assert "the name of a file for the model" in ended.err
    assert list(tmp_path.iterdir()) == [table]
