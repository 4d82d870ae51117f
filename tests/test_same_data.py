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
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal import EpochalClassifier
from epochal.data.preprocess import Preprocessor
from epochal.data.sources import files
from epochal.data.sources.frames import as_rows
from epochal.data.sources.roles import Roles, as_categories, labelled

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
            new = pa.concat_tables(files.batches(path, 7, table.column_names))
            found[name + how] = read.rows, new
    for name, convert in FRAMES.items():
        rows = as_rows(convert(table))
        found[name] = as_categories(rows, categorical, "X"), rows
    return found


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
@settings(max_examples=2)
@given(table=tables(), numbers=tables(NUMERIC))
def test_predictions_are_the_same_whatever_holds_the_rows(table, numbers):
    """Through both front doors: a model of one holder gives each other the same probabilities."""
    tiny = {"n_estimators": 2, "n_folds": 2, "max_iter": 2, "hidden_layer_sizes": (4,)}
    labels = ["p", "q"] * (ROWS // 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, data in enumerate((table, numbers)):
            trained, new = folder / f"{number}.csv", folder / f"new{number}.csv"
            by_pandas(data.append_column("y", pa.array(labels)), trained)
            by_pandas(data, new)
            holders = [convert(data) for convert in FRAMES.values()]
            if data is numbers:
                columns = [np.asarray(column.cast(pa.float64())) for column in data.columns]
                holders.append(np.column_stack(columns))
            models = [EpochalClassifier(random_state=0, **tiny).fit(str(trained), "y")]
            models += [EpochalClassifier(random_state=0, **tiny).fit(holders[-1], labels)]
            for model in models:
                expected = model.predict_proba(str(new))
                for holder in holders:
                    np.testing.assert_allclose(model.predict_proba(holder), expected, atol=1e-5)
