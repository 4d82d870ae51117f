"""What the commands read, from real files."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.cli.reading import like, relabelled
from epochal.data.sources.roles import Roles, labelled
from epochal.errors import DataError


@pytest.fixture
def codes(tmp_path) -> str:
    """Return the path of a table with codes and labels of digits."""
    path = tmp_path / "codes.csv"
    path.write_text("code,size,label\n01,1,0\n02,2,1\n1,3,\n01,4,1\n")
    return str(path)


@pytest.mark.parametrize("streamed", [False, True])
def test_labels_of_another_file_get_the_type_of_the_classes(codes, streamed):
    """Text labels of a file of its own become the numbers of the training."""
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
