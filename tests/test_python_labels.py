"""Labels in lists, arrays and series are those of files."""

import datetime

import numpy as np
import pandas as pd
import pytest

from epochal import EpochalClassifier, load
from epochal.errors import DataError

SMALL = {"preset": "classic", "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(80, 3))
Y = np.where(X[:, 0] > 0, "up", "down")
COLUMNS = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}


def small(**parameters):
    """Return a small classifier."""
    return EpochalClassifier(**(SMALL | parameters))


@pytest.mark.parametrize(
    "labels",
    [
        [datetime.date(2024, 5, 1), datetime.date(2024, 5, 2)] * 40,
        pd.Series(pd.to_datetime(["2024-05-01", "2024-05-02"] * 40)),
        np.array(["2024-05-01", "2024-05-02"] * 40, "M8[D]"),
    ],
    ids=["list", "series", "array"],
)
def test_dates_are_classes_in_python_too(labels, tmp_path):
    """Dates given as values or by the name of a column are classes, and are saved, loaded and scored."""
    ours = small().fit(X, labels)
    ours.save(tmp_path / "m.epochal")
    frame = pd.DataFrame(COLUMNS | {"when": labels})

    assert ours.classes_.tolist() == ["2024-05-01", "2024-05-02"]
    assert small().fit(frame, "when").classes_.tolist() == ours.classes_.tolist()
    assert load(tmp_path / "m.epochal").score(X, labels) == ours.score(X, labels)


@pytest.mark.parametrize(
    ("value", "words"),
    [(chr(0xD800), "half of a character"), (10**5000, "too many digits")],
    ids=["half", "long"],
)
def test_a_label_that_no_file_can_hold_is_refused(value, words):
    """A model and a program that predicts with it could not write it."""
    other = "b" if isinstance(value, str) else 1
    with pytest.raises(DataError, match=f"the label of class 1 is .*{words}"):
        small().fit(X, [value, other] * 40)


def test_a_masked_label_is_missing():
    """Of numbers and of texts; a mask that masks nothing does no harm."""
    mask = np.arange(80) == 5
    for labels in (np.arange(80) % 2, Y):
        with pytest.raises(DataError, match="label is missing in row 5"):
            small().fit(X, np.ma.array(labels, mask=mask))
        assert small().fit(X, np.ma.array(labels, mask=False)).classes_.dtype == labels.dtype
