"""The store: every row once, at random, and the bytes that were written."""

import numpy as np
import pytest

from epochal.errors import SourceError, WriteError
from epochal.loader.disk import BLOCKS_IN_MEMORY, DiskLayout, Store

FEATURES = 3


def stored(rows, block_rows, *, seed=None, pieces=(7, 100, 1)):
    """Return a store of numbered rows and their places, written piece by piece."""
    random = None if seed is None else np.random.default_rng(seed)
    store = Store(DiskLayout(rows, FEATURES, block_rows), None, random)
    x = np.repeat(np.arange(rows, dtype=np.float32)[:, None], FEATURES, axis=1)
    places, start = [], 0
    while start < rows:
        size = pieces[len(places) % len(pieces)]
        places.append(store.write(x[start : start + size]))
        start += size
    return store.source(), np.concatenate(places)


@pytest.mark.parametrize(("rows", "block_rows"), [(1, 1), (10, 3), (500, 7), (300, 300)])
@pytest.mark.parametrize("seed", [None, 1])
def test_every_row_has_a_place_of_its_own(rows, block_rows, seed):
    """Places are a permutation, and at each is the row that was written there."""
    source, places = stored(rows, block_rows, seed=seed)

    assert sorted(places) == list(range(rows))
    np.testing.assert_array_equal(source.take(places)[:, 1], np.arange(rows))


def test_without_dealing_rows_stand_as_they_came():
    """Without random numbers the file is in the order of writing, and is read in it."""
    source, places = stored(500, 7)
    numbers = np.concatenate([part.numbers for part in source.epoch(None, 64)])

    np.testing.assert_array_equal(places, np.arange(500))
    np.testing.assert_array_equal(numbers, np.arange(500))


@pytest.mark.parametrize("most", [1, 10, 64, 499, 500, 10_000])
def test_an_epoch_has_every_row_once_in_pieces_of_one_size(most):
    """Numbers and features belong together; only the last piece is smaller."""
    source, places = stored(500, 7, seed=3)
    parts = list(source.epoch(np.random.default_rng(0), most))
    numbers = np.concatenate([part.numbers for part in parts])
    row_at = np.argsort(places)

    assert sorted(numbers) == list(range(500))
    assert {len(part.numbers) for part in parts[:-1]} <= {most}
    for part in parts:
        np.testing.assert_array_equal(part.x[:, 2], row_at[part.numbers])


def test_epochs_have_different_orders_and_one_seed_the_same():
    """The order is a function of the random numbers alone."""
    source, _ = stored(500, 7, seed=3)

    def order(seed):
        """Return the numbers of an epoch in order."""
        parts = source.epoch(np.random.default_rng(seed), 64)
        return np.concatenate([part.numbers for part in parts])

    np.testing.assert_array_equal(order(5), order(5))
    assert (order(5) == order(6)).mean() < 0.1


def test_any_block_is_a_fair_sample_of_sorted_rows():
    """Even if rows arrive sorted, each block is a random sample of both halves."""
    rows, block_rows = 20_000, 200
    _, places = stored(rows, block_rows, seed=0, pieces=(1000,))
    of_first_half = np.bincount(places[: rows // 2] // block_rows)
    # Hypergeometric: the mean is half of the block, the deviation about half of its root.
    deviation = (of_first_half - block_rows / 2) / np.sqrt(block_rows / 4)

    assert len(of_first_half) == rows // block_rows
    assert abs(deviation.mean()) < 1e-9
    assert 0.8 < deviation.std() < 1.2


def test_rows_that_are_used_together_are_others_in_every_epoch():
    """Blocks that share the buffer in one epoch do not in the next."""
    source, _ = stored(6400, 10, seed=0)
    firsts = [
        {*(next(source.epoch(np.random.default_rng(seed), BLOCKS_IN_MEMORY * 10)).numbers // 10)}
        for seed in range(2)
    ]

    assert len(firsts[0]) == BLOCKS_IN_MEMORY
    assert len(firsts[0] & firsts[1]) < 5


def test_a_disk_without_room_is_refused_before_anything_is_written():
    """The error says how much space is needed, how much there is, and what to do."""
    with pytest.raises(
        WriteError, match=r"(?s)room for .* MB; expected 4,000,000,000 MB for .*Hint: name a folder"
    ):
        Store(DiskLayout(10**12, 1000, 10**11), None, None)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """The folder is named."""
    with pytest.raises(WriteError, match="nowhere"):
        Store(DiskLayout(10, 1, 10), str(tmp_path / "nowhere"), None)


def test_a_disk_that_fills_up_is_told(tmp_path):
    """A failed write is reported with its cause, and leaves no file."""
    store = Store(DiskLayout(10, 1, 10), str(tmp_path), None)

    class Full:
        """A file on a full disk."""

        def seek(self, _):
            """Return nothing."""

        def write(self, _):
            """Refuse."""
            raise OSError(28, "No space left on device")

        def close(self):
            """Return nothing."""

    store.file = Full()
    with pytest.raises(WriteError, match="no space left"):
        store.write(np.zeros((5, 1), np.float32))
    assert not list(tmp_path.iterdir())


def test_a_store_that_was_cut_short_is_told():
    """Rows that are no longer there are no zeros."""
    source, _ = stored(100, 10)
    source.file.truncate(50)

    with pytest.raises(SourceError, match="cut short"):
        source.take(np.array([99]))


def test_nothing_is_left_in_the_folder(tmp_path):
    """The file has no name, so that even a killed process leaves nothing behind."""
    store = Store(DiskLayout(10, 1, 10), str(tmp_path), None)
    store.write(np.zeros((5, 1), np.float32))

    assert not list(tmp_path.iterdir())


def test_blocks_fill_the_buffer_together():
    """So many blocks as are read together take the bytes that they may."""
    layout = DiskLayout.within(10**6, 25, buffer=16 * 10**6)

    assert layout.block_rows == 10**4
    assert layout.sizes.sum() == 10**6
    assert DiskLayout.within(5, 25, buffer=1).block_rows == 1
