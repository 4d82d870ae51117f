"""Order and batches: every row once, new orders, short batches, segments."""

import importlib
import pkgutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epochal.loader
from epochal.errors import SettingError
from epochal.loader.batches import ArraySource, Epochs, LazySource, RowSource
from epochal.loader.disk import DiskLayout, Store, StoredSource, stored_in
from epochal.loader.packed import PackedSource
from epochal.preprocessing.packing import Packing
from epochal.tables.rows import bucket, with_capacity

GOLDEN = [6, 8, 2, 4, 3, 0, 9, 1, 5, 7]


def order(seed, epoch, rows):
    """Return the order of the rows in an epoch."""
    return seen(epochs(rows, rows, seed=seed).segments(epoch))


def epochs(rows, batch_size, *, features=3, members=2, segment_bytes=2**20, seed=0, shuffle=True):
    """Return epochs over rows whose first feature and label are the row's number."""
    x = np.tile(np.arange(rows, dtype=np.float32)[:, None], (1, features))
    return Epochs(
        source=ArraySource(x),
        labels=np.arange(rows, dtype=np.int32),
        weights=lambda numbers: np.stack([numbers + 1.0] * members).astype(np.float32),
        batch_size=batch_size,
        seed=seed,
        shuffle=shuffle,
        segment_bytes=segment_bytes,
    )


def seen(segments):
    """Return the rows of the segments' batches in order, without padding."""
    return np.concatenate([segment.y[: segment.rows] for segment in segments])


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 300),
    batch_size=st.integers(1, 64),
    segment_bytes=st.integers(1, 4000),
    epoch=st.integers(0, 5),
)
def test_every_row_exactly_once(rows, batch_size, segment_bytes, epoch):
    """An epoch holds each row once, its batches are full but the last, and weights follow rows."""
    ours = epochs(rows, min(batch_size, rows), segment_bytes=segment_bytes)
    segments = list(ours.segments(epoch))
    counts = np.concatenate([segment.counts[: segment.batches] for segment in segments])

    assert sorted(seen(segments)) == list(range(rows))
    assert (counts[:-1] == ours.batch_size).all()
    assert counts.sum() == rows
    assert [segment.ends for segment in segments] == [0] * (len(segments) - 1) + [1]
    for segment in segments:
        np.testing.assert_array_equal(segment.x[: segment.rows, 0], segment.y[: segment.rows])
        np.testing.assert_array_equal(
            segment.weights[1, : segment.rows], segment.y[: segment.rows] + 1
        )
        assert not segment.weights[:, segment.rows :].any()


def test_a_hundred_thousand_rows_in_batches_of_a_thousand():
    """The textbook's case: 100 batches, each row once, another order in the next epoch."""
    ours = epochs(100_000, 1_000)
    first, second = seen(ours.segments(0)), seen(ours.segments(1))

    assert ours.batches == 100
    assert (np.sort(first) == np.arange(100_000)).all()
    assert (np.sort(second) == np.arange(100_000)).all()
    assert (first == second).mean() < 0.001


def test_segments_are_the_epoch_cut_in_pieces():
    """However small the segments, the rows come in the same order."""
    whole, pieces = epochs(100, 8), epochs(100, 8, segment_bytes=200)
    segments = list(pieces.segments(2))

    assert len(segments) > 3
    np.testing.assert_array_equal(seen(whole.segments(2)), seen(segments))
    assert [segment.first_batch for segment in segments] == list(
        range(0, pieces.batches, pieces.capacity)
    )


def test_the_order_is_a_function_of_seed_and_epoch():
    """The same seed and epoch give the same order; another seed or epoch another one."""
    base = order(1, 2, 1000)

    np.testing.assert_array_equal(base, order(1, 2, 1000))
    assert not np.array_equal(base, order(1, 3, 1000))
    assert not np.array_equal(base, order(2, 2, 1000))


def test_ten_shuffled_rows():
    """The order of ten rows never changes: continued trainings rely on it."""
    assert order(0, 0, 10).tolist() == GOLDEN


def test_without_shuffling_rows_come_as_they_are():
    """shuffle=False keeps the order of the rows in every epoch."""
    ours = epochs(10, 4, shuffle=False)

    assert seen(ours.segments(0)).tolist() == seen(ours.segments(1)).tolist() == list(range(10))


