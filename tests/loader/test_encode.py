"""Encoded rows and their metadata are the same in memory and on disk."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.loader import encode as encoding_module
from epochal.loader.batches import ArraySource, LazySource
from epochal.loader.cache import PreprocessingCache
from epochal.loader.disk import StoredSource
from epochal.loader.encode import EncodingPlan, RowMetadata, encoded, subsampled
from epochal.loader.memory_items import Shares, Storage
from epochal.loader.memory_plan import NO_LIMIT, MemoryPlan
from epochal.loader.packed import PackedSource
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.tables import rows as rows_module

X = np.random.default_rng(0).normal(size=(500, 3))
METADATA = RowMetadata(
    np.random.default_rng(1).integers(0, 3, 500).astype(np.uint8),
    np.random.default_rng(2).random(500),
    np.random.default_rng(3).integers(0, 9, 500),
)
FIRST = np.random.default_rng(4).random(500) < 0.7
PREPROCESSOR = Preprocessor.fit(X, variance_epsilon=1e-8, clip=3.0, max_categories=64)


def limited(place, buffer=0):
    """Return a plan for a limited memory, with rows at a place."""
    return MemoryPlan(10**9, None, Shares(place, buffer=buffer))


# Rows on disk, of which 50 are in memory together; and all rows in memory.
TIGHT, AMPLE = limited(Storage.DISK, 50 * 12), limited(Storage.MEMORY)


def in_parts(rows, memory, random=None):
    """Return a part of the rows and the rest, encoded, in pieces of a few rows."""
    return encoded(rows, METADATA, [FIRST, ~FIRST], PREPROCESSOR, EncodingPlan(memory, random))


@pytest.fixture(autouse=True)
def _short_pieces(monkeypatch):
    """Cut rows into pieces of 64."""
    monkeypatch.setattr(rows_module, "_MOST", 64)


@pytest.mark.parametrize("memory", [NO_LIMIT, TIGHT, AMPLE], ids=["whole", "disk", "pieces"])
def test_rows_are_the_same_wherever_they_are(memory):
    """Features and metadata of rows do not depend on the memory limit."""
    for part, chosen in zip(in_parts(X, memory), (FIRST, ~FIRST), strict=True):
        expected = PREPROCESSOR.encode(X[chosen])

        np.testing.assert_array_equal(part.source.take(np.arange(chosen.sum())), expected)
        np.testing.assert_array_equal(part.metadata.labels, METADATA.labels[chosen])
        np.testing.assert_array_equal(part.metadata.weight, METADATA.weight[chosen])
        np.testing.assert_array_equal(part.metadata.groups, METADATA.groups[chosen])


def test_all_rows_are_encoded_without_a_copy_of_them(monkeypatch, rng):
    """Memory holds the encoded rows, and little else."""
    monkeypatch.setattr(rows_module, "_MOST", 2**12)
    x = rng.normal(size=(40_000, 50)).astype(np.float32)
    preprocessor = Preprocessor.fit(x, variance_epsilon=1e-8, clip=3.0, max_categories=64)
    metadata, every = (
        RowMetadata(np.zeros(len(x), np.uint8), np.ones(len(x))),
        np.ones(len(x), bool),
    )

    tracemalloc.start()
    (part,) = encoded(x, metadata, [every], preprocessor, EncodingPlan(NO_LIMIT))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1.8 * part.source.x.nbytes


def test_what_is_known_goes_with_rows_that_are_dealt():
    """On disk rows lie in a random order, and their labels, weights and groups with them."""
    first, rest = in_parts(X, TIGHT, np.random.default_rng(1))
    x = first.source.take(np.arange(FIRST.sum()))
    number = {row.tobytes(): i for i, row in enumerate(PREPROCESSOR.encode(X))}
    rows = np.array([number[row.tobytes()] for row in x])

    assert sorted(rows) == np.flatnonzero(FIRST).tolist()
    assert (np.diff(rows) < 0).any()
    np.testing.assert_array_equal(first.metadata.labels, METADATA.labels[rows])
    np.testing.assert_array_equal(first.metadata.weight, METADATA.weight[rows])
    np.testing.assert_array_equal(first.metadata.groups, METADATA.groups[rows])
    assert isinstance(rest.source, ArraySource)


def test_where_rows_are_is_a_matter_of_memory():
    """Rows that fit stay in memory, others are on disk; sparse rows are encoded when they are read."""
    kinds = [type(in_parts(X, memory)[0].source) for memory in (NO_LIMIT, AMPLE, TIGHT)]

    assert kinds == [ArraySource, ArraySource, StoredSource]
    assert isinstance(in_parts(sparse.csr_array(X), NO_LIMIT)[0].source, LazySource)
    np.testing.assert_array_equal(
        in_parts(sparse.csr_array(X), TIGHT)[0].source.take(np.arange(5)),
        in_parts(X, NO_LIMIT)[0].source.take(np.arange(5)),
    )


@pytest.mark.parametrize("memory", [NO_LIMIT, TIGHT, AMPLE], ids=["whole", "disk", "pieces"])
def test_bytes_stay_bytes(memory, rng):
    """Rows of bytes are not encoded, wherever they are, unless features are more than they."""
    images = rng.integers(0, 256, (500, 2, 20), dtype=np.uint8)
    fixed = {"variance_epsilon": 1e-8, "clip": 3.0, "max_categories": 64}
    plain, bent = (Preprocessor.fit(images, **fixed, n_bins=bins) for bins in (None, (8, 8)))
    as_they_are, features = (
        encoded(images, METADATA, [FIRST, ~FIRST], each, EncodingPlan(memory))
        for each in (plain, bent)
    )

    for part, chosen in zip(as_they_are, (FIRST, ~FIRST), strict=True):
        x = part.source.take(np.arange(chosen.sum()))
        np.testing.assert_array_equal(x, images[chosen].reshape(-1, 40))
        assert x.dtype == np.uint8
    assert features[0].source.take(np.arange(1)).dtype == np.float32
    assert plain.encode(images).dtype == np.float32


def test_equal_weights_take_no_memory():
    """A weight that is the same for all rows stays one number."""
    metadata = METADATA._replace(weight=np.broadcast_to(1.0, 500))
    (part,) = encoded(X, metadata, [FIRST], PREPROCESSOR, EncodingPlan(TIGHT))

    assert part.metadata.weight.strides == (0,)
    assert part.metadata.weight.shape == (FIRST.sum(),)


def test_a_part_is_thinned_to_what_fits():
    """Every so-manieth row of the part stays, and none that is not in it."""
    few = subsampled(FIRST, row_bytes=12, max_bytes=12 * 50)

    assert few.sum() <= 50 < 2 * few.sum()
    assert not (few & ~FIRST).any()
    assert subsampled(FIRST, row_bytes=12, max_bytes=10**6) is FIRST


def test_categories_are_packed_where_room_is_short():
    """Rows that fit only when packed stay in memory so; others are packed on disk; all are the same."""
    table = pa.table({"size": X[:, 0], "job": [f"j{number}" for number in METADATA.groups * 3]})
    preprocessor = Preprocessor.fit(table, variance_epsilon=1e-8, clip=None, max_categories=64)
    expected = preprocessor.encode(table.filter(pa.array(FIRST)))
    memories = [NO_LIMIT, AMPLE, limited(Storage.PACKED), TIGHT]

    parts = [
        encoded(table, METADATA, [FIRST], preprocessor, EncodingPlan(memory))[0].source
        for memory in memories
    ]

    assert [type(part) for part in parts] == [ArraySource] * 2 + [PackedSource] * 2
    assert [type(part.source) for part in parts[2:]] == [ArraySource, StoredSource]
    for part in parts:
        assert part.take(np.arange(FIRST.sum())).tobytes() == expected.tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_rows_on_disk_are_kept_and_not_encoded_again(tmp_path, packed):
    """The cache returns the same parts; for another origin or size it returns nothing."""
    table = pa.table({"size": X[:, 0], "job": [f"j{number}" for number in METADATA.groups * 3]})
    rows = table if packed else X
    preprocessor = Preprocessor.fit(rows, variance_epsilon=1e-8, clip=None, max_categories=64)
    metadata = METADATA._replace(weight=np.broadcast_to(2.0, 500), groups=None)
    place = EncodingPlan(
        TIGHT, np.random.default_rng(0), PreprocessingCache.of(str(tmp_path), "data")
    )
    first = encoded(rows, metadata, [FIRST, ~FIRST], preprocessor, place)
    nothing = rows.slice(0, 0) if packed else X[:0]

    again = encoded(nothing, metadata, [FIRST, ~FIRST], preprocessor, place)
    for mine, its in zip(first, again, strict=True):
        numbers = np.arange(mine.source.n_rows)
        assert mine.source.take(numbers).tobytes() == its.source.take(numbers).tobytes()
        np.testing.assert_array_equal(mine.metadata.labels, its.metadata.labels)
        assert its.metadata.weight.strides == (0,)
        assert its.metadata.groups is None
    (rows_file,) = tmp_path.glob("*.rows")
    rows_file.write_bytes(rows_file.read_bytes()[:-4])
    anew = encoded(rows, metadata, [FIRST, ~FIRST], preprocessor, place)
    assert anew[1].source.x.tobytes() == first[1].source.x.tobytes()


def test_rows_on_disk_take_no_memory_of_their_size(monkeypatch):
    """If the encoded rows do not fit into memory, nothing of their size is allocated."""
    asked = []
    with_capacity = encoding_module.with_capacity
    monkeypatch.setattr(
        encoding_module, "with_capacity", lambda *of: asked.append(of) or with_capacity(*of)
    )
    everything = np.ones(500, bool)

    encoded(X, METADATA, [everything], PREPROCESSOR, EncodingPlan(TIGHT))
    assert (500, 3) not in [of[:2] for of in asked]
    encoded(X, METADATA, [everything], PREPROCESSOR, EncodingPlan(AMPLE))
    assert (500, 3) in [of[:2] for of in asked]
