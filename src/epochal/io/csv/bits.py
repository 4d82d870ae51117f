"""Bit masks of bytes, 64 bits a word: many bytes are processed in a few operations."""

from __future__ import annotations

import numpy as np

WORD = 64
_ONE = np.uint64(1)


def bits_of(flags: np.ndarray) -> np.ndarray:
    """Return one bit for each flag, 64 bits a word."""
    packed = np.zeros(-(-len(flags) // WORD) * 8, np.uint8)
    packed[: -(-len(flags) // 8)] = np.packbits(flags, bitorder="little")
    return packed.view("<u8")


def prefix_parity(words: np.ndarray, *, is_odd: bool) -> np.ndarray:
    """Return the prefix parity of bits: each tells whether the number of set bits up to it is odd.

    `is_odd`: the number before the first bit is odd.
    """
    odd = words.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        odd ^= odd << np.uint64(shift)
    carry = np.bitwise_xor.accumulate(odd >> np.uint64(WORD - 1))
    # All ones where the parity up to the previous word is odd.
    odd[1:] ^= np.uint64(0) - carry[:-1]
    return ~odd if is_odd else odd


def after(words: np.ndarray) -> np.ndarray:
    """Return a mask of the bytes that follow flagged ones."""
    moved = words << _ONE
    moved[1:] |= words[:-1] >> np.uint64(WORD - 1)
    return moved


def before(words: np.ndarray, distance: int = 1) -> np.ndarray:
    """Return a mask of the bytes that precede flagged ones by a distance."""
    n_words, bits = divmod(distance, WORD)
    moved = np.zeros_like(words)
    moved[: max(len(words) - n_words, 0)] = words[n_words:]
    if bits:
        carried = moved[1:] << np.uint64(WORD - bits)
        moved >>= np.uint64(bits)
        moved[:-1] |= carried
    return moved


def places_of(words: np.ndarray) -> np.ndarray:
    """Return the positions of the flagged bytes."""
    numbers = words.nonzero()[0]
    return _places_in(words[numbers], numbers) if len(numbers) else numbers


def last_place(words: np.ndarray, start: int, stop: int) -> int:
    """Return the position of the last flagged byte from `start` to `stop`; -1 if there is none."""
    first = start // WORD
    words = words[first : -(-stop // WORD)]
    # The last word may extend beyond `stop`; the one before does not.
    last = np.flatnonzero(words)[-2:]
    places = _places_in(words[last], first + last)
    places = places[(places >= start) & (places < stop)]
    return int(places[-1]) if len(places) else -1


def _places_in(words: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the positions of the flagged bytes of words with these numbers."""
    bits = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little").view(bool))
    places: np.ndarray = (numbers[bits >> 6] << 6) + (bits & 63)
    return places


def are_set(words: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return whether the bytes at some positions are flagged."""
    shifts = (places % WORD).astype(np.uint64)
    flagged: np.ndarray = (words[places // WORD] >> shifts) & _ONE != 0
    return flagged
