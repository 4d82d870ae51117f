"""Files damaged at random: each is refused, or is still the same model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.errors import ModelError
from epochal.model.persistence import load

if TYPE_CHECKING:
    from pathlib import Path

    from epochal.model.description import Model

FUZZ = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def refused_or_equal(model: Model, path: Path, content: bytes) -> bool:
    """Whether damaged content is refused; the model must be the same where it is not."""
    path.write_bytes(content)
    try:
        back = load(path)
    except ModelError:
        return True
    assert back == model
    return False


@pytest.fixture
def damaged(saved: Path) -> Path:
    """Return the path at which damaged copies are written."""
    return saved.with_name("damaged.epochal")


@FUZZ
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(
    model: Model, saved: Path, damaged: Path, place: float, bit: int
) -> None:
    """No bit that flips changes a model unseen, and no other exception gets out."""
    content = bytearray(saved.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    refused_or_equal(model, damaged, bytes(content))


def test_every_byte_of_the_structure_is_refused_or_harmless(
    model: Model, saved: Path, damaged: Path
) -> None:
    """The zip's own records are where damage is most dangerous: every byte of them is flipped."""
    content = saved.read_bytes()
    places = [*range(60), *range(content.index(b"PK\x01\x02"), len(content))]
    refused = 0
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        refused += refused_or_equal(model, damaged, bytes(flipped))
    assert refused > len(places) // 3


@FUZZ
@given(st.data())
def test_several_changes_are_refused_or_harmless(
    model: Model, saved: Path, damaged: Path, data: st.DataObject
) -> None:
    """Overwritten runs of bytes are refused or harmless too."""
    content = bytearray(saved.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + 8] = data.draw(st.binary(max_size=8))
    refused_or_equal(model, damaged, bytes(content))


def test_a_truncated_file_is_refused(model: Model, saved: Path, damaged: Path) -> None:
    """A truncated file is never a model, wherever it ends."""
    content = saved.read_bytes()
    cuts = {*range(0, len(content), 37), *range(len(content) - 70, len(content))}
    for cut in sorted(cuts):
        assert refused_or_equal(model, damaged, content[:cut])
