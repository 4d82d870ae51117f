"""The items of a fit's peak memory, phase by phase: what networks, rows, validation and programs take.

Constants are measured one by one, on a CPU, with every program compiled in the process
(docs/PERFORMANCE.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MB = 10**6
# XLA's runtime, when it has started and runs programs.
RUNTIME = 65 * MB
# A compiled program, and what compiling one takes at its peak; of networks with an embedding and of others.
PROGRAM, PLAIN_PROGRAM = 15 * MB, 5 * MB
COMPILER, PLAIN_COMPILER = 55 * MB, 15 * MB
# Statistics take so many bytes for each cell, up to those of all pieces that are worked on at once.
CELL, READING = 40, 130 * MB
# Numbering labels of arrays sorts copies of them: bytes per row.
NUMBERING = 40
# Without a limit, rows that are encoded only for validation take at most so much.
VALIDATION_BYTES = 2**28
# Rows gathered at a time: large enough that handing them to the program costs nothing beside its
# work, and less than glibc gives back when it is freed (docs/PERFORMANCE.md).
SEGMENT_BYTES = 16 * 2**20
# Segments that are there at the same time.
SEGMENTS = 3
# The validation set has, for each row, its class, its weight, and both on the device.
VALIDATION_ROW = 24
# Up to this size the validation set is copied, to share a program with sets of near sizes; larger ones are
# estimated with as much, so that no more rows are estimated to take less.
PADDED = 2**24
# Sizes are rounded up to buckets: by an eighth on average.
BUCKET = 1.125
# Arrays of float64 (rows, classes) with which out-of-bag probabilities are computed, and with which
# the loss of the whole ensemble is estimated, where several members cover a row.
PROBABILITIES, EXPECTED = 2, 7


class Storage(StrEnum):
    """Where encoded rows are."""

    MEMORY = "in memory"
    PACKED = "packed in memory"
    DISK = "on disk"


class Item(NamedTuple):
    """One part of the estimate: what it is, and its bytes."""

    name: str
    size: int


class NetworkSize(NamedTuple):
    """What decides the memory of the members: bytes of float32 parameters, and how they train."""

    weights: int  # bytes of all members' parameters, as a model stores them
    trained: int  # the same in training, where coarse members carry coarse bins only
    members: int
    states: int  # copies in a member's state: weights, moments, moving average
    groups: int  # groups of members that train side by side
    threads: int
    variants: int  # of programs
    embedded: bool
    validated: bool  # whether there is a program for the validation loss
    target_tables: int = 0  # bytes of all members' target statistics, of all inner folds


class RowSize(NamedTuple):
    """What decides the memory of the rows."""

    rows: int  # that train
    columns: int
    row_bytes: int  # of an encoded row
    packed_bytes: int | None  # of a packed one, if packing is worth it
    classes: int
    known: int  # bytes of labels, weights, groups, timestamps and bags of all rows
    holdout: int = 0  # validation rows that do not train
    coverage: float = 0.0  # members that leave out a row, on average
    own: bool = False  # whether members are validated on the rows that they leave out
    calibrated: bool = False
    streamed: bool = False
    pages: int = 0  # bytes of a file's pages while it is read, beside the pieces


class Shares(NamedTuple):
    """Where encoded rows are, and how many bytes of them may be in memory at a time."""

    place: Storage = Storage.MEMORY
    buffer: int = 0  # blocks from disk that are in memory together
    validation: int = VALIDATION_BYTES  # of rows that are encoded only for validation
    validation_row: int | None = None  # what each of them takes; None: its encoded size
    segment: int = SEGMENT_BYTES  # rows that are handed to the device at a time


def phases_of(network: NetworkSize, rows: RowSize, shares: Shares) -> dict[str, tuple[Item, ...]]:
    """Return the items of every phase."""
    program, compiler = (PROGRAM, COMPILER) if network.embedded else (PLAIN_PROGRAM, PLAIN_COMPILER)
    count = network.variants * (2 if network.validated else 1)
    runtime = Item("runtime and compiled programs", RUNTIME + count * program)
    known = Item("labels, weights and groups of rows", rows.known)
    validation, trained_logits, logits = _validation_items(network, rows, shares)
    # As they are made, and on the device; while they are made, counts and one table in float64.
    tables = Item("target statistics", 9 * network.target_tables // 4)
    held = (known, _rows_item(rows, shares), validation, tables)
    reading = min(CELL * rows.rows * rows.columns, READING)
    pages = Item("pages of the file", rows.pages)
    return {
        "reading": (
            known,
            Item("pieces that are read", reading),
            pages,
            Item("numbering labels", 0 if rows.streamed else NUMBERING * rows.rows),
        ),
        "encoding": (known, _rows_item(rows, shares), pages, tables),
        "training": (
            Item("networks, moments and copies", _training_bytes(network)),
            runtime,
            Item("compiling", compiler),
            *held,
            Item("logits of validation rows", trained_logits),
            Item("segments", _segments_bytes(network, rows, shares)),
        ),
        "gathering": (
            Item("networks, moments and copies", _gathering_bytes(network)),
            runtime,
            *held,
            Item("logits of validation rows", logits),
        ),
        "calibration": (
            Item("networks, moments and copies", network.weights * (network.states + 1)),
            runtime,
            *held,
            Item("logits of validation rows", logits),
            Item("out-of-bag probabilities", _probabilities_bytes(rows, shares)),
        ),
    }


def _training_bytes(network: NetworkSize) -> int:
    """Return what the members take while they train: as they began, states, best copies, those at work."""
    # A member at work has a copy of its state, another whose weights are packed, and its gradient.
    one = (2 * network.states + 1) * network.trained // network.members
    at_work = one * min(network.threads, network.groups)
    return network.weights + (network.states + 1) * network.trained + at_work


def _gathering_bytes(network: NetworkSize) -> int:
    """Return what the members take while they are copied to the result, array by array.

    That is as they began, the result, and one array of all members, which is at most a copy of the
    weights, both in the result and where it is copied from.
    """
    return network.weights * (network.states + 3)


def _rows_item(rows: RowSize, shares: Shares) -> Item:
    """Return the encoded rows, or the blocks of them that are in memory."""
    width = rows.row_bytes
    if shares.place is not Storage.MEMORY and rows.packed_bytes is not None:
        width = rows.packed_bytes
    whole = rows.rows * width
    if shares.place is Storage.DISK:
        return Item("blocks of encoded rows", min(shares.buffer, whole))
    return Item("encoded rows", whole)


def _segments_bytes(network: NetworkSize, rows: RowSize, shares: Shares) -> int:
    """Return the bytes of the segments, each of them at most an epoch."""
    epoch = rows.rows * (rows.row_bytes + 4 * (network.members + 2))
    return SEGMENTS * min(shares.segment, epoch)


def _validation_rows(rows: RowSize, shares: Shares) -> int:
    """Return how many rows validate, as many as the share allows if they are encoded only for that."""
    if rows.own and shares.place is Storage.MEMORY:
        return rows.rows
    count = rows.rows if rows.own else rows.holdout
    return min(count, shares.validation // validation_row(rows))


def validation_row(rows: RowSize) -> int:
    """Return what a row takes that is encoded only for validation, with its logits and probabilities."""
    covering = rows.coverage if rows.own else 1.0
    logits = 4 * rows.classes * 3 * covering
    return max(int(rows.row_bytes + VALIDATION_ROW + logits + _probability_row(rows)), 1)


def _validation_items(network: NetworkSize, rows: RowSize, shares: Shares) -> tuple[Item, int, int]:
    """Return the validation set, and bytes of its logits while members train and afterwards."""
    if not network.validated:
        return Item("validation rows", 0), 0, 0
    count = _validation_rows(rows, shares)
    features = count * rows.row_bytes
    shared = rows.own and shares.place is Storage.MEMORY
    copied = min(features, PADDED)
    size = (0 if shared else features) + copied + VALIDATION_ROW * count
    each = rows.coverage / network.members if rows.own else 1.0
    one = 4 * rows.classes * BUCKET * each * count
    everyone = one * network.members
    trained = 2 * everyone + one * network.groups
    return Item("validation rows", size), int(trained), int(2 * everyone)


def _probability_row(rows: RowSize) -> int:
    """Return the bytes of a row's out-of-bag probabilities."""
    if rows.coverage <= 0:
        return 0
    arrays = EXPECTED if rows.calibrated and rows.coverage > 1 else PROBABILITIES
    return arrays * 8 * rows.classes


def _probabilities_bytes(rows: RowSize, shares: Shares) -> int:
    """Return the bytes of all out-of-bag probabilities."""
    if rows.coverage <= 0:
        return 0
    count = (
        rows.rows if shares.place is Storage.MEMORY else shares.validation // validation_row(rows)
    )
    return _probability_row(rows) * min(count, rows.rows)