def test_the_stream_goes_on():
    """The stream from epoch 3 to 5 begins with epoch 3 and ends with epoch 4."""
    ours = epochs(20, 4)
    first, second = ours.stream(3, 5)

    assert [first.epoch, second.epoch] == [3, 4]
    np.testing.assert_array_equal(seen([second]), order(0, 4, 20))


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(1, 40), batch_size=st.integers(1, 16), epochs_per_segment=st.integers(2, 6))
def test_a_segment_of_several_epochs_is_theirs_one_after_the_other(
    rows, batch_size, epochs_per_segment
):
    """Split by epoch, a segment has the rows, weights and counts of each; sums are by epoch."""
    ours = epochs(rows, min(batch_size, rows))
    several = ours.segmented(epochs_per_segment)
    (segment,) = several.segments(3, epochs_per_segment)
    parts, size = list(segment.split_epochs()), ours.batch_size

    assert (segment.ends, segment.rows, segment.batches) == (
        epochs_per_segment,
        rows,
        epochs_per_segment * ours.batches,
    )
    for number, (part, sums) in enumerate(
        zip(parts, segment.by_epoch(segment.weights), strict=True)
    ):
        (alone,) = ours.segments(3 + number)
        assert (part.epoch, part.ends, part.batches) == (3 + number, 1, alone.batches)
        np.testing.assert_array_equal(part.counts[: part.batches], alone.counts[: part.batches])
        # Padding is the first row, which is 0 here.
        for mine, theirs in zip((part.x[part.order], part.y), (alone.x, alone.y), strict=True):
            np.testing.assert_array_equal(
                mine[: part.batches * size], theirs[: part.batches * size]
            )
        np.testing.assert_array_equal(
            part.weights[:, : part.batches * size], alone.weights[:, : part.batches * size]
        )
        np.testing.assert_array_equal(sums, alone.weights.sum(axis=1))
        np.testing.assert_array_equal(part.by_epoch(part.weights), [sums])


def test_epochs_share_a_segment_only_if_they_fit():
    """A segment holds as many of ten epochs as fit, and the last segment fewer."""
    ours = epochs(20, 4, segment_bytes=20 * 4 * (3 + 1) * 3).segmented(10)

    one_left = list(ours.stream(0, 7))

    assert ours.epochs_per_segment == 3
    assert [segment.ends for segment in one_left] == [3, 3, 1]
    assert all(segment.x is ours.table for segment in one_left)
    assert [segment.ends for segment in ours.stream(0, 8)] == [3, 3, 2]
    assert epochs(20, 4, segment_bytes=1).segmented(10).epochs_per_segment == 1


