"""Files, folders and patterns; and the formats that names say."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from epochal.errors import MissingFileError, SourceError
from epochal.io.discovery import discover, format_of


@pytest.fixture
def folder(tmp_path):
    """Return a function that makes a folder of empty files of these names."""

    def _folder(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return _folder


def names(paths):
    """Return the names of the paths."""
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.csv", "text"),
        ("a.CSV.GZ", "text"),
        ("a.b.tsv", "text"),
        ("a.parquet", "parquet"),
        ("a.feather", "arrow"),
        ("a.npz", "arrays"),
        ("train-images-idx3-ubyte.gz", "idx"),
        ("a.parquet.gz", None),
        ("a.xlsx", None),
        ("csv", None),
    ],
)
def test_format_by_name(name, found):
    """The ending determines the format, in upper and lower case."""
    assert format_of(PurePath(name)) == found


def test_folder_means_its_parts(folder):
    """A folder gives its files by name; hidden ones and bookkeeping are passed over."""
    place = folder("b.csv", "a.csv.gz", "_SUCCESS", ".b.csv.crc", "c.tsv")
    assert names(discover(str(place))) == ["a.csv.gz", "b.csv", "c.tsv"]


def test_pattern_means_what_fits(folder):
    """A pattern matches files, with ** also in subfolders."""
    place = folder("a.csv", "b.csv", "n.md", "deep/c.csv", "deep/_d.csv")
    assert names(discover(f"{place}/*.csv")) == ["a.csv", "b.csv"]
    assert names(discover(f"{place}/**/*.csv")) == ["a.csv", "b.csv", "c.csv"]


def test_names_with_brackets_are_names(folder):
    """An existing file is itself, even if its name could be a pattern."""
    assert names(discover(str(folder("a[1].csv") / "a[1].csv"))) == ["a[1].csv"]


@pytest.mark.parametrize("files", [("a.csv", "b.parquet"), ("a.csv", "notes.md")])
def test_mixed_folders_are_refused(folder, files):
    """Files of different formats, or of none, are refused with the pattern to choose some."""
    with pytest.raises(SourceError, match=r"choose some of the files by a pattern"):
        discover(str(folder(*files)))


def test_unknown_ending_is_refused(folder):
    """A single file of an unknown format is refused with the known ones."""
    with pytest.raises(SourceError, match="not known by its ending '.xlsx'; expected one of .csv"):
        discover(str(folder("a.xlsx") / "a.xlsx"))
    with pytest.raises(SourceError, match="it has no ending"):
        discover(str(folder("data") / "data"))


def test_empty_folder_is_refused(folder):
    """A folder without files is refused; one with folders gets the pattern for them."""
    place = folder("x/a.parquet")
    with pytest.raises(SourceError, match=r"for parts in folders within it"):
        discover(str(place))
    (place / "y").mkdir()
    with pytest.raises(SourceError, match=r"has no files of data in it"):
        discover(str(place / "y"))


def test_what_is_not_there_is_missing(tmp_path):
    """A path or pattern that fits nothing is a missing file."""
    for path in ("no.csv", "no*.csv", "no/no.csv"):
        with pytest.raises(MissingFileError):
            discover(str(tmp_path / path))


def test_folder_of_idx_files_means_the_training_images(folder):
    """Of MNIST's four files the training images are meant, whatever else lies beside."""
    kinds = [
        f"{part}-{kind}-ubyte"
        for part in ("t10k", "train")
        for kind in ("images-idx3", "labels-idx1")
    ]
    assert names(discover(str(folder(*kinds, "README.md")))) == ["train-images-idx3-ubyte"]


def test_folder_with_several_images_files_is_refused(folder):
    """Where none is the training part, one must be chosen."""
    with pytest.raises(SourceError, match="2 images files; expected one"):
        discover(str(folder("a-images-idx3-ubyte", "b-images-idx3-ubyte")))
