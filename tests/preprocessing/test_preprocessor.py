"""Preprocessing against its formulas, on every kind of rows, and its honesty in errors."""

import dataclasses
import datetime
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from epochal.config.csv_options import CsvOptions
from epochal.errors import DataError
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.tables import rows as rows_module

ROWS = 60
DAY = datetime.date(2023, 12, 1)


def with_gaps(values, every):
    """The values as a list with each so-many-th missing."""
    return [None if index % every == 0 else value for index, value in enumerate(values)]


TABLE = pa.table(
    {
        "age": with_gaps(np.random.default_rng(0).normal(40, 9, ROWS).tolist(), 7),
        "job": with_gaps(
            np.random.default_rng(1).choice(["clerk", "cook", "smith"], ROWS).tolist(), 9
        ),
        "rooms": np.random.default_rng(2).integers(1, 9, ROWS),
        "sex": np.random.default_rng(3).choice(["f", "m"], ROWS).tolist(),
        "owner": with_gaps(np.random.default_rng(4).choice([True, False], ROWS).tolist(), 11),
        "day": with_gaps([DAY + datetime.timedelta(index) for index in range(ROWS)], 13),
        "same": [7.7] * ROWS,
        "empty": pa.nulls(ROWS),
    }
)
ALL = np.arange(ROWS)


def fitted(rows, training=None, sample_weight=None, **settings):
    """The preprocessor of rows, with mild settings."""
    count = rows.num_rows if isinstance(rows, pa.Table) else rows.shape[0]
    weight = np.ones(count) if training is None else np.bincount(training, minlength=count)
    weight = weight if sample_weight is None else weight * sample_weight
    chosen = {"variance_epsilon": 1e-8, "clip": 3.0, "max_categories": 64} | settings
    return Preprocessor.fit(rows, weight, **chosen)


def by_name(preprocessor, rows):
    """The encoded features by their names."""
    return dict(zip(preprocessor.feature_names, preprocessor.encode(rows).T, strict=True))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16, np.uint8, bool])
@pytest.mark.parametrize("variance_epsilon", [0.0, 1e-8, 0.5])
def test_numbers_are_standardised_by_the_formula(dtype, variance_epsilon, rng):
    """Without a clip features are (x - mean) / sqrt(variance + variance_epsilon variance), to float32 rounding."""
    x = rng.integers(0, 2 if dtype is bool else 90, size=(500, 4)).astype(dtype)
    exact = x.astype(np.float64)

    features = fitted(x, variance_epsilon=variance_epsilon, clip=None).encode(x)

    expected = (exact - exact.mean(axis=0)) / np.sqrt(exact.var(axis=0) * (1 + variance_epsilon))
    assert features.dtype == np.float32
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features, expected, rtol=1e-6, atol=1e-7)


def test_the_clip_bends_far_values(rng):
    """With a clip c features are z / sqrt(1 + (z / c)^2), below c however far they are."""
    x = rng.standard_t(2, size=(500, 3))
    z = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-8)
    preprocessor = fitted(x, clip=2.0)

    np.testing.assert_allclose(preprocessor.encode(x), z / np.sqrt(1 + (z / 2) ** 2), rtol=1e-6)
    far = preprocessor.encode(np.array([[1e300, -1e300, 1.7e308]]))
    np.testing.assert_allclose(far, [[2, -2, 2]])


@pytest.mark.parametrize("clip", [None, 3.0])
def test_roots_are_standardised_by_the_formula(clip, rng):
    """Of columns that are never negative x is sqrt(x), and -sqrt(-x) of new rows below 0."""
    x = rng.gamma(0.5, 30, size=(500, 3))
    x[:, 1] -= 1
    preprocessor = fitted(x, clip=clip, sqrt_transform=True)
    new = np.array([[0.0, 5.0, -4.0], [9.0, -3.0, np.nan]])

    root = np.sqrt(x[:, ::2])
    mean, scale = root.mean(axis=0), np.sqrt(root.var(axis=0) + 1e-8)
    z = (np.array([[0.0, -2.0], [3.0, mean[1]]]) - mean) / scale
    z = z if clip is None else z / np.sqrt(1 + (z / clip) ** 2)

    assert preprocessor.roots == (0, 2)
    np.testing.assert_allclose(preprocessor.encode(new)[:, ::2], z, rtol=1e-6)
    plain = fitted(x, clip=clip).encode(new)
    np.testing.assert_array_equal(preprocessor.encode(new)[:, 1], plain[:, 1])


