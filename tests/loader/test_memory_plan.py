"""The memory plan: where rows go under a limit, and which limits are refused."""

import re

import pytest

from epochal.errors import SettingError
from epochal.loader.memory import Memory
from epochal.loader.memory_items import MB, Storage
from epochal.loader.memory_plan import NO_LIMIT, plan_for, total


@pytest.fixture
def many(rows):
    """Return the sizes of many rows, in a file."""
    return rows._replace(
        rows=2_000_000,
        columns=20,
        row_bytes=240,
        packed_bytes=80,
        classes=2,
        known=20 * MB,
        calibrated=False,
        streamed=True,
    )


@pytest.fixture
def plan(network, many):
    """Return a function that gives the plan for a limit in MB."""

    def planned(limit, network=network, rows=many):
        """Return the plan for these networks and rows."""
        return plan_for(network, rows, Memory(limit and limit * MB))

    return planned


@pytest.fixture
def needed(plan):
    """Return a function that gives the smallest limit in MB that the refusal of another one names."""

    def smallest(limit=1, **sizes):
        """Return the smallest limit for these networks and rows."""
        with pytest.raises(SettingError) as refusal:
            plan(limit, **sizes)
        return int(re.search(r"at least ([\d,]+) MB", str(refusal.value))[1].replace(",", ""))

    return smallest


def test_where_rows_are_is_a_matter_of_the_limit(many, plan):
    """In memory, packed, or on disk: the first of them that fits."""
    assert [plan(limit).shares.place for limit in (None, 3000, 700, 400)] == [
        Storage.MEMORY,
        Storage.MEMORY,
        Storage.PACKED,
        Storage.DISK,
    ]
    unpacked = many._replace(packed_bytes=None)
    assert plan(700, rows=unpacked).shares.place is Storage.DISK


@pytest.mark.parametrize("limit", [350, 400, 700, 1000, 3000])
def test_the_estimate_is_within_the_limit(limit, plan):
    """It is the sum of the items of the largest phase."""
    found = plan(limit)

    assert found.estimate == total(found.phases[found.largest_phase]) <= limit * MB
    assert all(total(items) <= found.estimate for items in found.phases.values())


def test_the_shares_of_rows_on_disk_grow_with_the_limit(plan):
    """A larger limit has a larger buffer, and at least as many validation rows."""
    small, large = plan(350).shares, plan(400).shares

    assert small.place is large.place is Storage.DISK
    assert small.buffer < large.buffer
    assert small.validation < large.validation
    assert small.segment <= large.segment


def test_the_limit_that_the_refusal_names_is_the_smallest(needed, plan):
    """So much is accepted, and 10 MB less are refused with the same number."""
    least = needed()

    assert plan(least).estimate <= least * MB
    assert needed(least - 10) == least


def test_few_rows_need_less_than_blocks_on_disk_would(many, needed, plan):
    """Where all rows fit into less than blocks must have, the smallest limit has them in memory."""
    few = many._replace(rows=1000, known=0)

    assert needed(rows=few) < needed()
    assert plan(needed(rows=few), rows=few).shares.place is Storage.MEMORY


def test_the_refusal_names_the_largest_items(network, plan):
    """The phase, and its three largest items in the order of their sizes."""
    large = network._replace(weights=800 * MB, trained=600 * MB)
    with pytest.raises(
        SettingError,
        match=r"is 300 MB; expected at least [\d,]+ MB \(the most while gathering: networks, moments "
        r"and copies [\d,]+ MB, runtime and compiled programs 125 MB, [a-z ,]+ \d+ MB\)",
    ):
        plan(300, network=large)


def test_more_rows_and_more_members_need_no_smaller_limit(network, many, needed):
    """The smallest limit grows with both."""
    more_members = network._replace(weights=16 * MB, trained=12 * MB, members=32)

    assert needed(network=more_members) > needed()
    assert needed(rows=many._replace(known=200 * MB)) > needed()
    assert needed(rows=many._replace(rows=4_000_000)) >= needed()


def test_further_rows_stay_in_memory(plan):
    """A validation set of the user is in memory, even if the training rows are on disk."""
    assert plan(400).in_memory.shares == plan(400).shares._replace(place=Storage.MEMORY)


def test_without_a_limit_nothing_is_refused(network, plan):
    """Networks of any size are planned."""
    assert plan(None, network._replace(weights=10**15)).shares == NO_LIMIT.shares


def test_packed_rows_leave_room_for_validation_rows(plan):
    """Packed rows are unpacked for validation: many of them, where members leave them out."""
    shares = plan(700).shares

    assert shares.place is Storage.PACKED
    assert shares.validation > 1000 * shares.validation_row
