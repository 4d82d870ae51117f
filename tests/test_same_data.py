"""The same data in every format: whatever holds a table, a model takes it for the same rows."""

from __future__ import annotations

import datetime
import decimal
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from epochal import EpochalClassifier
from epochal.io import files
from epochal.io.columns import Roles, as_categories, labelled
from epochal.io.frames import as_labels, as_rows, column_of
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.tables.label_matching import class_indices
from epochal.tables.labels import encode_labels, missing_labels

ROWS = 24
EAST = datetime.timezone(datetime.timedelta(hours=2))
DAYS = [datetime.date(2024, 1, 31), datetime.date(1969, 7, 20), datetime.date(2030, 12, 1)]
MOMENTS = [datetime.datetime.fromisoformat(day) for day in ("2024-05-01 12:30", "2024-05-02")]
EXACT = [datetime.datetime.fromisoformat("1999-12-31 23:59:59.250"), *MOMENTS]
KINDS = {
    "integer": ([3, -1, 250, 10**12], pa.int64()),
    "small integer": ([3, -1, 7], pa.int8()),
    "unsigned": ([0, 5, 2**40], pa.uint64()),
    "float": ([0.1, -2.5, 1e-7, 3.0, 1e15], pa.float64()),
    "float of 32 bits": ([0.5, 2.25, -3.0], pa.float32()),
    "boolean": ([True, False], pa.bool_()),
    "word": (["cook", "clerk", "x,y", 'say "no"', "two\nlines", "ü"], pa.string()),
    "digits": (["007", "7", "5.0", "1e3"], pa.string()),
    "truth in words": (["True", "FALSE", "unknown"], pa.string()),
    "date": (DAYS, pa.date32()),
    "timestamp": (MOMENTS, pa.timestamp("s")),
    "exact timestamp": (EXACT, pa.timestamp("us")),
    "timestamp with a zone": ([m.replace(tzinfo=EAST) for m in MOMENTS], pa.timestamp("us", "UTC")),
    "decimal": ([decimal.Decimal("1.50"), decimal.Decimal("-0.10")], pa.decimal128(6, 2)),
    "nothing": ([], pa.null()),
}
NUMERIC = ("integer", "small integer", "float", "float of 32 bits", "unsigned")
# What labels may be, and in files of text as well.
LABELS = {
    **{name: KINDS[name] for name in KINDS if name not in {"float", "float of 32 bits", "nothing"}},
    "whole float": ([0.0, 1.0, 1e15], pa.float64()),
    "long integer": ([2**63, 2**64 - 1], pa.uint64()),
}


@st.composite
def tables(draw, kinds=tuple(KINDS)):
    """Return a table of a few columns of random types, some with gaps."""
    columns = {}
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))):
        values, type_ = KINDS[kind]
        value = st.sampled_from(values) if values else st.none()
        gaps = draw(st.booleans())
        one = st.none() | value if gaps else value
        drawn = draw(st.lists(one, min_size=ROWS, max_size=ROWS))
        columns[f"{kind} {number}"] = pa.array(drawn, type_)
    return pa.table(columns)


@st.composite
def labels(draw, gaps=True):
    """Return a column of different labels of a random type, each twice or more, perhaps with gaps."""
    kind = draw(st.sampled_from(tuple(LABELS)))
    values, type_ = LABELS[kind]
    value = st.sampled_from(values)
    # Of long integers with gaps, pandas itself makes floats that are others.
    gaps = gaps and kind != "long integer" and draw(st.booleans())
    rest = ROWS - 2 * len(values)
    one = st.none() | value if gaps else value
    drawn = draw(st.lists(one, min_size=rest, max_size=rest))
    return pa.array([*values, *values, *drawn], type_)


def by_pandas(table, path):
    """Write a CSV file as pandas does: integers with gaps as floats, True in words."""
    table.to_pandas(integer_object_nulls=False).to_csv(path, index=False)