def test_epochs_of_rows_that_are_read_in_blocks_do_not_share_a_segment():
    """Their order depends on the blocks, and differs from that of a table of all rows."""
    ours = epochs(20, 4)
    blocks = SimpleNamespace(n_rows=20, n_features=3, random_access=False)

    assert ours.segmented(5).epochs_per_segment == 5
    assert replace(ours, source=blocks).segmented(5).epochs_per_segment == 1


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 60),
    batch_size=st.integers(1, 16),
    segment_bytes=st.integers(1, 4000),
    min_indexed_rows=st.integers(0, 100),
)
def test_rows_in_place_are_those_that_would_be_gathered(
    rows, batch_size, segment_bytes, min_indexed_rows
):
    """Segments with row numbers hold the same batches, within the same bounds."""
    gathered = epochs(rows, min(batch_size, rows), segment_bytes=segment_bytes)
    x = with_capacity(rows, 3)
    x[:] = gathered.source.x
    ours = replace(gathered, source=ArraySource(x)).segmented(
        1, in_place=True, min_indexed_rows=min_indexed_rows
    )

    mine, theirs = list(ours.segments(2)), list(gathered.segments(2))

    assert len(ours.table) == bucket(rows)
    assert np.shares_memory(ours.table, x)
    for segment in mine:
        assert segment.x is ours.table
        numbers = segment.order[: segment.rows]
        np.testing.assert_array_equal(segment.x[numbers, 0], segment.y[: segment.rows])
        np.testing.assert_array_equal(
            segment.weights[1, : segment.rows], segment.y[: segment.rows] + 1
        )
        assert not segment.weights[:, segment.rows :].any()
        assert not segment.order[segment.rows :].any()
    np.testing.assert_array_equal(seen(mine), seen(theirs))
    np.testing.assert_array_equal(
        np.concatenate([segment.counts[: segment.batches] for segment in mine]),
        np.concatenate([segment.counts[: segment.batches] for segment in theirs]),
    )
    size = ours.batch_size
    assert ours.capacity >= gathered.capacity
    assert ours.capacity * size <= max(
        gathered.capacity * size, min(min_indexed_rows, segment_bytes // (4 * (2 + ours.members)))
    )


def test_rows_without_room_behind_them_are_gathered():
    """Rows in the memory of another array, or for a device with its own memory, are gathered too."""
    x = with_capacity(20, 3)
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for source in (ArraySource(rows), ArraySource(rows[:15]), ArraySource(x[3:18])):
        assert replace(epochs(20, 4), source=source).segmented(1, in_place=True).table is None
    assert replace(epochs(20, 4), source=ArraySource(x)).segmented(1).table is None


def test_a_lazy_source_encodes_what_is_taken():
    """A lazy source encodes only the rows that are read."""
    asked = []

    def encode(rows):
        asked.append(len(rows))
        return rows[:, None].astype(np.float32)

    source = LazySource(100, 1, encode)

    np.testing.assert_array_equal(source.take(np.array([7, 3])), [[7], [3]])
    assert asked == [2]


ROWS, CODES = 103, 3


def table():
    """Return rows whose last features are one-hot encoded."""
    numbers = np.arange(ROWS, dtype=np.float32)[:, None]
    return np.hstack([numbers, -numbers, np.eye(CODES, dtype=np.float32)[np.arange(ROWS) % CODES]])


def in_file(x, folder):
    """Return the rows of a file whose blocks are drawn by a seed."""
    store = Store(DiskLayout(len(x), x.shape[1], 7, x.dtype), str(folder), np.random.default_rng(5))
    store.write(x)
    return store.source()


def in_cache(x, folder):
    """Return the rows of a file that was kept."""
    (folder / "rows").write_bytes(x.tobytes())
    source = stored_in(folder / "rows", DiskLayout(len(x), x.shape[1], 7, x.dtype))
    assert source is not None
    return source


def packed(place):
    """Return a function that returns packed rows in another place."""
    packing = Packing(2 + CODES, ((2, CODES),))
    return lambda x, folder: PackedSource(place(packing.packed(x), folder), packing)


def in_memory(x, _):
    """Return the rows of an array."""
    return ArraySource(x)


# Every kind of source, made from rows and a folder.
SOURCES = {
    "in memory": in_memory,
    "encoded when read": lambda x, _: LazySource(*x.shape, lambda rows: x[rows]),
    "encoded when read, in blocks": lambda x, _: LazySource(
        *x.shape, lambda rows: x[rows], random_access=False
    ),
    "in a file": in_file,
    "in a kept file": in_cache,
    "packed": packed(in_memory),
    "packed, in a file": packed(in_file),
}


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("joint", [1, 2])
@pytest.mark.parametrize("name", SOURCES)
def test_stopped_after_any_batch_the_rest_is_the_same(name, joint, shuffle, tmp_path):
    """From any source, in any segments: a new source that begins at a later batch goes on as the old one did."""

    def streamed(*place):
        """Return the segments from a place on, of a source that is made anew."""
        one = Epochs(
            source=SOURCES[name](table(), tmp_path),
            labels=np.arange(ROWS, dtype=np.int32),
            weights=lambda rows: np.stack([rows + 1.0, rows % 5]).astype(np.float32),
            batch_size=8,
            seed=3,
            shuffle=shuffle,
            segment_bytes=4 * 8 * (table().shape[1] + 1) * (3 if joint == 1 else 40),
        ).segmented(joint, in_place=joint == 1)
        begin, batch = place or (2, 0)
        return list(one.stream(begin, 5, batch))

    whole = streamed()
    places = [(segment.epoch, segment.first_batch) for segment in whole]
    for k, place in enumerate(places):
        rest = streamed(*place)
        assert [(segment.epoch, segment.first_batch) for segment in rest] == places[k:]
        for one, other in zip(rest, whole[k:], strict=True):
            for part in ("x", "y", "weights", "counts"):
                np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
            np.testing.assert_array_equal(
                [] if one.order is None else one.order, [] if other.order is None else other.order
            )
    assert len(whole) >= 2


def test_the_law_has_every_kind_of_source(tmp_path):
    """A class that reads rows by number and by epoch is among the sources above."""
    modules = [
        importlib.import_module(f"epochal.loader.{module.name}")
        for module in pkgutil.iter_modules(epochal.loader.__path__)
    ]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and {"take", "epoch"} <= set(dir(kind))
    }

    assert kinds - {RowSource} == {type(make(table(), tmp_path)) for make in SOURCES.values()}
    assert StoredSource in kinds


def test_a_batch_where_no_segment_begins_is_refused():
    """Segments of other rows, or within another limit, have other beginnings."""
    one = epochs(20, 2, segment_bytes=4 * 4 * 6)
    assert [segment.first_batch for segment in one.stream(0, 1)][:2] == [0, 3]
    with pytest.raises(SettingError, match="continues at batch 2 of an epoch"):
        next(one.stream(0, 1, batch=2))
