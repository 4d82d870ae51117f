"""File discovery: from a path (file, folder or pattern) to files and their format."""

from __future__ import annotations

import glob
import os
import shlex
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from epochal.errors import MissingFileError, SourceError
from epochal.io import idx, images
from epochal.io.hive import is_partition
from epochal.io.opened_data import NamedFile, OpenedData, ending_of, named_file
from epochal.io.opening import missing, reading
from epochal.io.pipes import STANDARD_INPUT, ignore_waiting, is_piped, piped, standard_input

if TYPE_CHECKING:
    from collections.abc import Callable

# The format of a file by the suffix of its name; text may also end in .gz.
SUFFIXES = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".npy": "arrays",
    ".npz": "arrays",
    ".idx": "idx",
    **dict.fromkeys(images.ENDINGS, "pictures"),
}
# The formats that `--format` accepts, with their suffix; and the suffix for pipes by default.
FORMATS = {
    "csv": ".csv",
    "tsv": ".tsv",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "npy": ".npy",
    "npz": ".npz",
    "idx": ".idx",
}
PIPED = FORMATS["csv"]
# The suffix of models, which may be in the same folder as data.
MODEL = ".epochal"
_COMPRESSIBLE = ("text", "idx")
_FORMAT_HINT = "rename or convert it, or name its format on the command line: --format csv"
_KNOWN = "one of .csv .tsv .txt (.gz) .parquet .arrow .feather .ipc .npy .npz .png .jpg, or IDX"


def format_of(path: PurePath) -> str | None:
    """Return the format of a file by its name, or None.

    >>> format_of(PurePath("a.CSV.gz")), format_of(PurePath("train-images-idx3-ubyte"))
    ('text', 'idx')
    >>> format_of(PurePath("a.parquet.gz"))
    """
    name = path.name.lower()
    if isinstance(path, NamedFile):
        return SUFFIXES.get(ending_of(path))
    if idx.NAME.search(name):
        return "idx"
    form = SUFFIXES.get(ending_of(path))
    return form if not name.endswith(".gz") or form in _COMPRESSIBLE else None


def is_data(path: str) -> bool:
    """Whether a path is data by its name: a file of a known format, a folder, a pattern, a pipe.

    >>> is_data("people.csv"), is_data("parts/*"), is_data("people.epochal")
    (True, True, False)
    """
    place = Path(path)
    with reading(place, "a file, a folder or a pattern"):
        if place.exists() and not place.is_dir():
            # A name with brackets is a file, if it exists, and no pattern.
            return format_of(place) is not None or is_piped(place)
        return format_of(place) is not None or glob.has_magic(path) or place.is_dir()


def open_data(
    path: str, form: str | None = None, waiting: Callable[[str], None] = ignore_waiting
) -> OpenedData:
    """Return the data at a path of the command line (`-` is standard input), with their files.

    Args:
        path: a file, a folder, a pattern, a pipe, or `-`.
        form: the format, one of FORMATS; None: by the suffixes of names.
        waiting: is called with the name of a pipe if it yields no data for a second.
    """
    ending = "" if form is None else FORMATS[form]
    if path == "-":
        parts: list[Path] = [standard_input(ending or PIPED, waiting)]
        return OpenedData(STANDARD_INPUT, parts, path)
    return OpenedData(path, discover(path, ending, waiting), path)


def discover(
    path: str, ending: str = "", waiting: Callable[[str], None] = ignore_waiting
) -> list[Path]:
    """Return the files at a path, all in one format that can be read.

    As `files_of`; the content of a pipe is copied to a file. `ending` is the suffix for names
    without a known one (and a .txt may be .tsv). Files of different formats are refused.
    """
    if isinstance(path, OpenedData):
        return list(path.parts)
    paths = files_of(path)
    with reading(Path(path), "a file, a folder or a pattern"):
        parts = [_readable(part, ending, waiting) for part in paths]
    return _of_one_format(parts, path)


def _readable(part: Path, ending: str, waiting: Callable[[str], None]) -> Path:
    """Return a part as a file that can be read several times, with the suffix of its format."""
    if is_piped(part):
        known = ending_of(part)
        return piped(part, known if known in SUFFIXES else ending or PIPED, waiting)
    return (
        named_file(part, ending) if ending and format_of(part) in {None, SUFFIXES[ending]} else part
    )


