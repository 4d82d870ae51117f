"""Sizes from which memory is planned."""

import pytest

from epochal.loader.memory_items import MB, NetworkSize, RowSize


@pytest.fixture
def network():
    """Return the sizes of sixteen members of two variants."""
    return NetworkSize(
        weights=8 * MB,
        trained=6 * MB,
        members=16,
        states=4,
        groups=4,
        threads=2,
        variants=2,
        embedded=True,
        validated=True,
    )


@pytest.fixture
def rows():
    """Return the sizes of rows that members leave out."""
    return RowSize(
        rows=100_000,
        columns=10,
        row_bytes=120,
        packed_bytes=60,
        classes=3,
        known=MB,
        coverage=2.0,
        own=True,
        calibrated=True,
    )
