"""Hashes of texts are stable and even, and tell how many texts are different."""

import math
import zlib

import numpy as np
import pyarrow as pa
import pytest

from epochal.tables.text_hashes import BITS, bits_of, buckets_of, estimated_distinct, text_hashes


def fmix32(value: int) -> int:
    """Return a 32-bit number after the last steps of MurmurHash3, as docs/FORMAT.md has them."""
    value ^= value >> 16
    value = value * 0x85EBCA6B % 2**32
    value ^= value >> 13
    value = value * 0xC2B2AE35 % 2**32
    return value ^ value >> 16


def test_hashes_are_those_of_the_format() -> None:
    """The CRC-32 of "123456789" is the published check value 0xCBF43926; it is mixed."""
    assert text_hashes(pa.array(["123456789"])).tolist() == [fmix32(0xCBF43926)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_hashes_do_not_depend_on_the_type(kind: pa.DataType) -> None:
    """Nor on the other texts; without texts there are none."""
    assert text_hashes(pa.array(["Öl", ""], kind)).tolist() == [
        fmix32(zlib.crc32("Öl".encode())),
        0,
    ]
    assert len(text_hashes(pa.array([], kind))) == 0


@pytest.mark.parametrize("form", ["{}", "name {}", "{:08d}", "id-{}-x"])
def test_buckets_are_even(form: str) -> None:
    """Names that differ in a few digits are spread as random numbers are: χ² is that of chance."""
    texts = pa.array([form.format(number) for number in range(100_000)])
    counts = np.bincount(buckets_of(text_hashes(texts), 1000), minlength=1000)
    chi_square = ((counts - 100) ** 2 / 100).sum()
    assert 999 - 5 * math.sqrt(2 * 999) < chi_square < 999 + 5 * math.sqrt(2 * 999)


@pytest.mark.parametrize("count", [0, 1, 5000, 3 * BITS])
def test_the_number_of_texts_is_estimated(count: int) -> None:
    """Within five standard errors, also of more texts than bits; repeated ones count once."""
    texts = pa.array(np.arange(count).astype(str), pa.string())
    bits = bits_of(texts) | bits_of(texts[: count // 2])
    load = count / BITS
    error = math.sqrt(BITS * (math.exp(load) - load - 1))
    assert abs(estimated_distinct(bits) - count) <= 5 * error + 1e-6


def test_of_too_many_texts_the_number_is_unknown() -> None:
    """Hardly a bit is not set."""
    assert estimated_distinct(np.arange(BITS) > 50) == math.inf
