"""What the commands read, from real files."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.cli.reading import like, relabelled
from epochal.errors import DataError
from epochal.io.columns import Roles, labelled


@pytest.fixture
def codes(tmp_path) -> str:
    """Return the path of a table with codes and labels of digits."""
    path = tmp_path / "codes.csv"
    path.write_text("code,size,label\n01,1,0\n02,2,1\n1,3,\n01,4,1\n")
    return str(path)


@pytest.mark.parametrize("streamed", [False, True])
def test_labels_of_another_file_get_the_type_of_the_classes(codes, streamed):
    """Text labels of a separate file become the class numbers of the training."""
    read = like(np.array([0, 1]), codes, Roles("label"), drop=(), streamed=streamed)

    (piece,) = read.pieces(10)
    assert piece.labels.dtype == np.int64
    assert piece.labels.tolist() == [0, 1, 1]
    assert read.dropped == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_labels_that_are_no_class_are_refused(codes, streamed):
    """A label that the classes do not have is named."""
    read = labelled(codes, Roles("label"), streamed=streamed)

    assert relabelled(read, np.array(["0", "1"])).dropped == 1
    with pytest.raises(DataError, match="'1'"):
        relabelled(read, np.array([0, 7]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--drop", "income"), "column 'income' is both --target and --drop"),
        (("--weight", "income"), "column 'income' is both --target and --weight"),
        (("--group", "age", "--drop", "job,age"), "column 'age' is both --group and --drop"),
    ],
)
@pytest.mark.parametrize("command", ["train", "inspect"])
def test_a_column_has_one_role(run, table, command, words, message):
    """Both options are named, before anything is read."""
    ended = run(command, table, "--target", "income", *words)

    assert ended.code == 2
    assert message in ended.err


def test_inputs_of_a_model_have_no_other_role(run, model, table):
    """An input of the model cannot be a target, a weight or a dropped column."""
    for words in (
        ("evaluate", model, table, "--target", "job"),
        ("evaluate", model, table, "--weight", "age"),
        ("train", table, "--from", model, "--target", "job", "--out", "new.epochal"),
        ("train", table, "--from", model, "--drop", "job", "--out", "new.epochal"),
    ):
        ended = run(*words)
        assert ended.code == 2
        assert f"{words[-2] if words[0] == 'evaluate' else words[4]} is " in ended.err
        assert "which is an input of the model" in ended.err
