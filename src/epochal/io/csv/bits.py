"""A bit for each byte, 64 of them a word: many bytes looked at together, in a few operations."""

from __future__ import annotations

import numpy as np

WORD = 64
_ONE = np.uint64(1)


def bits_of(flags: np.ndarray) -> np.ndarray:
    """Return a bit for each flag, 64 of them a word."""
    packed = np.zeros(-(-len(flags) // WORD) * 8, np.uint8)
    packed[: -(-len(flags) // 8)] = np.packbits(flags, bitorder="little")
    return packed.view("<u8")


def odd_so_far(words: np.ndarray, *, is_odd: bool) -> np.ndarray:
    """Return a bit for every bit: whether there are an odd number of set ones up to it.

    `is_odd`: there are before the first.
    """
    odd = words.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        odd ^= odd << np.uint64(shift)
    carry = np.bitwise_xor.accumulate(odd >> np.uint64(WORD - 1))
    # All ones where the number up to the word before is odd.
    odd[1:] ^= np.uint64(0) - carry[:-1]
    return ~odd if is_odd else odd


def after(words: np.ndarray) -> np.ndarray:
    """Return the bits of the bytes that follow the flagged ones."""
    moved = words << _ONE
    moved[1:] |= words[:-1] >> np.uint64(WORD - 1)
    return moved


def before(words: np.ndarray, distance: int = 1) -> np.ndarray:
    """Return the bits of the bytes that precede the flagged ones, by a distance."""
    whole, bits = divmod(distance, WORD)
    moved = np.zeros_like(words)
    moved[: max(len(words) - whole, 0)] = words[whole:]
    if bits:
        ahead = moved[1:] << np.uint64(WORD - bits)
        moved >>= np.uint64(bits)
        moved[:-1] |= ahead
    return moved


def places_of(words: np.ndarray) -> np.ndarray:
    """Return the places of the flagged bytes."""
    some = words.nonzero()[0]
    return _places_in(words[some], some) if len(some) else some


def last_place(words: np.ndarray, start: int, stop: int) -> int:
    """Return the place of the last flagged byte between two places; -1 if there is none."""
    first = start // WORD
    words = words[first : -(-stop // WORD)]
    # The last word may reach beyond; the one before does not.
    last = np.flatnonzero(words)[-2:]
    places = _places_in(words[last], first + last)
    places = places[(places >= start) & (places < stop)]
    return int(places[-1]) if len(places) else -1


def _places_in(words: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the places of the flagged bytes of words, which have these numbers."""
    bits = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little").view(bool))
    places: np.ndarray = (numbers[bits >> 6] << 6) + (bits & 63)
    return places


def are_set(words: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return whether the bytes at some places are flagged."""
    shifts = (places % WORD).astype(np.uint64)
    flagged: np.ndarray = (words[places // WORD] >> shifts) & _ONE != 0
    return flagged