def files_of(path: str) -> list[Path]:
    """Return the files at a path: the file itself, or parts sorted by name.

    The parts of a folder are the files in it, those in its partitions (folders named
    `column=value`), or the images in its subfolders. The parts of a pattern (`parts/*.csv`, also
    `**`) are the files that match. Models and names that begin with a dot or an underscore are
    ignored.
    """
    place = Path(path)
    with reading(place, "a file, a folder or a pattern"):
        if place.is_dir():
            return _parts(place)
        if place.exists():
            return [place]
        if not glob.has_magic(path):
            raise missing(place)
        # Path.glob does not accept absolute patterns.
        paths = sorted(Path(name) for name in glob.glob(path, recursive=True))  # noqa: PTH207
        parts = [part for part in paths if _is_part(part)]
    if not parts:
        hint = "is the path right? in a shell, put the pattern into quotes"
        raise MissingFileError(f"no file fits the pattern {path}", "", hint)
    return parts


def _parts(folder: Path) -> list[Path]:
    """Return the files of a folder; if it has IDX files, the file of images."""
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as error:
        raise SourceError(f"{folder} may not be read: permission denied") from error
    files = [entry for entry in entries if _is_part(entry)]
    idx_images = idx.images_in(files)
    if len(idx_images) > 1:
        names = ", ".join(image.name for image in idx_images)
        hint = f"give one of the images files: {names}"
        raise SourceError(f"{folder} has {len(idx_images)} images files", "one", hint)
    if idx_images:
        return idx_images
    inside = [] if files else images.images_in_subfolders(folder)
    if inside:
        return inside
    files += [
        file for entry in entries if _is_visible_partition(entry) for file in _files_below(entry)
    ]
    if not files:
        inner = any(entry.is_dir() for entry in entries)
        pattern = shlex.quote(f"{folder}/**/*.parquet")
        hint = f"for parts in folders within it: {pattern}" if inner else ""
        raise SourceError(f"the folder {folder} has no files of data in it", _KNOWN, hint)
    return files


def _is_visible_partition(entry: Path) -> bool:
    """Return whether an entry is a folder named `column=value`."""
    return is_partition(entry) and not _is_hidden(entry) and entry.is_dir()


def _files_below(folder: Path) -> list[Path]:
    """Return the files in a folder and in all folders within it, by their paths."""

    def refuse(error: OSError) -> None:
        """Refuse a folder that cannot be read, as its rows would be missing."""
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error

    paths = []
    for inner, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _is_hidden(Path(name))]
        paths += [file for name in names if _is_part(file := Path(inner) / name)]
    return sorted(paths)


def _of_one_format(parts: list[Path], where: str) -> list[Path]:
    """Return the parts if all have the format of the first."""
    first = format_of(_known(parts[0], several=len(parts) > 1))
    for part in parts[1:]:
        if format_of(_known(part, several=True)) != first:
            problem = f"{where} has files of different formats: {parts[0].name} and {part.name}"
            raise SourceError(problem, "one format", _pattern_hint(parts[0]))
    return parts


def _known(path: Path, *, several: bool = False) -> Path:
    """Return the path if its name has the suffix of a format that can be read."""
    if format_of(path) is None:
        ending = f" by its ending {path.suffix!r}" if path.suffix else ": it has no ending"
        hint = _pattern_hint(path.with_suffix(".csv")) if several else _FORMAT_HINT
        raise SourceError(f"the format of {path} is not known{ending}", _KNOWN, hint)
    return path


def _pattern_hint(path: Path) -> str:
    """Return the hint to select files by a pattern."""
    return f"choose some of the files by a pattern, e.g. {shlex.quote(f'{path.parent}/*{path.suffix}')}"


def _is_hidden(path: Path) -> bool:
    """Return whether a file is hidden or metadata of a writer, like _SUCCESS."""
    return path.name.startswith((".", "_"))


def _is_part(entry: Path) -> bool:
    """Return whether an entry of a folder is a data file; refuse a pipe, as its rows would be missing."""
    if _is_hidden(entry) or entry.suffix == MODEL:
        return False
    if entry.is_symlink() and not entry.exists():
        raise missing(entry)
    if is_piped(entry):
        hint = "move it elsewhere, or give a pattern that leaves it out"
        raise SourceError(f"{entry} is a pipe or a device among files", "files only", hint)
    return entry.is_file()
