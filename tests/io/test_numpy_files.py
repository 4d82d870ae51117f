""".npy and .npz files: rows and labels, never unpickled."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest

from epochal.errors import ColumnError, DataError, SourceError
from epochal.io import numpy_files

_ROWS = np.arange(12.0).reshape(4, 3)


@pytest.fixture
def save(tmp_path):
    """Return a function that saves one array, or several by name, and gives the path."""

    def _save(array=None, name="a", **named):
        path = tmp_path / (f"{name}.npz" if named else f"{name}.npy")
        np.savez(path, **named) if named else np.save(path, array)
        return path

    return _save


@pytest.mark.parametrize(("target", "column"), [("0", 0), ("2", 2), ("-1", 2), ("-3", 0)])
def test_target_is_a_column_number(save, target, column):
    """The column of that number becomes the labels, whole numbers as integers."""
    path = save(_ROWS)
    rows, labels = numpy_files.read(path, target)
    assert labels.dtype == np.int64
    assert labels.tolist() == _ROWS[:, column].tolist()
    assert np.array_equal(rows, np.delete(_ROWS, column, 1))
    parts = list(numpy_files.batches(path, 3, target))
    assert np.array_equal(np.concatenate([block for block, _ in parts]), rows)
    assert np.array_equal(np.concatenate([label for _, label in parts]), labels)


def test_missing_labels_stay_nan(save):
    """A gap in the target column leaves the labels numbers with NaN."""
    rows = _ROWS.copy()
    rows[1, 0] = np.nan
    assert np.isnan(numpy_files.read(save(rows), "0")[1]).tolist() == [False, True, False, False]


def test_without_target_there_are_no_labels(save):
    """Without a target all columns are rows."""
    rows, labels = numpy_files.read(save(_ROWS))
    assert labels is None
    assert np.array_equal(rows, _ROWS)


@pytest.mark.parametrize("target", ["3", "-4", "income", "1.0"])
def test_wrong_column_numbers_are_refused(save, target):
    """A column that is not there, or a name, is refused with the numbers that there are."""
    with pytest.raises(ColumnError, match="give a number from 0 to 2, or -1 for the last"):
        numpy_files.read(save(_ROWS), target)


def test_images_have_no_target_column(save):
    """Images alone have no labels to be had by number."""
    with pytest.raises(ColumnError, match="save rows and labels together in a .npz"):
        numpy_files.read(save(np.zeros((2, 4, 4))), "0")


def test_npy_is_mapped_not_loaded(save):
    """Batches are copied out of the mapped file one at a time, also in column order."""
    for order in ("C", "F"):
        path = save(np.asarray(_ROWS, order=order))
        blocks = [block for block, _ in numpy_files.batches(path, 3)]
        assert [len(block) for block in blocks] == [3, 1]
        assert not any(isinstance(block, np.memmap) for block in blocks)
        assert np.array_equal(np.concatenate(blocks), _ROWS)


@pytest.mark.parametrize("save_all", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_is_read_on_not_loaded(tmp_path, monkeypatch, save_all, order):
    """Blocks of rows of a .npz file are read one by one, but for those that lie by column."""
    rows = np.arange(60, dtype=">f4").reshape(10, 3, 2)
    save_all(tmp_path / "a.npz", X=np.asarray(rows, order=order), y=np.arange(10))
    loaded = []
    load = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(
        np.lib.npyio.NpzFile, "__getitem__", lambda file, key: loaded.append(key) or load(file, key)
    )
    blocks = list(numpy_files.batches(tmp_path / "a.npz", 4))
    assert loaded == (["y"] if order == "C" else ["X", "y"])
    assert [len(block) for block, _ in blocks] == [4, 4, 2]
    assert np.array_equal(np.concatenate([block for block, _ in blocks]), rows)
    assert np.concatenate([labels for _, labels in blocks]).tolist() == list(range(10))
    assert {(block.dtype.isnative, block.flags.writeable) for block, _ in blocks} == {(True, True)}


def test_foreign_byte_order_becomes_native(save):
    """Big-endian numbers are turned into the machine's own."""
    rows, _ = numpy_files.read(save(_ROWS.astype(">f4")))
    assert rows.dtype == np.float32
    assert np.array_equal(rows, _ROWS)


@pytest.mark.parametrize(
    ("names", "target", "expected"),
    [
        (("X", "y"), None, ("X", "y")),
        (("x_train", "y_train", "x_test", "y_test"), None, ("x_train", "y_train")),
        (("x_train", "y_train", "x_test", "y_test"), "y_test", ("x_test", "y_test")),
        (("images", "labels"), "labels", ("images", "labels")),
        (("arr_0", "arr_1"), None, ("arr_0", "arr_1")),
        (("measurements", "species"), "species", ("measurements", "species")),
        (("X", "species", "weight"), "species", ("X", "species")),
    ],
)
def test_arrays_are_found_by_name(save, names, target, expected):
    """Rows and labels are found by their usual names, or by the target's name."""
    named = {
        name: np.full((3, 2), k) if k % 2 == 0 else np.full(3, k) for k, name in enumerate(names)
    }
    for rows, labels in (
        numpy_files.read(save(**named), target),
        next(numpy_files.batches(save(**named), 3, target)),
    ):
        assert np.array_equal(rows, named[expected[0]])
        assert np.array_equal(labels, named[expected[1]])


def test_npz_target_may_be_a_column_number(save):
    """A file with rows alone takes the number of a column as target."""
    rows, labels = numpy_files.read(save(features=_ROWS), "-1")
    assert (rows.shape, labels.tolist()) == ((4, 2), [2, 5, 8, 11])


