"""The items of the peak memory: what grows with what."""

import pytest

from epochal.loader.memory_items import MB, Shares, Storage, phases_of, validation_row


@pytest.fixture
def sizes(network, rows):
    """Return a function that gives the sum of the items of every phase."""

    def summed(network=network, rows=rows):
        """Return the sums for these networks and rows."""
        phases = phases_of(network, rows, Shares())
        return {phase: sum(item.size for item in items) for phase, items in phases.items()}

    return summed


@pytest.mark.parametrize("name", ["rows", "row_bytes", "classes", "known"])
def test_no_phase_shrinks_with_more_of_the_rows(name, rows, sizes):
    """More rows, wider ones, more classes and more that is known take more memory in training."""
    more = sizes(rows=rows._replace(**{name: 2 * getattr(rows, name)}))

    assert all(more[phase] >= size for phase, size in sizes().items())
    assert more["training"] > sizes()["training"]


def test_no_phase_shrinks_with_more_members(network, rows, sizes):
    """Twice the members have twice the parameters."""
    double = network._replace(weights=16 * MB, trained=12 * MB, members=32)
    more = sizes(double, rows._replace(coverage=4.0))

    assert all(more[phase] >= size for phase, size in sizes().items())
    assert more["gathering"] - sizes()["gathering"] >= 5 * 8 * MB


def test_rows_on_disk_take_what_their_buffer_has(network, rows):
    """Packed rows take less than whole ones, and rows on disk no more than their buffer."""
    by_place = {
        place: phases_of(network, rows, Shares(place, buffer=10_000, validation=10_000))
        for place in Storage
    }
    held = {
        place: {item.name: item.size for item in phases["training"]}
        for place, phases in by_place.items()
    }

    assert held[Storage.MEMORY]["encoded rows"] == 120 * 100_000
    assert held[Storage.PACKED]["encoded rows"] == 60 * 100_000
    assert held[Storage.DISK]["blocks of encoded rows"] == 10_000


def test_validation_rows_fit_into_their_share(network, rows):
    """With rows on disk, as many rows validate as their share holds, with logits and probabilities."""
    shares = Shares(Storage.DISK, validation=validation_row(rows) * 10)
    items = {item.name: item.size for item in phases_of(network, rows, shares)["calibration"]}

    assert items["out-of-bag probabilities"] == 10 * 7 * 8 * 3


def test_without_a_validation_set_nothing_is_held_for_it(network, rows, sizes):
    """There are half as many programs."""
    bare = network._replace(validated=False)
    items = {item.name: item.size for item in phases_of(bare, rows, Shares())["training"]}

    assert items["validation rows"] == items["logits of validation rows"] == 0
    assert sizes(bare)["training"] < sizes()["training"] - 30_000_000


def test_pages_of_a_file_are_there_while_it_is_read(rows, sizes):
    """In the pass for statistics and in the pass that encodes, but not in training."""
    more = sizes(rows=rows._replace(pages=50 * MB))
    found = {phase for phase, size in sizes().items() if more[phase] == size + 50 * MB}

    assert found == {"reading", "encoding"}


def test_members_at_work_are_as_many_as_threads_and_groups(network, sizes):
    """A member that trains takes more than one that waits; of few groups not every thread has one."""
    by_threads = [sizes(network._replace(threads=threads))["training"] for threads in (1, 2, 4, 8)]

    assert by_threads[0] < by_threads[1] < by_threads[2] == by_threads[3]


def test_gathering_takes_no_second_copy_of_all(network, sizes):
    """Twice the moments are there once more, and not twice: the groups give up what is copied."""
    more = sizes(network._replace(states=8))

    assert more["gathering"] - sizes()["gathering"] == 4 * network.weights
