"""Streamed data sets, which may be larger than memory: the rows at a path, read in pieces in each pass.

Columns, types, values, labels and errors are those of `files.read` for the same data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.errors import ColumnError
from epochal.io import array_streams, files, images, table_streams
from epochal.io.accumulator import ColumnAccumulator, LabelColumn
from epochal.io.array_streams import ArrayPart
from epochal.io.discovery import discover, format_of
from epochal.io.hive import partitioned, partitions
from epochal.io.labelled import no_columns, no_labels
from epochal.io.multifile import shared_names
from epochal.io.scan import FileScan, digest_of, pieces, stamped
from epochal.io.typed_labels import spelled
from epochal.tables.origin import Origin
from epochal.tables.schema import refuse_unusable
from epochal.tables.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy as np

    from epochal.config.csv_options import CsvOptions
    from epochal.io.multifile import TableFormat
    from epochal.io.scan import Stamped


@dataclass(frozen=True)
class LabelledStream:
    """Labelled rows that are read in each pass, with their labels and extra columns.

    `values` are the sorted unique labels, in the type that the labels of `files.read` have; `codes`
    has the index of every row's label among them. `extra` has the values per row of each extra
    column. Numbers, booleans and dates are unchanged (float64 and NaN, or NaT, if some are missing).
    Other values are ranks (float64, NaN where missing) among the unique values of the column, from
    0; `ranked` names the columns of ranks. `source` names the data, `origin` the files; `dropped` is
    the number of rows without a label.
    """

    rows: Streamed
    values: np.ndarray
    codes: np.ndarray
    extra: dict[str, np.ndarray]
    source: str
    dropped: int
    origin: Origin
    ranked: frozenset[str] = frozenset()


def stream(  # noqa: PLR0913  (every way in which a column may be taken)
    path: str,
    target: str | None,
    *,
    extra: Sequence[str] = (),
    keep: Collection[str] = (),
    drop: Collection[str] = (),
    as_text: Collection[str] = (),
    names: Collection[str] = (),
    labels: LabelColumn | None = None,
    csv: CsvOptions = PLAIN,
    folder: str | None = None,
) -> LabelledStream:
    """Return the rows at a path (file, folder of parts, or pattern) and their labels.

    The data are read in one pass, or in two if a type is known only later. In memory are a few blocks
    of some MB, the codes, and the `extra` columns. The rows have no extra columns, except those in
    `keep`, and none in `drop`, which are not read. `as_text`: columns of text files that are not
    parsed; labels never are, nor are extra columns in `names`. `labels`: name and type of the label
    column. `csv`: options for text files. `folder`: of what is stored of text for the next passes (None:
    the system's folder for temporary files).

    Raises:
        EpochalError: as `files.read` does; and if a file changes while it is read.
    """
    paths = discover(path)
    name = str(format_of(paths[0]))
    parts = [stamped(part) for part in paths]
    if name in files.TABLES:
        removed = {*drop, *set(extra).difference(keep)}
        kept = tuple(dict.fromkeys(extra))
        requested = _Request(target, kept, removed, set(drop), set(as_text), folder)
        texts = {*as_text, *names} | ({target} if target is not None else set())
        streamed = _stream_of_table(
            path,
            parts,
            partitioned(files.table_format(name, csv), path, paths),
            requested,
            texts,
            labels or LabelColumn("y"),
        )
        # With other options, or in other folders, the same bytes are other rows.
        texts_of_options = [] if csv == PLAIN else [repr(csv)]
        texts_of_options += map(str, partitions(path, paths).values())
        return replace(
            streamed,
            rows=replace(streamed.rows, digest=partial(digest_of, paths, *texts_of_options)),
        )
    for option, named in (
        ("--drop", drop),
        ("--categorical", as_text),
        (f"the option with {extra[0]!r}" if extra else "", extra),
    ):
        if named:
            raise no_columns(path, option)
    streamed = _stream_of_arrays(path, parts, name, target)
    as_names = labels is not None and labels.as_text
    return replace(streamed, values=spelled(streamed.values)) if as_names else streamed


class _Request(NamedTuple):
    """The columns of a table, and the folder, that arguments of `stream` name."""

    target: str | None
    extra: tuple[str, ...]
    removed: set[str]
    drop: set[str]
    as_text: set[str]
    folder: str | None

    def target_in(self, names: Sequence[str], path: str) -> str:
        """Return the target, if it is given and all other columns exist."""
        if self.target is None:
            raise no_labels(path, names)
        others = [name for name in names if name != self.target]
        for requested, present in (
            (self.extra, others),
            (self.drop, others),
            (self.as_text, list(names)),
        ):
            missing = sorted(name for name in requested if name not in present)
            if missing:
                raise ColumnError.from_missing(missing, present, path)
        return self.target


class _Labels(NamedTuple):
    """The unique labels, the code of every labelled row, and the mask of labelled rows."""

    values: np.ndarray
    codes: np.ndarray
    has_label: np.ndarray


def _stream_of_table(
    source: str,
    parts: Sequence[Stamped],
    form: TableFormat,
    requested: _Request,
    texts: Collection[str],
    label_column: LabelColumn,
) -> LabelledStream:
    """Return the stream of a table of one or several files, after the first pass."""
    paths = [part.path for part in parts]
    names = shared_names(paths, form)
    if requested.target is not None and requested.target not in names:
        shared_names(paths, form, [requested.target])
    target = requested.target_in(names, source)
    read = [name for name in names if name not in requested.drop or name in requested.extra]
    gathered = {target: ColumnAccumulator(target, label_column)}
    gathered |= {name: ColumnAccumulator(name) for name in requested.extra}
    scanned = table_streams.scan(paths, form, read, texts, gathered, requested.folder)
    features = [name for name in read if name != target and name not in requested.removed]
    refuse_unusable(pa.schema([scanned.table.schema.field(name) for name in features]))
    # A table without columns has no number of rows, so at least one column is read.
    blocks = partial(scanned.table.blocks, names=features or [target])
    scans = [
        FileScan([file], count, partial(blocks, part))
        for file, part, count in zip(parts, scanned.table.parts, scanned.counts, strict=True)
    ]
    head = scanned.table.schema.empty_table().select(features)
    labels = _Labels(*scanned.gathered[target].labels())
    extra = {name: scanned.gathered[name].values()[labels.has_label] for name in requested.extra}
    ranked = frozenset(name for name in requested.extra if scanned.gathered[name].is_ranked)
    stream = _labelled_stream(source, scans, head, labels)
    held = table_streams.page_bytes(scanned.table.parts, features)
    rows = replace(stream.rows, page_bytes=held)
    return replace(stream, rows=rows, extra=extra, ranked=ranked)


def _stream_of_arrays(
    source: str, parts: Sequence[Stamped], name: str, target: str | None
) -> LabelledStream:
    """Return the stream of an array of one or several files, or of images, after the first pass."""
    paths = [part.path for part in parts]
    files_by_scan = [parts] if name == "pictures" else [[part] for part in parts]
    if name == "pictures":
        readers = [ArrayPart(Path(source), partial(images.together, paths, target=target))]
    else:
        form = files.array_format(name)
        readers = [ArrayPart(path, partial(form.batches, path, target=target)) for path in paths]
    scanned = array_streams.scan(readers)
    if not sum(scanned.counts):
        raise files.no_rows(source)
    if scanned.labels is None:
        raise no_labels(source, None)
    scans = [
        FileScan(stamped_files, count, partial(reader.blocks_like, scanned.head))
        for stamped_files, reader, count in zip(files_by_scan, readers, scanned.counts, strict=True)
    ]
    return _labelled_stream(source, scans, scanned.head, _Labels(*scanned.labels))


def _labelled_stream(
    source: str,
    scans: Sequence[FileScan],
    head: pa.Table | np.ndarray,
    labels: _Labels,
) -> LabelledStream:
    """Return the stream without extra columns; refuse data without labelled rows, and changed files."""
    for scan in scans:
        scan.refuse_changed()
    count = len(labels.codes)
    dropped = len(labels.has_label) - count
    if not count:
        raise files.none_labelled(dropped, source) if dropped else files.no_rows(source)
    selected = labels.has_label if dropped else None
    paths = [file.path for scan in scans for file in scan.files]
    rows = Streamed(count, head, partial(_rows, scans, selected, head), partial(digest_of, paths))
    # Several files of one scan are images, which are read as one array.
    names = [scan.files[0].path if len(scan.files) == 1 else source for scan in scans]
    origin = Origin.of(names, [scan.n_rows for scan in scans])
    origin = origin if selected is None else origin.where(selected)
    return LabelledStream(rows, labels.values, labels.codes, {}, source, dropped, origin)


def _rows(
    scans: Sequence[FileScan], selected: np.ndarray | None, head: pa.Table | np.ndarray, rows: int
) -> Iterator[pa.Table | np.ndarray]:
    """Yield the rows in a mask, `rows` at a time."""
    names = head.column_names if isinstance(head, pa.Table) else []
    for piece in pieces(scans, selected, rows):
        yield piece.select(names) if isinstance(piece, pa.Table) else piece
