"""What is found in rows, all at once or piece by piece."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.errors import DataError
from epochal.preprocessing.statistics import statistics
from epochal.tables import rows as rows_module
from epochal.tables.schema import Column
from epochal.tables.streaming import Streamed


def infer(rows, training, max_categories, sample_weight=None):
    """Return the schema of the rows numbered in `training`."""
    weight = np.bincount(training, minlength=rows.shape[0])
    weight = weight if sample_weight is None else weight * sample_weight
    return statistics(rows, weight, max_categories=max_categories).schema


def test_every_type_has_its_kind(every_kind):
    """Types determine the kind; training rows determine categories, missing values and cycles."""
    schema = infer(every_kind, np.arange(4), max_categories=64)

    assert schema.named
    assert schema.shape == (10,)
    assert schema.columns == (
        Column("age", "number", has_missing=True),
        Column("rooms", "number"),
        Column("empty number", "number"),
        Column("empty", "category", has_missing=True, unseen=1 / 6),
        Column("job", "category", ("cook", "clerk", "rare"), has_missing=True, unseen=4 / 6),
        Column("code", "category", ("3", "7"), unseen=2 / 6),
        Column("owner", "boolean", has_missing=True),
        Column("day", "date", has_missing=True, cycles=("week",)),
        Column("waited", "number"),
        Column("stamp", "date"),
    )


def test_only_training_rows_speak(every_kind):
    """What only other rows hold, and rows of weight 0, does not exist."""

    def expected(unseen):
        """Return the columns of the first and the last row."""
        job = Column("job", "category", ("cook", "rare"), unseen=unseen)
        return Column("age", "number"), job, Column("day", "date")

    some = every_kind.select(["age", "job", "day"])

    assert infer(some, np.array([3, 0]), 64).columns == expected(3 / 4)
    assert infer(some, np.arange(4), 64, np.array([2.0, 0, 0, 1])).columns == expected(2 / 5)
    assert infer(some, np.arange(4), 64).columns[0] != expected(3 / 4)[0]


def test_rare_categories_share_one(every_kind):
    """At most max_categories are stored; the schema records that there were more."""
    column = infer(every_kind.select(["job"]), np.array([0, 0, 1, 3]), 1).columns[0]

    assert column == Column("job", "category", ("cook",), other=True, unseen=3 / 6)


@pytest.mark.parametrize(
    ("values", "type_"),
    [([[1], [2]], "list"), ([{"a": 1}, {"a": 2}], "struct"), ([b"a", b"b"], "binary")],
)
def test_nested_and_binary_columns_are_refused_by_name(values, type_):
    """What is no column of a table is refused, with its name, its type and a hint."""
    table = pa.table({"age": [1, 2], "odd": values})

    with pytest.raises(DataError, match=f"(?s)column 'odd' holds values of type {type_}.*Hint"):
        infer(table, np.arange(2), 64)


def test_two_columns_of_one_name_are_refused():
    """A name must identify a column."""
    table = pa.table([[1], [2]], names=["a", "a"])

    with pytest.raises(DataError, match="several columns 'a'"):
        infer(table, np.arange(1), 64)


def holders(array):
    """The array as it is, and as sparse matrices."""
    return [array, sparse.csr_matrix(array), sparse.csr_array(array)]


@pytest.mark.parametrize("which", range(3))
def test_arrays_have_numbered_columns(which):
    """Columns of arrays are x0, x1, …; gaps are found in training rows only."""
    array = np.array([[1, 0, np.nan], [np.nan, 0, np.nan], [3, np.nan, np.nan]])

    schema = infer(holders(array)[which], np.array([0, 1]), 64)

    missing = [column.has_missing for column in schema.columns]
    assert schema.names == ["x0", "x1", "x2"]
    assert missing == [True, False, False]
    assert (schema.named, schema.shape) == (False, (3,))


def test_images_keep_their_shape():
    """Rows of images are described by height and width, and by as many columns."""
    schema = infer(np.zeros((5, 2, 3), np.uint8), np.arange(5), 64)

    assert schema.shape == (2, 3)
    assert schema.names == [f"x{index}" for index in range(6)]


def streamed(rows):
    """Return rows as if they were read when they are needed."""

    def read(size):
        """Yield the rows, `size` at a time."""
        for start in range(0, rows.shape[0], size):
            stop = min(start + size, rows.shape[0])
            yield (
                rows.slice(start, stop - start) if isinstance(rows, pa.Table) else rows[start:stop]
            )

    return Streamed(rows.shape[0], rows[:0], read)


def test_roots_are_of_numbers_only():
    """Numbers that are never negative have moments and bins of their roots; others stay."""
    days = np.datetime64("2020-01-01") + np.arange(90)
    amounts = np.arange(90.0) ** 2
    table = pa.table({"a": amounts, "b": amounts - 1, "c": days, "d": amounts > 9, "e": amounts})
    asked = {"max_categories": 20, "n_bins": (4, 32)}
    plain, rooted = (statistics(table, **asked, sqrt_transform=roots) for roots in (False, True))

    assert (plain.roots, rooted.roots) == ((), (0, 4))
    assert rooted.moments.mean[[0, 4]] == pytest.approx(np.arange(90).mean())
    np.testing.assert_array_equal(rooted.moments.mean[1:4], plain.moments.mean[1:4])
    assert rooted.bins[0].columns[0][-1] == pytest.approx(89)
    np.testing.assert_array_equal(rooted.bins[0].columns[1], plain.bins[0].columns[1])


@pytest.mark.parametrize("roots", [False, True])
@pytest.mark.parametrize("kind", ["table", "array"])
def test_rows_that_are_read_piece_by_piece_say_the_same(kind, roots, monkeypatch):
    """Schema, moments and bins of a stream are, bit for bit, those of the rows in memory."""
    monkeypatch.setattr(rows_module, "_MOST", 100)
    random = np.random.default_rng(0)
    array = random.normal(size=(1000, 3))
    array[:, 2] = np.abs(array[:, 2])
    array[random.random(array.shape) < 0.1] = np.nan
    weight = random.integers(0, 3, 1000).astype(float)
    table = pa.table(
        {
            "a": pa.array(array[:, 2], from_pandas=True),
            "b": [f"v{number}" for number in random.integers(90, size=1000)],
            "c": pa.array(np.datetime64("2020-01-01") + random.integers(1000, size=1000)),
        }
    )
    rows = table if kind == "table" else array
    asked = {"max_categories": 20, "n_bins": (4, 32), "sqrt_transform": roots}

    whole = statistics(rows, weight, **asked)
    parts = statistics(streamed(rows), weight, **asked)

    assert parts.schema == whole.schema
    assert parts.roots == whole.roots
    assert bool(whole.roots) == roots
    assert parts.moments.mean.tobytes() == whole.moments.mean.tobytes()
    assert parts.moments.squares.tobytes() == whole.moments.squares.tobytes()
    assert all(
        a.values.tobytes() == b.values.tobytes()
        for a, b in zip(parts.bins, whole.bins, strict=True)
    )
    assert whole.schema != statistics(rows[:100], weight[:100], **asked).schema or kind == "array"


def test_integers_are_never_rounding():
    """Codes near each other are two values as integers, and as numbers of float32 one, up to rounding."""
    codes = np.tile([2**30, 2**30 + 128], 20)

    for rows in (codes[:, None], pa.table({"code": codes})):
        assert statistics(rows, max_categories=9).constant.tolist() == [False]
    for rows in (codes[:, None].astype(np.float32), pa.table({"code": codes.astype(np.float32)})):
        assert statistics(rows, max_categories=9).constant.tolist() == [True]
