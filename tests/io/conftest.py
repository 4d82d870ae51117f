"""What the tests of several formats share."""

from __future__ import annotations

import pytest

from epochal.errors import EpochalError


@pytest.fixture
def read_damaged():
    """Return a function that reads a file cut short or with a byte changed, at every so many bytes.

    The file is read as something, or refused by an error of ours that names it.
    """

    def check(path, every, read):
        content = path.read_bytes()
        for position in range(0, len(content), every):
            flipped = bytearray(content)
            flipped[position] ^= 0xFF
            for broken in (content[:position], bytes(flipped)):
                path.write_bytes(broken)
                try:
                    read(path)
                except EpochalError as error:
                    assert path.name in str(error)  # noqa: PT017

    return check