def test_unclear_names_are_refused(save):
    """Where it is not clear which array holds the rows, the names are listed."""
    with pytest.raises(SourceError, match="the arrays in it are: p, q"):
        numpy_files.read(save(p=_ROWS, q=_ROWS))


def test_labels_of_bytes_and_columns(save):
    """Labels saved as bytes become text, a single column one dimension."""
    assert (
        numpy_files.read(save(X=_ROWS, y=np.array([b"a", b"b"] * 2)))[1].tolist() == ["a", "b"] * 2
    )
    assert numpy_files.read(save(X=_ROWS, y=np.zeros((4, 1))))[1].shape == (4,)


def test_counts_must_agree(save):
    """More labels than rows are refused when streamed."""
    with pytest.raises(DataError, match="4 rows and 5 labels"):
        list(numpy_files.batches(save(X=_ROWS, y=np.zeros(5)), 2))


class Bomb:
    """What would run a command if it were unpickled."""

    def __init__(self, marker: str) -> None:
        """Remember the folder to make."""
        self.marker = marker

    def __reduce__(self):
        """Return the call that unpickling would make."""
        return os.mkdir, (self.marker,)


def test_nothing_is_unpickled(tmp_path):
    """Files with pickled objects are refused, and the code in them does not run."""
    marker = tmp_path / "ran"
    objects = np.array([[Bomb(str(marker))]], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", X=objects, y=objects)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(SourceError, match="never unpickles"):
            numpy_files.read(tmp_path / name)
        with pytest.raises(SourceError, match="never unpickles"):
            list(numpy_files.batches(tmp_path / name, 1))
    assert not marker.exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert marker.exists(), "the bomb is none, and the test proves nothing"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), "has 1 dimensions; expected 2"),
        (np.zeros((1, 1, 1, 1, 1)), "has 5 dimensions"),
        (np.array([["a"]]), "is of type <U1; expected numbers"),
        (np.zeros((2, 2), complex), "is of type complex128"),
        (np.zeros(2, [("a", "f4")]), "is of type"),
    ],
)
def test_other_arrays_are_refused(save, array, message):
    """Anything but an array of numbers in two to four dimensions is refused by name."""
    with pytest.raises(SourceError, match=message):
        numpy_files.read(save(array))
    with pytest.raises(SourceError, match=message):
        numpy_files.read(save(X=array, y=np.zeros(2)))


def test_damage_is_an_error_of_ours(save, read_damaged):
    """A file cut short, or with a byte changed, is read as something or refused; no more."""

    def read(path):
        numpy_files.read(path)
        list(numpy_files.batches(path, 2))

    for path in (save(_ROWS), save(X=_ROWS, y=np.zeros(4))):
        read_damaged(path, 11, read)


def test_a_header_that_numpy_cannot_take_apart_is_damage(save):
    """NumPy lets an error of Python's tokeniser through where a bracket does not close."""
    path = save(_ROWS)
    path.write_bytes(path.read_bytes().replace(b")", b" ", 1))

    with pytest.raises(SourceError, match="EOF in multi-line statement") as caught:
        numpy_files.read(path)
    assert "copy or download it again" in str(caught.value)


HEADERS = {
    "a size beyond 64 bits": "{'descr': '<f8', 'fortran_order': False, 'shape': (10**0 + 2**70, 3)}",
    "a large size": "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
    "a size that is a text": "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 'a')}",
    "a size that is a fraction": "{'descr': '<f8', 'fortran_order': False, 'shape': (4.0, 3)}",
    "no dimensions": "{'descr': '<f8', 'fortran_order': False, 'shape': ()}",
    "more than the file": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3)}",
    "a type of numbers": "{'descr': 1, 'fortran_order': False, 'shape': (4, 3)}",
    "a type with an error of syntax": "{'descr': '(8,', 'fortran_order': False, 'shape': (4, 3)}",
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_of_nonsense_is_refused(save, kind):
    """Whatever NumPy raises for it, of a file and of an archive, at once and in batches."""
    header = HEADERS[kind].encode()
    array = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(96)
    alone, among = save(_ROWS), save(X=_ROWS, y=np.zeros(4))
    alone.write_bytes(array)
    with zipfile.ZipFile(among, "w") as archive:
        archive.writestr("X.npy", array)
    for path in (alone, among):
        with pytest.raises(SourceError):
            numpy_files.read(path)
        with pytest.raises(SourceError):
            list(numpy_files.batches(path, 2))


@pytest.mark.parametrize("name", ["X.npy", "y.npy"])
def test_an_entry_that_is_no_array_is_refused(save, name):
    """NumPy returns its bytes, which have no type."""
    path = save(X=_ROWS, y=np.zeros(4))
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in (entries | {name: b"no array"}).items():
            archive.writestr(entry, content)
    for read in (numpy_files.read, lambda path: list(numpy_files.batches(path, 2))):
        with pytest.raises(SourceError, match="is no array|the magic string is not correct"):
            read(path)


def test_labels_without_dimensions_are_refused(save):
    """A single number is no label per row."""
    path = save(X=_ROWS, y=np.array(1.0))
    for read in (numpy_files.read, lambda path: list(numpy_files.batches(path, 2))):
        with pytest.raises(SourceError, match="'y' in .* has 0 dimensions"):
            read(path)


@pytest.mark.parametrize("save_all", [np.savez, np.savez_compressed])
def test_damage_shows_in_batches(tmp_path, read_damaged, save_all):
    """A damaged .npz file that is read on is refused as such, or read as something."""
    path = tmp_path / "a.npz"
    save_all(path, X=np.arange(60.0).reshape(20, 3), y=np.arange(20))
    read_damaged(path, 7, lambda path: list(numpy_files.batches(path, 6)))