def test_roots_do_not_ask_for_the_unit(rng):
    """A column in other units, such as pixels from 0 to 1, has the same features."""
    x = rng.integers(0, 256, size=(500, 3)).astype(np.uint8)
    exact = {"sqrt_transform": True, "variance_epsilon": 0.0}
    bytes_, shares = fitted(x, **exact), fitted(x / 255, **exact)
    np.testing.assert_allclose(bytes_.encode(x), shares.encode(x / 255), rtol=1e-6, atol=1e-6)


def test_positions_among_bins_are_those_of_roots(rng):
    """An embedding bends where the roots are: at the same rows, whatever the unit."""
    x = rng.gamma(0.5, 30, size=(500, 2))
    rooted = fitted(x, sqrt_transform=True, n_bins=(8, 32))
    of_roots = fitted(np.sqrt(x), n_bins=(8, 32))

    np.testing.assert_allclose(rooted.encode(x), of_roots.encode(np.sqrt(x)), rtol=1e-5, atol=1e-6)


def test_statistics_come_from_training_rows_only(rng):
    """Rows outside of training, and rows of weight 0, change nothing."""
    x = rng.normal(size=(50, 3))
    training = np.arange(10, 40)
    weight = np.where((x[:, 0] < 1) & (np.arange(50) >= 10) & (np.arange(50) < 40), 1.0, 0.0)
    other = np.where(weight[:, None] > 0, x, 99.0)

    assert fitted(x, training) == fitted(np.vstack((x, x + 5)), training)
    assert fitted(x, ALL[:50], weight) == fitted(other, ALL[:50], weight)
    assert fitted(x, training) != fitted(x)


def test_a_weight_of_two_is_the_row_twice(rng):
    """Weighted rows and repeated rows give the same features, of tables and arrays."""
    weight = rng.integers(0, 3, ROWS).astype(float)
    repeated = np.repeat(ALL, weight.astype(int))
    x = rng.normal(size=(ROWS, 3))

    for rows, twice in ((TABLE, TABLE.take(repeated)), (x, x[repeated])):
        weighted, plain = (
            fitted(rows, None, weight, max_categories=2),
            fitted(twice, max_categories=2),
        )
        assert weighted.schema == plain.schema
        np.testing.assert_allclose(weighted.encode(rows), plain.encode(rows), atol=1e-6)


def test_every_kind_of_column_becomes_its_features():
    """Names, groups and number of features follow the columns of the table."""
    preprocessor = fitted(TABLE)
    names = preprocessor.feature_names
    assert names == [
        *("age", "age is missing"),
        *("job=clerk", "job=smith", "job=cook", "job=(missing)"),
        *("rooms", "sex=m", "owner", "owner is missing"),
        *("day", "day is missing", "day sine of week", "day cosine of week"),
        *("same", "empty=(missing)"),
    ]
    columns = [0, 0, 1, 1, 1, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 7]
    assert (preprocessor.input_groups(0) == np.transpose([columns])).all()
    assert preprocessor.n_features == len(names)


def test_a_missing_number_is_the_mean_and_is_told():
    """Missing numbers, truth values and dates are 0 with an indicator of 1."""
    features = by_name(fitted(TABLE), TABLE)

    for name in ("age", "owner", "day"):
        missing = np.array([value is None for value in TABLE[name].to_pylist()])
        np.testing.assert_array_equal(features[f"{name} is missing"], missing)
        assert (features[name][missing] == 0).all()
        assert (features[name][~missing] != 0).all()


def test_categories_are_one_hot():
    """A row has 1 in the feature of its category, missing being one; two are -1 and 1."""
    features = by_name(fitted(TABLE), TABLE)

    for index, job in enumerate(TABLE["job"].to_pylist()):
        hot = [name for name, v in features.items() if name.startswith("job=") and v[index] == 1]
        assert hot == [f"job={job or '(missing)'}"]
    expected = [1 if sex == "m" else -1 for sex in TABLE["sex"].to_pylist()]
    assert features["sex=m"].tolist() == expected


def test_dates_show_their_cycle():
    """Days a week apart stand at the same point of the week; sine and cosine are of length 1."""
    features = by_name(fitted(TABLE), TABLE)
    known = np.array([value is not None for value in TABLE["day"].to_pylist()])
    pair = np.column_stack((features["day sine of week"], features["day cosine of week"]))

    np.testing.assert_allclose(np.hypot(*pair[known].T), 1, rtol=1e-6)
    both = known[7:] & known[:-7]
    np.testing.assert_allclose(pair[7:][both], pair[:-7][both], atol=1e-6)
    assert (pair[~known] == 0).all()