FILES = {
    "a.csv": pyarrow.csv.write_csv,
    "p.csv": by_pandas,
    "a.parquet": pyarrow.parquet.write_table,
    "p.parquet": lambda table, path: table.to_pandas().to_parquet(path),
    "a.feather": pyarrow.feather.write_feather,
}
FRAMES = {
    "Arrow": lambda table: table,
    "pandas": lambda table: table.to_pandas(),
    "pandas of nullable types": lambda table: table.to_pandas().convert_dtypes(),
    "pandas on Arrow": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
}


def held(table, folder, categorical):
    """Return for every holder the rows as training reads them, and as predicting does."""
    found = {}
    for name, write in FILES.items():
        path = str(folder / name)
        write(table.append_column("y", pa.array(["p", "q"] * (ROWS // 2))), path)
        for how, streamed in (("", False), (" streamed", True)):
            read = labelled(path, Roles("y"), categorical=categorical, streamed=streamed)
            new = pa.concat_tables(p.rows for p in files.batches(path, 7, table.column_names))
            found[name + how] = read.rows, new
    for name, convert in FRAMES.items():
        rows = as_rows(convert(table))
        found[name] = as_categories(rows, categorical, "X"), rows
    return found


def labels_held(table, folder):
    """Return for every holder the labels of the rows that have one, in the column "y"."""
    found = {}
    for name, write in FILES.items():
        path = str(folder / name)
        write(table, path)
        for how, streamed in (("", False), (" streamed", True)):
            data = labelled(path, Roles("y"), streamed=streamed)
            found[name + how] = data.labels
    for name, convert in FRAMES.items():
        values = as_labels(column_of(convert(table), "y"))
        found[name] = values[~missing_labels(values)]
    values = as_labels(table.column("y").to_pylist())
    found["list"] = values[~missing_labels(values)]
    return found


@settings(max_examples=25)
@given(column=labels())
def test_labels_are_the_same_whatever_holds_them(column):
    """The classes of one holder are found in each other: typed labels, and texts that spell them."""
    table = pa.table({"a": np.arange(float(ROWS)), "y": column})
    with tempfile.TemporaryDirectory() as folder:
        found = labels_held(table, Path(folder))
    for name, own in found.items():
        classes, expected = encode_labels(own)
        assert len(classes) == len(set(column.to_pylist()) - {None})
        for other, given_labels in found.items():
            actual = class_indices(classes, given_labels)
            assert actual.tolist() == expected.tolist(), f"trained on {name}: {other}"


def encodings(found, **options):
    """Return, for the preprocessing of every holder, the features of the rows of every holder."""
    for name, (training, _) in found.items():
        preprocessor = Preprocessor.fit(
            training, variance_epsilon=1e-8, clip=3.0, max_categories=64, **options
        )
        yield name, {other: preprocessor.encode(new) for other, (_, new) in found.items()}


@pytest.mark.parametrize("are_names", [False, True], ids=["as they come", "as categories"])
@settings(max_examples=25)
@given(table=tables())
def test_rows_are_the_same_whatever_holds_them(are_names, table):
    """Trained on one holder, the rows of each other have the same features."""
    categorical = table.column_names if are_names else []
    with tempfile.TemporaryDirectory() as folder:
        found = held(table, Path(folder), categorical)
        for name, features in encodings(found, n_bins=(4, 8)):
            expected = features[name.removesuffix(" streamed")]
            for other, actual in features.items():
                np.testing.assert_allclose(
                    actual, expected, rtol=2e-6, atol=2e-6, err_msg=f"trained on {name}: {other}"
                )
            assert (
                len(np.unique(expected, axis=0)) > 1
                or len(table.to_pandas().drop_duplicates()) == 1
            )


@pytest.mark.filterwarnings("ignore::UserWarning")  # few rows; names of columns there or not
@settings(max_examples=2, phases=[Phase.generate])
@given(
    table=tables(),
    numbers=tables(NUMERIC),
    column=labels(gaps=False),
    name=st.sampled_from([*FRAMES]),
)
def test_predictions_are_the_same_whatever_holds_the_rows(table, numbers, column, name):
    """Through both front doors: a model of one holder gives each other the same scores."""
    ours = EpochalClassifier(
        random_state=0, n_estimators=2, n_folds=2, max_iter=2, hidden_layer_sizes=(4,)
    )
    with tempfile.TemporaryDirectory() as folder:
        for data in (table, numbers):
            rows, whole = all_holders(data, folder), all_holders(data, folder, column)
            trained = {"p.csv", name}
            if data is numbers:
                columns = [np.asarray(one.cast(pa.float64())) for one in data.columns]
                rows["NumPy"] = np.column_stack(columns)
                whole["NumPy"] = rows["NumPy"], column.to_pylist()
                trained.add("NumPy")
            for one in trained:
                model = clone(ours).fit(*whole[one])
                expected = model.predict_proba(rows["a.csv"])
                assert np.ptp(expected, axis=0).max() > 0 or len(unique(data)) == 1
                for other in whole:
                    found, where = model.predict_proba(rows[other]), f"trained on {one}: {other}"
                    np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=where)
                    assert model.score(*whole[other]) == model.score(*whole["a.csv"]), where


def all_holders(data, folder, column=None):
    """Return for every holder the rows; and with a column of labels, the name of that."""
    table = data if column is None else data.append_column("y", column)
    found = {name: convert(table) for name, convert in FRAMES.items()}
    for name, write in FILES.items():
        found[name] = f"{folder}/{'' if column is None else 'y'}{name}"
        write(table, found[name])
    return found if column is None else {name: (held, "y") for name, held in found.items()}


def unique(table):
    """Return the different rows of a table."""
    return table.to_pandas().drop_duplicates()


DECIMAL = pa.decimal128(30, 3)
VIENNA = pa.timestamp("ns", "Europe/Vienna")
DAY = [datetime.date(2024, 5, day) for day in (1, 2, 3, 4)]
# Values, the types that typed files hold them in, and how files of text spell them.
SAME = {
    "whole numbers": (
        [1, 2, 3, 4],
        [pa.int64(), pa.int8(), pa.float64(), pa.float32(), DECIMAL],
        ["{}", "{}.0", "{}.00", '"{}"'],
    ),
    "fractions": (
        [decimal.Decimal(text) for text in ("1.5", "2.5", "0.1", "0.2")],
        [pa.float64(), pa.float32(), DECIMAL, pa.string()],
        ["{}", "{}0", "{:.5}"],
    ),
    "days": (
        DAY,
        [pa.date32(), pa.timestamp("s"), VIENNA],
        ["{}", "{} 00:00:00", "{}T00:00:00.000", "{}T02:00:00+02:00"],
    ),
    "leading zeros": (["01", "1", "001", "11"], [pa.string(), pa.large_string()], ["{}", '"{}"']),
    "true": (["true", "false"], [pa.bool_(), pa.string()], ["{}"]),
    "True": (["True", "False"], [pa.bool_()], ["{}"]),
    "TRUE": (["TRUE", "FALSE"], [pa.bool_()], ["{}"]),
}


@pytest.mark.parametrize("name", SAME)
def test_a_category_is_the_same_however_a_file_spells_it(name, tmp_path):
    """A model of each file has the same accuracy on all others, and knows each category."""
    values, types, spellings = SAME[name]
    codes = np.arange(120) * 7 // 3 % len(values)
    column = [None, *(values[code] for code in codes[1:])]
    truth = pa.array(np.where(codes % 2, "p", "q"))
    paths = [str(tmp_path / f"{number}.parquet") for number in range(len(types))]
    for path, type_ in zip(paths, types, strict=True):
        pyarrow.parquet.write_table(pa.table({"c": pa.array(column).cast(type_), "y": truth}), path)
    for number, spelling in enumerate(spellings):
        cells = ["" if value is None else spelling.format(value) for value in column]
        lines = [f"{cell},{label}\n" for cell, label in zip(cells, truth.to_pylist(), strict=True)]
        paths.append(str(tmp_path / f"{number}.csv"))
        Path(paths[-1]).write_text("c,y\n" + "".join(lines))
    ours = EpochalClassifier(
        preset="classic", hidden_layer_sizes=(8,), random_state=0, categorical_features=["c"]
    )

    for path in paths:
        model = clone(ours).fit(path, "y")
        scores = {other: model.score(other, "y") for other in paths}
        assert min(scores.values()) > 0.98
        assert len(set(scores.values())) == 1, scores
