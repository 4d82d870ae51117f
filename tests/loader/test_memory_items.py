"""The items of the peak memory: what grows with what."""

import pytest

from epochal.loader.memory_items import (
    NetworkSize,
    RowSize,
    Shares,
    Storage,
    phases_of,
    validation_row,
)

NETWORK = NetworkSize(
    weights=8_000_000,
    trained=6_000_000,
    members=16,
    states=4,
    groups=4,
    threads=2,
    variants=2,
    embedded=True,
    validated=True,
)
ROWS = RowSize(
    rows=100_000,
    columns=10,
    row_bytes=120,
    packed_bytes=60,
    classes=3,
    known=1_000_000,
    coverage=2.0,
    own=True,
    calibrated=True,
)


def sizes(network=NETWORK, rows=ROWS, shares=None):
    """Return the sum of the items of every phase."""
    phases = phases_of(network, rows, shares or Shares())
    return {phase: sum(item.size for item in items) for phase, items in phases.items()}


@pytest.mark.parametrize("name", ["rows", "row_bytes", "classes", "known"])
def test_no_phase_shrinks_with_more_of_the_rows(name):
    """More rows, wider ones, more classes and more that is known take more memory in training."""
    more = sizes(rows=ROWS._replace(**{name: 2 * getattr(ROWS, name)}))

    assert all(more[phase] >= size for phase, size in sizes().items())
    assert more["training"] > sizes()["training"]


def test_no_phase_shrinks_with_more_members():
    """Twice the members have twice the parameters."""
    double = NETWORK._replace(weights=16_000_000, trained=12_000_000, members=32)
    more = sizes(double, ROWS._replace(coverage=4.0))

    assert all(more[phase] >= size for phase, size in sizes().items())
    assert more["gathering"] - sizes()["gathering"] >= 5 * 8_000_000


def test_rows_on_disk_take_what_their_buffer_has():
    """Packed rows take less than whole ones, and rows on disk no more than their buffer."""
    by_place = {
        place: phases_of(NETWORK, ROWS, Shares(place, buffer=10_000, validation=10_000))
        for place in Storage
    }
    held = {
        place: {item.name: item.size for item in phases["training"]}
        for place, phases in by_place.items()
    }

    assert held[Storage.MEMORY]["encoded rows"] == 120 * 100_000
    assert held[Storage.PACKED]["encoded rows"] == 60 * 100_000
    assert held[Storage.DISK]["blocks of encoded rows"] == 10_000


def test_validation_rows_fit_into_their_share():
    """With rows on disk, as many rows validate as their share holds, with logits and probabilities."""
    shares = Shares(Storage.DISK, validation=validation_row(ROWS) * 10)
    items = {item.name: item.size for item in phases_of(NETWORK, ROWS, shares)["calibration"]}

    assert items["out-of-bag probabilities"] == 10 * 7 * 8 * 3


def test_without_a_validation_set_nothing_is_held_for_it():
    """There are half as many programs."""
    bare = NETWORK._replace(validated=False)
    items = {item.name: item.size for item in phases_of(bare, ROWS, Shares())["training"]}

    assert items["validation rows"] == items["logits of validation rows"] == 0
    assert sizes(bare)["training"] < sizes()["training"] - 30_000_000