def test_constants_and_empty_columns_are_zero(rng):
    """What never varied in training is 0, also where it varies later."""
    later = TABLE.set_column(6, "same", [rng.normal(size=ROWS)])
    later = later.set_column(7, "empty", [["surprise"] * ROWS])
    preprocessor = fitted(TABLE, variance_epsilon=0.0, clip=None)

    for rows in (TABLE, later):
        features = by_name(preprocessor, rows)
        assert (features["same"] == 0).all()
        assert (features["empty=(missing)"] == 0).all()


def test_an_enormous_constant_is_zero():
    """A constant is 0 to the ends of float64, where differences overflow."""
    preprocessor = fitted(np.full((4, 1), 1e308))

    assert preprocessor.encode(np.array([[1e308], [-1e308]])).tolist() == [[0], [0]]


def test_unseen_categories_are_zeros_or_others():
    """An unseen category has no feature, unless training already had others."""
    table = pa.table({"a": ["x", "x", "y", "y", "z"]})
    new = pa.table({"a": ["new", None, "x"]})

    assert fitted(table).encode(new).tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    others = fitted(table, max_categories=2)
    assert others.feature_names == ["a=x", "a=y", "a=(other)"]
    assert others.encode(new).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_a_gap_where_training_had_none_is_the_mean():
    """A value that is missing for the first time is 0 and needs no indicator."""
    assert fitted(np.array([[1.0], [2.0]])).encode(np.array([[np.nan]])).tolist() == [[0]]


