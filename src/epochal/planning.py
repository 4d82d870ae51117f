"""What the memory plan of a fit is made from: the sizes of its networks and of its rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from epochal import threads
from epochal.loader.memory_items import NetworkSize, RowSize
from epochal.model.description import member_shapes
from epochal.nn.layers import named_parameters
from epochal.splitting.bagging import amount, bytes_per_row
from epochal.tables.rows import columns_of
from epochal.tables.streaming import Streamed
from epochal.training.init import is_fine, rule_for
from epochal.training.optimizers import RULES
from epochal.training.parallel import FEW_BINS

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.loader.encode import Known
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.tables.dataset import Labelled


def network_size(
    preprocessor: Preprocessor, settings: Settings, classes: int, *, validates: bool
) -> NetworkSize:
    """Return the sizes of the members; `validates`: whether there are rows that only validate."""
    members, size = settings.n_estimators, int(settings.embedding_size or 0)
    shapes = member_shapes(preprocessor, settings, classes)
    one = 4 * sum(math.prod(shape) for shape in named_parameters(shapes).values())
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
    )


def row_size(
    data: Labelled,
    known: Known,
    rows: tuple[int, int],
    preprocessor: Preprocessor,
    settings: Settings,
    classes: int,
) -> RowSize:
    """Return the sizes of the rows.

    Args:
        data: the rows, and what was given with them.
        known: of all rows.
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
        packed_bytes=itemsize * packing.width if packing.is_worth_it else None,
        classes=classes,
        known=known_bytes(data, known, settings),
        holdout=rows[1],
        coverage=coverage_of(settings, rows[0]),
        own=rows[1] == 0,
        calibrated=settings.calibrate,
        streamed=isinstance(data.rows, Streamed),
        pages=data.rows.page_bytes if isinstance(data.rows, Streamed) else 0,
    )


def coverage_of(settings: Settings, rows: int) -> float:
    """Return how many members leave out a row, on average.

    >>> from epochal.config.presets import PRESETS
    >>> coverage_of(PRESETS["default"], 1000), coverage_of(PRESETS["classic"], 1000)
    (2.0, 0.0)
    """
    if settings.bagging == "folds":
        return settings.n_estimators / min(settings.n_folds, rows)
    if settings.bagging == "bootstrap":
        return settings.n_estimators * math.exp(-amount(settings.max_samples, rows) / rows)
    return 0.0


def known_bytes(data: Labelled, known: Known, settings: Settings) -> int:
    """Return how much memory takes what is known of rows, and who trains on which."""

    def held(*arrays: np.ndarray | None) -> int:
        """Return the bytes of arrays: one number stands for weights that are all the same."""
        there = {id(of): of for of in arrays if of is not None and of.strides != (0,)}
        return sum(of.nbytes for of in there.values())

    # As it came and as it is used, and once more in the order of encoded rows; two flags.
    used = held(*known) + held(*known, data.weight, data.groups, data.timestamps)
    return used + len(known.labels) * (2 + bytes_per_row(settings))
