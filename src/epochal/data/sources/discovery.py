"""From a path (file, folder or pattern) to the files it means, and their format."""

from __future__ import annotations

import glob
import os
import shlex
from pathlib import Path, PurePath

from epochal.data.sources import idx, pictures
from epochal.data.sources.hive import is_partition
from epochal.data.sources.opening import missing
from epochal.errors import MissingFileError, SourceError

# The format of a file by the ending of its name; text may end in .gz besides.
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
    **dict.fromkeys(pictures.ENDINGS, "pictures"),
}
_COMPRESSIBLE = ("text", "idx")
_KNOWN = "one of .csv .tsv .txt (.gz) .parquet .arrow .feather .ipc .npy .npz .png .jpg, or IDX"


def format_of(path: PurePath) -> str | None:
    """Return the format that the name of a file says, or None.

    >>> format_of(PurePath("a.CSV.gz")), format_of(PurePath("train-images-idx3-ubyte"))
    ('text', 'idx')
    >>> format_of(PurePath("a.parquet.gz"))
    """
    name = path.name.lower()
    if idx.NAME.search(name):
        return "idx"
    plain = name.removesuffix(".gz")
    found = SUFFIXES.get(PurePath(plain).suffix)
    return found if plain == name or found in _COMPRESSIBLE else None


def is_data(path: str) -> bool:
    """Whether a path is, by its name, one of data: of a known format, a folder, or a pattern.

    >>> is_data("people.csv"), is_data("parts/*"), is_data("people.epochal")
    (True, True, False)
    """
    return bool(format_of(PurePath(path)) or glob.has_magic(path) or Path(path).is_dir())


def discover(path: str) -> list[Path]:
    """Return the files that a path means: the file itself, or parts in the order of their names.

    A folder means the files in it, those in its partitions (folders named `column=value`), or the
    pictures in the folders within it; a pattern (`parts/*.csv`, `**` too) those
    that fit; names that begin with a dot or an underscore are passed over.
    Files of different formats together are refused.
    """
    place = Path(path)
    if place.is_dir():
        return _parts(place)
    if place.exists():
        return [_known(place)]
    if not glob.has_magic(path):
        raise missing(place)
    # Path.glob takes no absolute pattern.
    found = sorted(Path(name) for name in glob.glob(path, recursive=True))  # noqa: PTH207
    parts = [part for part in found if part.is_file() and not _is_hidden(part)]
    if not parts:
        hint = "is the path right? in a shell, put the pattern into quotes"
        raise MissingFileError(f"no file fits the pattern {path}", "", hint)
    return _of_one_format(parts, path)


def _parts(folder: Path) -> list[Path]:
    """Return the files of a folder; of a folder with IDX files the images files."""
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as error:
        raise SourceError(f"{folder} may not be read: permission denied") from error
    files = [entry for entry in entries if entry.is_file() and not _is_hidden(entry)]
    images = idx.images_in(files)
    if len(images) > 1:
        names = ", ".join(image.name for image in images)
        hint = f"give one of the images files: {names}"
        raise SourceError(f"{folder} has {len(images)} images files", "one", hint)
    if images:
        return images
    inside = [] if files else pictures.pictures_in(folder)
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
    return _of_one_format(files, str(folder))


def _is_visible_partition(entry: Path) -> bool:
    """Return whether an entry is a folder named `column=value`."""
    return is_partition(entry) and not _is_hidden(entry) and entry.is_dir()


def _files_below(folder: Path) -> list[Path]:
    """Return the files in a folder and in all folders within it, by their paths."""

    def refuse(error: OSError) -> None:
        """Refuse a folder that cannot be read: its rows would be missing."""
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error

    found = []
    for inner, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _is_hidden(Path(name))]
        found += [Path(inner) / name for name in names if not _is_hidden(Path(name))]
    return sorted(found)


def _of_one_format(parts: list[Path], where: str) -> list[Path]:
    """Return the parts if all have the format of the first."""
    first = format_of(_known(parts[0], several=True))
    for part in parts[1:]:
        if format_of(_known(part, several=True)) != first:
            found = f"{where} has files of different formats: {parts[0].name} and {part.name}"
            raise SourceError(found, "one format", _pattern_hint(parts[0]))
    return parts


def _known(path: Path, *, several: bool = False) -> Path:
    """Return the path if its name says a format that can be read."""
    if format_of(path) is None:
        ending = f"its ending {path.suffix!r}" if path.suffix else "it has no ending"
        hint = _pattern_hint(path.with_suffix(".csv")) if several else "rename or convert it"
        raise SourceError(f"the format of {path} is not known by {ending}", _KNOWN, hint)
    return path


def _pattern_hint(path: Path) -> str:
    """Return the hint to choose files by a pattern."""
    return f"choose some of the files by a pattern, e.g. {shlex.quote(f'{path.parent}/*{path.suffix}')}"


def _is_hidden(path: Path) -> bool:
    """Return whether the file is bookkeeping of a system or a writer, like _SUCCESS."""
    return path.name.startswith((".", "_"))
