"""The input of the memory plan: the sizes of the networks and of the rows of a fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from epochal import threads
from epochal.loader.memory_items import NetworkSize, RowSize
from epochal.model.description import member_shapes
from epochal.nn.layers import named_parameters
from epochal.preprocessing.name_selection import TARGET_FOLDS
from epochal.splitting.bagging import bytes_per_row, number_from_share
from epochal.tables.rows import columns_of
from epochal.tables.streaming import Streamed
from epochal.training.init import is_fine, rule_for
from epochal.training.optimizers import RULES
from epochal.training.parallel import FEW_BINS

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.loader.encode import RowMetadata
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.tables.dataset import Labelled


def network_size(
    preprocessor: Preprocessor, settings: Settings, classes: int, *, validates: bool
) -> NetworkSize:
    """Return the sizes of the members; `validates`: whether there are holdout or user validation rows."""
    members, size = settings.n_estimators, int(settings.embedding_size or 0)
    shapes = member_shapes(preprocessor, settings, classes)
    named = {name: math.prod(shape) for name, shape in named_parameters(shapes).items()}
    # A model has one table of target statistics, a training has one for each inner fold as well.
    table = 4 * named.pop("embedding.target_table", 0)
    one = 4 * sum(named.values())
    fine = sum(is_fine(settings, member) for member in range(members))
    bins, trained, variants = preprocessor.sizes, members * one, [members]
    if size and bins.numbers * bins.intervals > FEW_BINS:
        saved = 4 * 2 * bins.numbers * size * (bins.intervals - min(bins.coarse, bins.intervals))
        trained -= (members - fine) * saved
        variants = [number for number in (fine, members - fine) if number]
    count, rule = min(threads.number(), members), RULES[rule_for(settings)]
    return NetworkSize(
        weights=members * one,
        trained=trained,
        members=members,
        states=1 + rule.first + rule.second + (settings.ema_decay > 0),
        groups=sum(min(count, number) for number in variants),
        threads=count,
        variants=len(variants),
        embedded=size > 0,
        validated=validates or (settings.early_stopping and settings.bagging is not None),
        target_tables=members * (TARGET_FOLDS + 1) * table,
    )


def row_size(
    data: Labelled,
    metadata: RowMetadata,
    rows: tuple[int, int],
    preprocessor: Preprocessor,
    settings: Settings,
    classes: int,
) -> RowSize:
    """Return the sizes of the rows.

    Args:
        data: the rows, and what was given with them.
        metadata: labels, weights and groups of all rows.
        rows: how many train, and how many only validate.
        preprocessor: encodes the rows.
        settings: resolved.
        classes: how many there are.
    """
    itemsize, packing = np.dtype(preprocessor.dtype_for(data.rows)).itemsize, preprocessor.packing
    return RowSize(
        rows=rows[0],
        columns=columns_of(data.rows),
        row_bytes=itemsize * packing.n_features,
        packed_bytes=itemsize * packing.width if packing.saves_memory else None,
        classes=classes,
        known=metadata_bytes(data, metadata, settings),
        holdout=rows[1],
        coverage=coverage_of(settings, rows[0]),
        own=rows[1] == 0,
        calibrated=settings.calibrate,
        streamed=isinstance(data.rows, Streamed),
        pages=data.rows.page_bytes if isinstance(data.rows, Streamed) else 0,
    )


def coverage_of(settings: Settings, rows: int) -> float:
    """Return the mean coverage: the number of members for which a row is out-of-bag.

    >>> from epochal.config.presets import PRESETS
    >>> coverage_of(PRESETS["default"], 1000), coverage_of(PRESETS["classic"], 1000)
    (2.0, 0.0)
    """
    if settings.bagging == "folds":
        return settings.n_estimators / min(settings.n_folds, rows)
    if settings.bagging == "bootstrap":
        return settings.n_estimators * math.exp(
            -number_from_share(settings.max_samples, rows) / rows
        )
    return 0.0


def metadata_bytes(data: Labelled, metadata: RowMetadata, settings: Settings) -> int:
    """Return the memory of the row metadata and of the members' bags."""

    def n_bytes(*arrays: np.ndarray | None) -> int:
        """Return the bytes of arrays; equal weights are stored as a single number."""
        there = {id(of): of for of in arrays if of is not None and of.strides != (0,)}
        return sum(of.nbytes for of in there.values())

    # As given, as used, and in the order of the encoded rows; and two masks.
    used = n_bytes(*metadata) + n_bytes(*metadata, data.weight, data.groups, data.timestamps)
    return used + len(metadata.labels) * (2 + bytes_per_row(settings))
