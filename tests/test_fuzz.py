"""Whatever comes in: a trained model comes out, or an error of ours."""

from __future__ import annotations

import contextlib
import datetime
import io
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal import EpochalClassifier, EpochalError
from epochal.cli.main import main

TINY = {
    "preset": "classic",
    "max_iter": 1,
    "hidden_layer_sizes": (4,),
    "batch_size": 16,
    "random_state": 0,
}
CLASSIC = (
    "--preset",
    "classic",
    "--max-iter",
    "1",
    "--hidden-layer-sizes",
    "4",
    "--batch-size",
    "16",
)
ROWS = 12

gaps = st.sampled_from([None, float("nan"), pd.NA, pd.NaT, ""])
values = {
    "floats": st.floats(width=64) | gaps,
    "large": st.floats(allow_nan=False, allow_infinity=False) | st.just(1.7e308),
    "integers": st.integers(-(2**63), 2**63 - 1),
    "endless": st.integers(),
    "texts": st.text(max_size=8) | gaps,
    "booleans": st.booleans() | gaps,
    "days": st.dates() | gaps,
    "moments": st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    "bytes": st.binary(max_size=3),
    "lists": st.lists(st.integers(), max_size=2),
    "anything": st.floats() | st.text(max_size=3) | st.booleans() | st.integers() | gaps,
}


@st.composite
def columns(draw):
    """Return some columns of a table, each of one kind, with names that may repeat."""
    kinds = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3))
    names = draw(st.lists(st.text(max_size=4), min_size=len(kinds), max_size=len(kinds)))
    drawn = [draw(st.lists(values[kind], min_size=ROWS, max_size=ROWS)) for kind in kinds]
    frame = pd.concat([pd.Series(column, dtype=object) for column in drawn], axis=1)
    frame.columns = names
    return frame if draw(st.booleans()) else frame.infer_objects()


slow = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@slow
@given(columns(), st.lists(st.sampled_from(["a", "b"]), min_size=ROWS, max_size=ROWS))
@pytest.mark.filterwarnings("ignore")
def test_any_data_frame_is_learned_from_or_refused(frame, labels):
    """Any columns with any missing values train a model that predicts probabilities."""
    try:
        model = EpochalClassifier(**TINY).fit(frame, labels)
        probabilities = model.predict_proba(frame)
    except (EpochalError, ValueError):
        return
    assert probabilities.shape == (ROWS, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@slow
@given(
    st.lists(st.lists(st.floats(width=32), min_size=ROWS, max_size=ROWS), min_size=1, max_size=3),
    st.lists(st.integers(0, 2) | st.just(math.nan), min_size=ROWS, max_size=ROWS),
    st.lists(st.floats(-1, 2) | st.just(math.nan), min_size=ROWS, max_size=ROWS),
)
@pytest.mark.filterwarnings("ignore")
def test_any_numbers_labels_and_weights_are_learned_from_or_refused(rows, labels, weight):
    """Infinities, gaps, missing labels, weights below 0: a model or an error."""
    X = np.array(rows).T
    try:
        model = EpochalClassifier(**TINY).fit(X, labels, weight)
    except (EpochalError, ValueError):
        return
    assert np.isfinite(model.predict_proba(X)).all()


def expect_a_model_or_an_error(path, bounded):
    """Train on a file that is alone in its folder: a model is all that may appear beside it."""
    out = path.parent / "model.epochal"
    words = ["train", str(path), "--target", "y", "--out", str(out), "--quiet", *CLASSIC]
    code = main([*words, *(["--memory", "1GB"] if bounded else [])])

    assert code in {0, 2, 3, 4, 7}
    assert {entry.name for entry in path.parent.iterdir()} == {path.name} | (
        {"model.epochal"} if code == 0 else set()
    )


fields = st.text(st.sampled_from('ab0123.,;"\n\r\t -é\x00'), max_size=6)
lines = st.lists(fields, min_size=1, max_size=4).map(",".join)
tables = st.lists(lines, max_size=8).map("\n".join).map(str.encode) | st.binary(max_size=60)


@slow
@given(tables, st.booleans())
def test_any_bytes_end_in_a_model_or_an_error_of_ours(tmp_path_factory, content, bounded):
    """The command line never ends with an internal error, and leaves no incomplete file."""
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "data.csv"
    path.write_bytes(b"x,y,z\n1,a,0\n2,b,1\n3,a,2\n4,b,3\n" + content)
    expect_a_model_or_an_error(path, bounded)


def parquet(compression):
    """Return the bytes of a small Parquet file."""
    table = pa.table(
        {
            "x": [1.5, None, 3.0, 4.0] * 3,
            "z": ["a", "b", None, "a"] * 3,
            "d": pa.array(["a", "b", "c", "a"] * 3).dictionary_encode(),
            "y": [0, 1, 1, 0] * 3,
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression, row_group_size=5)
    return file.getvalue()


PARQUET = [parquet("none"), parquet("snappy")]


@slow
@given(
    st.sampled_from(PARQUET),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.none() | st.floats(0, 1),
    st.booleans(),
)
def test_any_damage_of_a_parquet_file_ends_in_a_model_or_an_error_of_ours(
    tmp_path_factory, content, damage, cut, bounded
):
    """Changed or missing bytes never cause an internal error, read whole or streamed."""
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "data.parquet"
    damaged = bytearray(content)
    for place, value in damage:
        damaged[int(place * len(damaged))] = value
    path.write_bytes(damaged if cut is None else damaged[: int(cut * len(damaged))])
    expect_a_model_or_an_error(path, bounded)


class Hostile:
    """An object of which nothing can be made."""

    def __float__(self):
        """Raise what nobody expects."""
        raise RuntimeError("no number")

    def __str__(self):
        """Raise what nobody expects."""
        raise RuntimeError("no text")


moments = st.datetimes(timezones=st.none() | st.just(datetime.UTC)) | st.dates() | st.times()
pieces = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**310, max_value=10**400)
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.text(max_size=2)
    | st.sampled_from([chr(0xD800), "1", "nan", "a"])
    | st.binary(max_size=2)
    | moments
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([pd.NA, pd.NaT, np.ma.masked, np.float32(1), np.datetime64("NaT"), Ellipsis])
    | st.sampled_from(
        [pd.Interval(0, 1), pd.Period("2020"), Hostile(), object(), [1], (1,), {1: 2}]
    )
)
COUNT = 6


