"""Resolution of settings for given data: every "auto" becomes a value.

Training uses the resolved settings, and a model file stores them.
"""

from __future__ import annotations

import math
from dataclasses import replace

from epochal.config.settings import AUTO, SETTINGS, WIDE, Settings

# With so many rows, or so many for each column, a network finds out by itself what columns say;
# so it does in tables of few columns.
MAX_FEW_ROWS, ROWS_PER_COLUMN, MIN_COLUMNS = 10_000, 20, 32


def resolved(settings: Settings, rows: int, columns: int, image: tuple[int, ...] = ()) -> Settings:
    """Return the settings with "auto" replaced by values that depend on the data.

    Args:
        settings: of which some may be "auto".
        rows: the number of training rows.
        columns: the number of columns, before they are encoded; in tables of very many that of
            those with more than two values.
        image: height and width of rows that are images.

    >>> resolved(Settings(batch_size=10_000), rows=150, columns=4).batch_size
    150
    """
    size = batch_size_for(rows) if settings.batch_size == AUTO else int(settings.batch_size)
    vectors, bins, field = settings.embedding_size, settings.n_bins, settings.receptive_field
    by_width = {
        name: setting.by_width[is_wide(columns)]
        for name, setting in SETTINGS.items()
        if setting.by_width is not None and getattr(settings, name) == AUTO
    }
    if field == AUTO:
        # Without a hidden layer, each output would see only a part of the image. With a crop, most
        # units would see nothing.
        fitting = bool(settings.hidden_layer_sizes) and settings.patch is None
        field = receptive_field_for(image) if fitting else None
    return replace(
        settings,
        **by_width,
        batch_size=min(size, rows),
        embedding_size=embedding_size_for(columns) if vectors == AUTO else vectors,
        n_bins=bins_for(rows) if bins == AUTO else bins,
        receptive_field=field,
    )


def embedding_size_for(columns: int) -> int:
    """Return the length of the vectors for a number of columns: at most 8, and 0 in wide tables.

    >>> [embedding_size_for(columns) for columns in (10, 200, 784)]
    [8, 5, 0]
    """
    return 0 if is_wide(columns) else min(1024 // max(columns, 1), 8)


def is_wide(columns: int) -> bool:
    """Return whether there are too many columns for vectors, as in images: more than 512, without binary ones.

    Columns of wide tables are standardised, without an embedding.

    >>> [is_wide(columns) for columns in (10, 512, 784)]
    [False, False, True]
    """
    return columns > WIDE


def has_few_rows(rows: int, columns: int) -> bool:
    """Return whether rows are few for the columns: up to 10,000, and fewer than 20 for each column.

    There columns that are not informative begin with small scales. Tables of less than 32
    columns have few rows in no case.

    >>> has_few_rows(354, 279), has_few_rows(10_001, 600), has_few_rows(800, 40), has_few_rows(60, 20)
    (True, False, False, False)
    """
    return columns >= MIN_COLUMNS and rows <= min(MAX_FEW_ROWS, ROWS_PER_COLUMN * columns - 1)


def receptive_field_for(image: tuple[int, ...]) -> tuple[int, int] | None:
    """Return the receptive field of a unit for images: a third of each side, at least 4 pixels.

    None for a side of less than 8: the array may be channels over time instead of an image.

    >>> receptive_field_for((28, 28)), receptive_field_for((8, 8)), receptive_field_for((100, 3))
    ((10, 10), (4, 4), None)
    """
    if not image or min(image) < 8:
        return None
    height, width = (max(-(-side // 3), 4) for side in image)
    return height, width


def bins_for(rows: int) -> tuple[int, int]:
    """Return the numbers of bins for a number of rows, of coarse members and of fine ones.

    >>> [bins_for(rows) for rows in (150, 1_000, 15_000)]
    [(8, 512), (16, 512), (64, 512)]
    """
    return min(max(rows // 60, 8), 64), 512


def batch_size_for(rows: int) -> int:
    """Return the batch size for a number of rows: a power of two, from 32 to 1,024.

    >>> [batch_size_for(rows) for rows in (150, 1_000, 15_000, 1_000_000)]
    [32, 64, 256, 1024]
    """
    return 1 << min(max(round(math.log2(2 * math.sqrt(rows))), 5), 10)