def as_texts(table):
    """Every column as texts, as a streamed CSV file gives them."""
    columns = [
        pa.array(
            [None if value is None else str(value) for value in column.to_pylist()], pa.string()
        )
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


HOLDERS = {
    "other order": lambda t: t.select(t.column_names[::-1]),
    "texts": as_texts,
    "many chunks": lambda t: pa.concat_tables([t.slice(i, 7) for i in range(0, ROWS, 7)]),
    "dictionaries": lambda t: t.set_column(1, "job", t["job"].dictionary_encode()),
    "timestamps": lambda t: t.set_column(5, "day", t["day"].cast(pa.timestamp("ns"))),
    "integers as floats": lambda t: t.set_column(2, "rooms", t["rooms"].cast(pa.float32())),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_equal_values_are_equal_features(name):
    """Features depend on the values, not on the container or the order of columns."""
    preprocessor = fitted(TABLE)
    held = HOLDERS[name](TABLE)
    assert not held.equals(TABLE) or held["job"].num_chunks > 1

    assert preprocessor.encode(held).tobytes() == preprocessor.encode(TABLE).tobytes()


@pytest.mark.parametrize("wrap", [sparse.csr_matrix, sparse.csr_array, np.asfortranarray])
@pytest.mark.parametrize("gaps", [False, True])
def test_arrays_of_every_make_are_equal(wrap, gaps, rng):
    """Sparse and Fortran-ordered arrays give the preprocessor and the features of plain ones."""
    x = rng.normal(size=(40, 5)) * (rng.random((40, 5)) < 0.4)
    if gaps:
        x[::3, 1] = np.nan
    plain = fitted(x)

    assert fitted(wrap(x)) == plain
    assert plain.encode(wrap(x)).tobytes() == plain.encode(x).tobytes()
    assert plain.n_features == 5 + gaps


def test_images_are_flattened_in_c_order(rng):
    """The features of an image are its pixels, row after row."""
    x = rng.integers(0, 255, size=(30, 4, 3)).astype(np.uint8)
    flat = x.reshape(30, 12)

    assert fitted(x).schema.shape == (4, 3)
    np.testing.assert_array_equal(fitted(x).encode(x), fitted(flat).encode(flat))


@settings(deadline=None)
@given(cut=st.integers(0, ROWS))
def test_parts_are_encoded_like_the_whole(cut):
    """Rows do not know their neighbours."""
    preprocessor = fitted(TABLE)
    parts = [preprocessor.encode(part) for part in (TABLE.slice(0, cut), TABLE.slice(cut))]

    assert np.vstack(parts).tobytes() == preprocessor.encode(TABLE).tobytes()


@pytest.mark.parametrize(
    "rows", [TABLE, np.random.default_rng(0).normal(size=(1000, 3))], ids=["table", "array"]
)
def test_chunks_do_not_show(rows, monkeypatch):
    """Cut into many spans, on several threads, features are the same."""
    whole = fitted(rows)
    expected = whole.encode(rows)
    monkeypatch.setattr(rows_module, "_CHUNK", 1)
    monkeypatch.setattr(rows_module, "_TABLE_CHUNK", 1)
    monkeypatch.setattr(rows_module, "_FEWEST", 7)

    np.testing.assert_allclose(fitted(rows).mean, whole.mean, rtol=1e-13, atol=1e-16)
    assert whole.encode(rows).tobytes() == expected.tobytes()


def test_the_first_infinity_is_named_with_its_row(rng):
    """The row number counts from the first row, in any span."""
    x = rng.normal(size=(60_000, 8))
    preprocessor = fitted(x)
    x[50_000, 3] = x[55_000, 0] = np.inf

    for call, row in (
        (lambda: fitted(x), 50_000),
        (lambda: preprocessor.encode(x, first_row=7), 50_007),
    ):
        with pytest.raises(
            DataError, match=f"Input X contains infinity: inf in column 'x3', row {row} "
        ):
            call()


def test_a_bad_text_is_named_with_its_row():
    """A text where numbers were is refused by column, row and value."""
    bad = TABLE.set_column(2, "rooms", [["4"] * (ROWS - 1) + ["four"]])

    with pytest.raises(
        DataError, match="column 'rooms' holds 'four' in row 159; expected a number"
    ):
        fitted(TABLE).encode(bad, first_row=100)


def test_a_value_too_large_for_float32_is_refused():
    """Without a clip, a value beyond float32 would be infinite to the network."""
    preprocessor = fitted(np.array([[1.0], [2.0]]), clip=None)

    message = r"Input X contains infinity or a value too large for dtype\('float32'\): -1e\+60"
    with pytest.raises(DataError, match=message):
        preprocessor.encode(np.array([[1.5], [-1e60]]))


def in_many_units():
    """Return columns of several shapes: with gaps, heavy tails, whole numbers, dates far from zero."""
    random = np.random.default_rng(8)
    columns = [
        np.where(random.random(400) < 0.1, np.nan, random.normal(3, 1, 400)),
        random.gamma(0.5, 30, 400),
        random.integers(2000, 2024, 400),
        random.standard_t(2, 400),
        random.poisson(0.3, 400),
        random.normal(48.2, 0.01, 400),
    ]
    return np.column_stack(columns)


UNITS = [1e-9, 1e-6, 1e6, 1e-30, 1e30, 1e-200, 1e160, 1e-290, 1e300]
RECIPES = {
    "classic": {"clip": None},
    "wide": {"sqrt_transform": True},
    "embedded": {"n_bins": (8, 64)},
    "embedded roots": {"n_bins": (8, 64), "sqrt_transform": True},
}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("unit", UNITS)
def test_features_do_not_depend_on_the_unit(unit, recipe):
    """Columns in other units, down to where squares of them are 0 or infinite, have the same features."""
    x = in_many_units()
    here, there = (fitted(rows, **RECIPES[recipe]) for rows in (x, x * unit))

    assert there.feature_names == here.feature_names
    np.testing.assert_allclose(there.encode(x * unit), here.encode(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("unit", [2.0**-900, 2.0**-30, 2.0**20, 2.0**900])
def test_powers_of_two_change_no_bit(unit, recipe):
    """Units that differ by a power of two differ in no digit of a value, and in none of a feature."""
    x = in_many_units()
    here, there = (fitted(rows, **RECIPES[recipe]) for rows in (x, x * unit))

    assert here.scale.min() > 0
    assert there.encode(x * unit).tobytes() == here.encode(x).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_bins", [None, (8, 64)])
def test_rounding_is_no_feature(dtype, n_bins):
    """What should be constant, and was computed in float32 or float64, is 0, whatever holds it now."""
    random = np.random.default_rng(9)
    shares = random.random((300, 30)).astype(dtype)
    computed = (shares / shares.sum(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
    assert 1 < len(np.unique(computed)) < 20

    for unit in (1e-9, 1.0, 1e6):
        rows = (dtype(unit) * computed).astype(np.float64)
        preprocessor = fitted(rows, n_bins=n_bins)
        assert preprocessor.feature_names == ["x0"]
        assert (preprocessor.encode(rows) == 0).all()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_float64_can_tell_far_from_zero_is_a_feature(unit, rng):
    """Of values near a billion, such as times, the small differences are the feature, up to rounding."""
    small = rng.normal(size=(300, 1))
    x = (1e9 + 1e-3 * small) * unit
    exact = (small - small.mean()) / small.std()

    np.testing.assert_allclose(fitted(x, clip=None).encode(x), exact, atol=1e-3)


def test_the_ends_of_float64_are_features():
    """Differences and squares of the largest and of the smallest numbers are never needed."""
    x = np.array([[1.7e308, 5e-324], [-1.7e308, 0.0], [1e308, 1e-310], [0.0, 1e-310]])
    for clip in (None, 3.0):
        features = fitted(x, clip=clip, n_bins=(8, 8)).encode(x)

        assert np.isfinite(features).all()
        assert np.abs(features[:, :2]).min() > 0.1


def test_no_rows_are_no_features():
    """An empty table is encoded as an empty array of the right width."""
    assert fitted(TABLE).encode(TABLE.slice(0, 0)).shape == (0, 16)


def test_preprocessing_returns_from_its_description(rng):
    """JSON and arrays hold everything: the bits of the features are the same."""
    for rows in (TABLE, rng.normal(size=(9, 2)), np.ones((3, 2, 2))):
        preprocessor = fitted(rows, sqrt_transform=True)
        description = json.loads(json.dumps(preprocessor.to_dict()))

        returned = Preprocessor.from_dict(description, preprocessor.arrays())

        assert returned == preprocessor
        assert hash(returned) == hash(preprocessor)
        assert returned.encode(rows).tobytes() == preprocessor.encode(rows).tobytes()


def test_texts_of_new_rows_are_read_as_asked():
    """Words that mean a missing value belong to the preprocessing, and so to the numbers out of texts."""
    options = CsvOptions(missing_values=("unknown",))
    statistics = {"variance_epsilon": 1e-8, "clip": 3.0, "max_categories": 64}
    training = pa.table({"n": [1.0, 2.0, None]})
    preprocessor = Preprocessor.fit(training, **statistics, csv=options)
    assert preprocessor.schema.csv == options
    texts = pa.table({"n": ["1", "2", " unknown"]})
    np.testing.assert_array_equal(preprocessor.encode(texts), preprocessor.encode(training))
    with pytest.raises(DataError, match="'NA' in row 0"):
        preprocessor.encode(pa.table({"n": ["NA"]}))


def test_equality_sees_every_part():
    """Another schema, array, variance_epsilon, clip or root is another preprocessing."""
    preprocessor = fitted(TABLE)
    schema = dataclasses.replace(preprocessor.schema, columns=preprocessor.schema.columns[:1])
    changes = {"schema": schema, "mean": preprocessor.mean + 1, "scale": preprocessor.scale + 1}
    changes |= {"variance_epsilon": 0.1, "relative_epsilon": False, "clip": None, "roots": (0,)}

    for name, value in changes.items():
        assert dataclasses.replace(preprocessor, **{name: value}) != preprocessor
    assert preprocessor != "preprocessor"


FIVE = np.arange(5.0)
NONSENSE = {
    "surplus key": lambda d, a: (d | {"more": 1}, a),
    "no dict": lambda d, a: ([d], a),
    "variance_epsilon below 0": lambda d, a: (d | {"variance_epsilon": -1.0}, a),
    "variance_epsilon of truth": lambda d, a: (d | {"variance_epsilon": True}, a),
    "variance_epsilon a text": lambda d, a: (d | {"variance_epsilon": "0"}, a),
    "no truth": lambda d, a: (d | {"relative_epsilon": 1}, a),
    "clip 0": lambda d, a: (d | {"clip": 0}, a),
    "clip infinite": lambda d, a: (d | {"clip": float("inf")}, a),
    "array left out": lambda d, a: (d, {"mean": a["mean"]}),
    "too many numbers": lambda d, a: (d, a | {"mean": np.arange(6.0)}),
    "two axes": lambda d, a: (d, a | {"mean": FIVE[None]}),
    "float32": lambda d, a: (d, a | {"mean": FIVE.astype(np.float32)}),
    "not finite": lambda d, a: (d, a | {"scale": FIVE + np.nan}),
    "scale below 0": lambda d, a: (d, a | {"scale": FIVE - 1}),
    "roots of no column": lambda d, a: (d | {"roots": [5]}, a),
    "nonsensical schema": lambda d, a: (d | {"schema": {}}, a),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_nonsensical_description_is_refused(name):
    """Wrong keys, types, sizes and numbers are a ValueError."""
    preprocessor = fitted(TABLE)
    description, arrays = preprocessor.to_dict(), preprocessor.arrays()
    assert Preprocessor.from_dict(description, arrays | {"mean": FIVE, "scale": FIVE})

    with pytest.raises(ValueError, match="preprocessing|epsilon|clip|mean|scale|schema|roots"):
        Preprocessor.from_dict(*NONSENSE[name](description, arrays))