def among(few):
    """Return lists of a few values, which repeat."""
    return st.lists(few, min_size=1, max_size=3).map(lambda some: (some * COUNT)[:COUNT])


odd_columns = among(pieces)
labels_of_any_kind = among(pieces.filter(lambda one: not isinstance(one, int) or abs(one) < 2**63))


@st.composite
def odd_rows(draw):
    """Return rows of odd objects: lists, arrays, masked arrays, and frames of several makes."""
    some = draw(st.lists(odd_columns, min_size=1, max_size=2))
    as_objects = np.empty((COUNT, len(some)), dtype=object)
    for number, column in enumerate(some):
        for row, value in enumerate(column):
            as_objects[row, number] = value
    kind = draw(st.sampled_from(["list", "objects", "masked", "pandas", "category", "ragged"]))
    if kind == "list":
        return as_objects.tolist()
    if kind == "ragged":
        return [row[: 1 + number % 2] for number, row in enumerate(as_objects.tolist())]
    if kind == "masked":
        return np.ma.array(as_objects, mask=draw(st.booleans()))
    if kind == "objects":
        return as_objects
    frame = pd.concat([pd.Series(column, dtype=object) for column in as_objects.T], axis=1)
    frame.columns = pd.Index(
        draw(st.permutations(["a", chr(0xD800), "b"]))[: len(some)], dtype=object
    )
    if kind == "category":
        # Not all of them can be categories.
        with contextlib.suppress(Exception):
            odd = pd.Index(as_objects[:2, 0], dtype=object)
            frame["c"] = pd.Categorical.from_codes(np.arange(COUNT) % 2, odd)
    return frame


def holders(values):
    """Return the containers that may hold values of rows."""
    plain = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        plain[row] = value
    return [values, tuple(values), plain, pd.Series(plain, dtype=object), np.ma.array(plain)]


def expect_an_answer_or_an_error(call):
    """Return nothing if a call gives probabilities, or is refused by us or by scikit-learn."""
    try:
        probabilities = call()
    except EpochalError:
        return
    except (ValueError, TypeError) as error:
        # Its own words, or Python's in them: not those of a codec, of Arrow or of pandas.
        if type(error) not in {ValueError, TypeError}:
            raise
        return
    assert np.isfinite(probabilities).all()


odd = settings(
    max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@odd
@given(odd_rows())
@pytest.mark.filterwarnings("ignore")
def test_odd_rows_are_learned_from_or_refused(rows):
    """Whatever stands in rows, nothing but an answer or an error that was meant comes out, of members too."""
    y = ["a", "b"] * (COUNT // 2)
    expect_an_answer_or_an_error(lambda: EpochalClassifier(**TINY).fit(rows, y).predict_proba(rows))
    known = EpochalClassifier(**TINY).fit(np.arange(2.0 * COUNT).reshape(COUNT, 2), y)
    expect_an_answer_or_an_error(lambda: known.predict_proba(rows))
    expect_an_answer_or_an_error(lambda: known.estimators_[0].predict_proba(rows))


@odd
@given(
    labels_of_any_kind,
    st.integers(0, 4),
    st.sampled_from(["y", "sample_weight", "groups", "timestamps", "classes"]),
)
@pytest.mark.filterwarnings("ignore")
def test_odd_values_of_rows_are_learned_from_or_refused(values, holder, argument):
    """Labels, weights, groups, timestamps and classes of any objects, in lists, tuples, arrays and series."""
    rows, y = np.arange(2.0 * COUNT).reshape(COUNT, 2), ["a", "b"] * (COUNT // 2)
    given_values = holders(values)[holder]
    if argument == "classes":
        expect_an_answer_or_an_error(
            lambda: (
                EpochalClassifier(**TINY)
                .partial_fit(rows, y, classes=given_values)
                .predict_proba(rows)
            )
        )
        return
    arguments = {"y": y, argument: given_values}
    expect_an_answer_or_an_error(
        lambda: EpochalClassifier(**TINY).fit(rows, **arguments).predict_proba(rows)
    )
