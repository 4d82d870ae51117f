"""Data larger than memory: the rows at a path, gone through again and again, piece by piece.

What is found is what `files.read` finds in the same data: the same columns, types,
values and labels, and the same errors.
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
    """Rows that have a label, read when they are gone through, and what is known of each.

    `values` are the different labels, sorted, in the type that the labels of
    `files.read` have; `codes` says for every row which of them is its own.
    `beside` has a value per row for each column that was asked for: numbers,
    truth values and dates as they are (float64 and NaN, or NaT, if some are
    missing); anything else as its rank (float64, NaN where missing) among the
    different values of the column, from 0, so that the same texts have the same
    number and sorted ones are in its order; `ranked` names those columns.
    `source` is what was read, `origin` its files; `dropped` rows had no label.
    """

    rows: Streamed
    values: np.ndarray
    codes: np.ndarray
    beside: dict[str, np.ndarray]
    source: str
    dropped: int
    origin: Origin
    ranked: frozenset[str] = frozenset()


def stream(  # noqa: PLR0913  (every way in which a column may be taken)
    path: str,
    target: str | None,
    *,
    beside: Sequence[str] = (),
    keep: Collection[str] = (),
    drop: Collection[str] = (),
    as_text: Collection[str] = (),
    names: Collection[str] = (),
    labels: LabelColumn | None = None,
    csv: CsvOptions = PLAIN,
) -> LabelledStream:
    """Return the rows at a path (file, folder of parts, or pattern) and their labels.

    The data are gone through once, or twice where types show late. What stays in
    memory is a few blocks of some MB, the codes, and the columns `beside`. The
    rows are without these columns, but for those to `keep`, and without those to
    `drop`, which are not read. `as_text`: columns of text files that stay as they are written,
    as labels always do, and columns beside that are `names`. `labels`: how these are taken.
    `csv`: how text files are read.

    Raises:
        EpochalError: as `files.read` does; and if a file changes while it is gone through.
    """
    paths = discover(path)
    name = str(format_of(paths[0]))
    parts = [stamped(part) for part in paths]
    if name in files.TABLES:
        removed = {*drop, *set(beside).difference(keep)}
        asked = _Asked(target, tuple(dict.fromkeys(beside)), removed, set(drop), set(as_text))
        texts = {*as_text, *names} | ({target} if target is not None else set())
        found = _stream_of_table(
            path,
            parts,
            partitioned(files.table_format(name, csv), path, paths),
            asked,
            texts,
            labels or LabelColumn("y"),
        )
        # The same bytes are other rows if they are read in another way, or lie in other folders.
        more = [] if csv == PLAIN else [repr(csv)]
        more += map(str, partitions(path, paths).values())
        return replace(found, rows=replace(found.rows, digest=partial(digest_of, paths, *more)))
    for option, named in (
        ("--drop", drop),
        ("--categorical", as_text),
        (f"the option with {beside[0]!r}" if beside else "", beside),
    ):
        if named:
            raise no_columns(path, option)
    found = _stream_of_arrays(path, parts, name, target)
    as_names = labels is not None and labels.as_text
    return replace(found, values=spelled(found.values)) if as_names else found


class _Asked(NamedTuple):
    """The columns of a table that have a name of their own in what was asked for."""

    target: str | None
    beside: tuple[str, ...]
    removed: set[str]
    drop: set[str]
    as_text: set[str]

    def target_in(self, names: Sequence[str], path: str) -> str:
        """Return the target, if one is given and all other columns are there."""
        if self.target is None:
            raise no_labels(path, names)
        others = [name for name in names if name != self.target]
        for wanted, present in (
            (self.beside, others),
            (self.drop, others),
            (self.as_text, list(names)),
        ):
            missing = sorted(name for name in wanted if name not in present)
            if missing:
                raise ColumnError.from_missing(missing, present, path)
        return self.target


class _Labels(NamedTuple):
    """The different labels, the code of every row that has one, and which rows have."""

    values: np.ndarray
    codes: np.ndarray
    has_label: np.ndarray


def _stream_of_table(
    source: str,
    parts: Sequence[Stamped],
    form: TableFormat,
    asked: _Asked,
    texts: Collection[str],
    label_column: LabelColumn,
) -> LabelledStream:
    """Return a table of one file or several, surveyed, to be gone through."""
    paths = [part.path for part in parts]
    names = shared_names(paths, form)
    if asked.target is not None and asked.target not in names:
        shared_names(paths, form, [asked.target])
    target = asked.target_in(names, source)
    read = [name for name in names if name not in asked.drop or name in asked.beside]
    gathered = {target: ColumnAccumulator(target, label_column)}
    gathered |= {name: ColumnAccumulator(name) for name in asked.beside}
    found = table_streams.scan(paths, form, read, texts, gathered)
    kept = [name for name in read if name != target and name not in asked.removed]
    refuse_unusable(pa.schema([found.table.schema.field(name) for name in kept]))
    # A table without columns has no rows: there is always one until the end.
    blocks = partial(found.table.blocks, names=kept or [target])
    runs = [
        FileScan([file], count, partial(blocks, part))
        for file, part, count in zip(parts, found.table.parts, found.counts, strict=True)
    ]
    head = found.table.schema.empty_table().select(kept)
    labels = _Labels(*found.gathered[target].labels())
    beside = {name: found.gathered[name].values()[labels.has_label] for name in asked.beside}
    ranked = frozenset(name for name in asked.beside if found.gathered[name].is_ranked)
    return replace(_labelled_stream(source, runs, head, labels), beside=beside, ranked=ranked)


def _stream_of_arrays(
    source: str, parts: Sequence[Stamped], name: str, target: str | None
) -> LabelledStream:
    """Return an array of one file or several, or pictures, surveyed, to be gone through."""
    paths = [part.path for part in parts]
    runs_of = [parts] if name == "pictures" else [[part] for part in parts]
    if name == "pictures":
        readers = [ArrayPart(Path(source), partial(images.together, paths, target=target))]
    else:
        form = files.array_format(name)
        readers = [ArrayPart(path, partial(form.batches, path, target=target)) for path in paths]
    found = array_streams.scan(readers)
    if not sum(found.counts):
        raise files.no_rows(source)
    if found.labels is None:
        raise no_labels(source, None)
    runs = [
        FileScan(of_run, count, partial(reader.blocks_like, found.head))
        for of_run, reader, count in zip(runs_of, readers, found.counts, strict=True)
    ]
    return _labelled_stream(source, runs, found.head, _Labels(*found.labels))


def _labelled_stream(
    source: str,
    runs: Sequence[FileScan],
    head: pa.Table | np.ndarray,
    labels: _Labels,
) -> LabelledStream:
    """Return the stream, with no columns beside, if there are rows with labels, and the files are still what they were."""
    for run in runs:
        run.refuse_changed()
    count = len(labels.codes)
    dropped = len(labels.has_label) - count
    if not count:
        raise files.none_labelled(dropped, source) if dropped else files.no_rows(source)
    kept = labels.has_label if dropped else None
    paths = [file.path for run in runs for file in run.files]
    rows = Streamed(count, head, partial(_rows, runs, kept, head), partial(digest_of, paths))
    # Several files of one run are pictures, which are read all at once.
    files_of = [run.files[0].path if len(run.files) == 1 else source for run in runs]
    origin = Origin.of(files_of, [run.n_rows for run in runs])
    origin = origin if kept is None else origin.where(kept)
    return LabelledStream(rows, labels.values, labels.codes, {}, source, dropped, origin)


def _rows(
    runs: Sequence[FileScan], kept: np.ndarray | None, head: pa.Table | np.ndarray, rows: int
) -> Iterator[pa.Table | np.ndarray]:
    """Yield the rows that are kept, so many at a time."""
    names = head.column_names if isinstance(head, pa.Table) else []
    for piece in pieces(runs, kept, rows):
        yield piece.select(names) if isinstance(piece, pa.Table) else piece
