"""Canonical texts: one spelling for each value, and none lost."""

from __future__ import annotations

import datetime
import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.tables.canonical import canonical, canonical_texts, number_text

UTC = datetime.UTC
EAST = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("spellings", "text"),
    [
        ((5, 5.0, "5", "5.0", "5.", np.int8(5), np.float32(5), decimal.Decimal("5.00")), "5"),
        ((1.5, "1.5", "1.50", decimal.Decimal("1.5"), np.float16(1.5)), "1.5"),
        ((np.float32(0.1), 0.1, "0.10", ".1"), "0.1"),
        ((0.0, -0.0, "0", "-0", "-0.0", 0), "0"),
        ((1e16, 10**16, "1e+16", "1.0E16", "10000000000000000.0"), "10000000000000000"),
        ((1e-5, "1e-05", "0.00001", decimal.Decimal("1E-5")), "0.00001"),
        ((1e300, 10**300, "1e+300"), "1e300"),
        ((1234.5, "1,234.5"), "1234.5"),
        ((2**64, str(2**64), f"{2**64}.0"), "18446744073709551616"),
        ((True, "true", "True", "TRUE", np.bool_(True)), "true"),
        ((datetime.date(2024, 5, 1), "2024-05-01", "2024-05-01T00:00"), "2024-05-01"),
        (
            (
                datetime.datetime(2024, 5, 1, 12, 30, tzinfo=EAST),
                "2024-05-01T12:30:00+02:00",
                "2024-05-01 10:30:00.000",
                "2024-05-01T10:30Z",
            ),
            "2024-05-01 10:30:00",
        ),
    ],
)
def test_spellings_of_one_value_have_one_text(spellings, text):
    """Whatever holds a number, a boolean or a date, its text is the same."""
    assert {canonical(value) for value in spellings} == {text}


@pytest.mark.parametrize(
    "text",
    [
        *[
            "T",
            "-",
            ".",
            "007",
            "00",
            "+5",
            "7e12",
            "0x1F",
            "12,34",
            "1_000",
            "١٢",
            "2024-13-45",
            "nan",
            "yes",
            "tRUE",
            "1.2.3",
        ],
        "",
        "5 ",
        "2024-05-01 25:00",
        "9999-12-31T23:59:59-05:00",
    ],
)
def test_what_spells_nothing_else_stays(text):
    """Names stay letter for letter, also if a bold reader could take them for numbers or dates."""
    assert canonical(text) == text
    assert canonical_texts(pa.array([text])).to_pylist() == [text]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_and_its_spellings_have_one_text_which_spells_it(value):
    """As Python, NumPy and a file write it; and the text is read back as the same number."""
    text = canonical(value)

    assert {canonical(repr(value)), canonical(np.float64(value))} == {text}
    assert float(text) == value


@given(st.integers())
def test_no_digit_of_a_whole_number_is_lost(value):
    """Of any length."""
    assert int(decimal.Decimal(canonical(value))) == value
    assert canonical(str(value)) == canonical(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_of_32_bits_have_their_own_shortest_spelling(value):
    """The text is read back as the same number of 32 bits."""
    text = canonical(np.float32(value))

    assert np.float32(float(text)) == np.float32(value)
    assert canonical_texts(pa.array([value], pa.float32())).to_pylist() == [text]


@given(st.datetimes(), st.sampled_from([None, UTC, EAST]))
def test_moments_are_compared_in_utc(moment, zone):
    """As Python spells them, and as Arrow holds them."""
    moment = moment.replace(tzinfo=zone)
    kind = pa.timestamp("us", zone and "UTC")
    try:
        plain = moment.astimezone(UTC) if zone else moment
    except OverflowError:
        return
    held = canonical_texts(pa.array([plain], kind)).to_pylist()

    assert [canonical(moment)] == [canonical(str(moment))] == held


HELD = {
    "text": pa.array(["5.0", None, "b"]),
    "large text": pa.array(["5.0", None, "b"], pa.large_string()),
}


@pytest.mark.parametrize("name", HELD)
def test_texts_of_a_column(name):
    """Texts are looked at at once; a gap stays a gap."""
    assert canonical_texts(HELD[name]).to_pylist() == ["5", None, "b"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1.0, None, math.nan, 0.5]), ["1", None, None, "0.5"]),
        (pa.array([math.inf, -math.inf]), ["inf", "-inf"]),
        (pa.array([1.5], pa.float16()), ["1.5"]),
        (pa.array([2**63], pa.uint64()), ["9223372036854775808"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([1500, None], pa.duration("ms")), ["1.5", None]),
        (pa.array([3_723_000_001, 0], pa.time64("us")), ["01:02:03.000001", "00:00:00"]),
        (pa.array([43_200], pa.time32("s")), ["12:00:00"]),
        (pa.nulls(2), [None, None]),
        (pa.array([253_402_300_799_000], pa.date64()), ["9999-12-31 23:59:59"]),
        # Beyond what Python's own dates can hold.
        (
            pa.array([10**12, -(10**12)], pa.timestamp("s")),
            ["33658-09-27 01:46:40", "-29719-04-05 22:13:20"],
        ),
    ],
)
def test_every_type_has_texts(values, texts):
    """Numbers, times of day, durations and dates, also far ones, in one spelling."""
    assert canonical_texts(values).to_pylist() == texts


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("1e40", "1e40"),
        ("1e39", "1" + "0" * 39),
        ("1e-40", "0." + "0" * 39 + "1"),
        ("1e-41", "1e-41"),
    ],
)
def test_only_very_long_numbers_have_an_exponent(spelling, text):
    """Up to forty digits are written out."""
    assert number_text(spelling) == text
