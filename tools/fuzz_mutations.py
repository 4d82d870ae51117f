"""Mutations of files that keep their structure: zip, JSON, safetensors, checksums, NumPy's headers, CSV.

Changed bytes of a file with a checksum all end at the checksum. These functions change what lies behind it, and
write the checksum anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

DESCRIPTION, WEIGHTS, CHECKSUMS = "model.json", "weights.safetensors", "checksums.json"
CHECKPOINT = "epochal_checkpoint"
# Numbers and words at the bounds of types, of sizes and of JSON.
NUMBERS = [0, 1, -1, 2, 3, 255, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**12, 10**400, 0.5, -0.0]
NUMBERS += [1e-320, 1e308, float("nan"), float("inf"), float("-inf")]
WORDS = ["", "a", "\ud800", "\x00", "é", "<U5", "<U99999999", "object", "float64", "int8", "auto"]
WORDS += ["infinity", "category", "number", "boolean", "date", "x0", "default", "best", "relu"]
WORDS += ["é" * 300, "year", "folds", "cross_entropy", "squared_error", "adam", "sgd", "cosine"]
TYPES = ["F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F4", "C64", "X"]
RAW = [
    b"NaN",
    b"1e400",
    b"-Infinity",
    b"[" * 3000,
    b"9" * 5000,
    b'{"a":1,"a":2}',
    b"\xff",
    b"\\ud800",
]
CSV_PIECES = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
]
CSV_PIECES += [
    b"\xc2\x85",
    b"\xc2\x80",
    b"-0",
    b"0x1F",
    b"1e400",
    b"NaN",
    b"2024-13-01",
    b"1,5",
    b" ",
]
CSV_PIECES += [
    b"\xed\xa0\x80",
    b"9" * 400,
    b"true",
    b"NA",
    b"a" * 3000,
    b"1_000",
    b"12:30:00",
    b"'",
]


def of_bytes(content: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to four changes that know no structure."""
    found = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(found) + 1)
        kind = dice.randrange(5)
        length = min(1 << dice.randrange(8), len(found) - place)
        if kind == 0 and place < len(found):
            found[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            found[place:place] = dice.randbytes(dice.randint(1, 8))
        elif kind == 2:
            del found[place : place + length]
        elif kind == 3:
            size = dice.choice([1, 2, 4, 8])
            found[place : place + size] = dice.choice([b"\0", b"\xff", b"\x7f"]) * size
        else:
            start = dice.randrange(len(found) + 1)
            found[place:place] = found[start : start + length]
    return bytes(found)


def of_json(value: Any, dice: random.Random) -> Any:
    """Return a JSON value with a change at a random place; the value itself may be changed."""
    holders = [(holder, key) for holder, key in _places(value)]
    if not holders:
        return _scalar(value, dice)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        holder, key = dice.choice(holders)
        if (key in holder) if isinstance(holder, dict) else (key < len(holder)):
            _change(holder, key, dice.choice(holders), dice)
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return the places of a JSON value: lists and objects, with the indices and keys in them."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 20_000:
        one = waiting.pop()
        keys = (
            list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        )
        for key in keys:
            found.append((one, key))
            waiting.append(one[key])
    return found


def _change(holder: Any, key: Any, other: tuple[Any, Any], dice: random.Random) -> None:
    """Change what stands at a place: remove it, repeat it, take another value; return nothing."""
    kind = dice.randrange(10)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, json.loads(json.dumps(holder[key])))
    elif kind == 1:
        holder[dice.choice(WORDS)] = holder[key]
    elif kind == 2 and isinstance(holder, list):
        holder.extend(json.loads(json.dumps(holder[:50])) * dice.choice([1, 1, 40]))
    elif kind == 3 and isinstance(holder, list):
        del holder[key:]
    elif kind in {4, 5}:
        there, place = other
        present = place in there if isinstance(there, dict) else place < len(there)
        holder[key] = json.loads(json.dumps(there[place])) if present else None
    elif kind == 6:
        holder[key] = dice.choice([None, True, False, [], {}, [holder[key]], {"a": 1}, [[1, 2]]])
    else:
        holder[key] = _scalar(holder[key], dice)


def _scalar(value: Any, dice: random.Random) -> Any:
    """Return another value, mostly of the same type."""
    if isinstance(value, bool) and dice.random() < 0.8:
        return not value
    if isinstance(value, (int, float)) and dice.random() < 0.8:
        near = [
            value + 1,
            value - 1,
            -value,
            2 * value,
            float(value) if abs(value) < 1e300 else 1.0,
        ]
        return dice.choice(near) if dice.random() < 0.5 else dice.choice(NUMBERS)
    if isinstance(value, str) and dice.random() < 0.6:
        cut = dice.randrange(len(value) + 1)
        return dice.choice(
            [value[:cut], value[cut:] + value[:cut], value + "a", dice.choice(WORDS)]
        )
    return dice.choice([dice.choice(NUMBERS), dice.choice(WORDS), None, True, [], {}])


def of_json_text(content: bytes, dice: random.Random) -> bytes:
    """Return JSON text with a change of its values, or, more rarely, of its letters."""
    kind = dice.random()
    if kind < 0.12:
        place = dice.randrange(len(content) + 1)
        return content[:place] + dice.choice(RAW) + content[place:]
    if kind < 0.2:
        return of_bytes(content, dice)
    try:
        return json.dumps(of_json(json.loads(content), dice)).encode()
    except (ValueError, RecursionError, OverflowError):
        return of_bytes(content, dice)


def of_model(content: bytes, dice: random.Random) -> bytes:
    """Return a model file with changes in its description, its tensors, or its archive."""
    if dice.random() < 0.08:
        return of_bytes(content, dice)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        description, weights = parts[DESCRIPTION], parts[WEIGHTS]
    except Exception:  # noqa: BLE001 - of a damaged file, whatever zipfile raises
        return of_bytes(content, dice)
    kind = dice.random()
    if kind < 0.7:
        description = of_json_text(description, dice)
    if kind > 0.6:
        weights = of_safetensors(weights, dice)
    sums = {
        name: hashlib.sha256(part).hexdigest()
        for name, part in ((DESCRIPTION, description), (WEIGHTS, weights))
    }
    checksums = json.dumps(sums).encode()
    if dice.random() < 0.02:
        checksums = of_json_text(checksums, dice)
    return zipped({DESCRIPTION: description, WEIGHTS: weights, CHECKSUMS: checksums}, dice)


def zipped(parts: dict[str, bytes], dice: random.Random) -> bytes:
    """Return an archive of the parts, with an odd entry now and then."""
    file = io.BytesIO()
    odd = dice.random()
    kind = zipfile.ZIP_DEFLATED if odd < 0.01 else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, kind)
        if 0.01 < odd < 0.02:
            archive.writestr(dice.choice(["../a", "a", "model.json\0"]), b"x")
    return file.getvalue()


def of_safetensors(content: bytes, dice: random.Random) -> bytes:
    """Return a safetensors file with a change in its header or its numbers."""
    header, data = split_safetensors(content)
    if header is None:
        return of_bytes(content, dice)
    kind = dice.random()
    if kind < 0.4 and data:
        return joined_safetensors(header, _numbers(data, dice))
    names = [name for name in header if name != "__metadata__"]
    if not names:
        return of_bytes(content, dice)
    name = dice.choice(names)
    entry = header[name]
    if kind < 0.5 and isinstance(entry, dict):
        entry["dtype"] = dice.choice(TYPES)
    elif kind < 0.6:
        header[dice.choice(names)] = header.pop(name)
    elif kind < 0.7:
        header[name + dice.choice(["", "x", ".bias", "\ud800"])] = header.pop(name)
    elif kind < 0.8 and isinstance(entry, dict) and isinstance(entry.get("shape"), list):
        dice.shuffle(entry["shape"])
        entry["shape"] += dice.choice([[], [1], [0], [2**40]])
    elif kind < 0.9:
        header = of_json(header, dice)
    else:
        return of_bytes(content, dice)
    return joined_safetensors(header, data)


def split_safetensors(content: bytes) -> tuple[Any, bytes]:
    """Return the header of a safetensors file and its numbers; None and b"" if it has no header."""
    try:
        (size,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + size])
    except (ValueError, struct.error, RecursionError, OverflowError):
        return None, b""
    return (header, content[8 + size :]) if isinstance(header, dict) else (None, b"")


def joined_safetensors(header: Any, data: bytes) -> bytes:
    """Return a safetensors file of a header and numbers."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def _numbers(data: bytes, dice: random.Random) -> bytes:
    """Return numbers of which a few have other values, at the place of a float32 or float64."""
    found = bytearray(data)
    form = dice.choice(["<f", "<d"])
    values = [0.0, -1.0, 1e-45, 3e38, float("nan"), float("inf"), 1e-300 if form == "<d" else 1.0]
    for _ in range(dice.choice([1, 1, 8, 64])):
        size = struct.calcsize(form)
        place = dice.randrange(max(len(found) // size, 1)) * size
        found[place : place + size] = struct.pack(form, dice.choice(values))[: len(found) - place]
    return bytes(found)


def of_checkpoint(content: bytes, dice: random.Random) -> bytes:
    """Return a checkpoint with changes in its values or its arrays, and mostly with the right checksum."""
    header, data = split_safetensors(content)
    if header is None or dice.random() < 0.05:
        return of_bytes(content, dice)
    try:
        described = json.loads(header["__metadata__"][CHECKPOINT])
        kind = dice.random()
        if kind < 0.6:
            described = of_json(described, dice)
        else:
            header, data = split_safetensors(of_safetensors(content, dice))
        if isinstance(described, dict) and dice.random() < 0.9:
            described.pop("sha256", None)
            described["sha256"] = _checksum_of(joined_safetensors(header, data), described)
        text = json.dumps(described)
        if dice.random() < 0.05:
            text = of_json_text(text.encode(), dice).decode("utf-8", "replace")
        header["__metadata__"] = {CHECKPOINT: text}
    except (KeyError, TypeError, ValueError, RecursionError, AttributeError):
        return of_bytes(content, dice)
    return joined_safetensors(header, data)


def _checksum_of(content: bytes, described: dict[str, Any]) -> str:
    """Return the checksum that fits the arrays and values of a checkpoint; "" if it has none that can be read."""
    from safetensors.numpy import load

    from epochal.training.checkpoints import checksum

    try:
        return checksum(load(content), described)
    except Exception:  # noqa: BLE001 - of a damaged file, whatever the library raises
        return ""


def of_csv(content: bytes, dice: random.Random) -> bytes:
    """Return a text table with pieces inserted, lines repeated, cells moved."""
    if dice.random() < 0.2:
        return of_bytes(content, dice)
    for _ in range(dice.choice([1, 1, 2, 4])):
        lines = content.split(b"\n")
        kind, row = dice.randrange(4), dice.randrange(len(lines))
        if kind == 0:
            lines[row:row] = lines[row : row + dice.randint(1, 3)] * dice.choice([1, 1, 30])
        elif kind == 1:
            del lines[row]
        elif kind == 2:
            cells = lines[row].split(b",")
            cells[dice.randrange(len(cells))] = dice.choice(CSV_PIECES)
            lines[row] = b",".join(cells)
        else:
            place = dice.randrange(len(content) + 1)
            lines = [content[:place] + dice.choice(CSV_PIECES) + content[place:]]
        content = b"\n".join(lines)
    return content


def of_npy(content: bytes, dice: random.Random) -> bytes:
    """Return an array file with another header, or with changed bytes."""
    if not content.startswith(b"\x93NUMPY") or dice.random() < 0.3:
        return of_bytes(content, dice)
    shapes = [
        "(10**12, 4)",
        "(1000000000000, 4)",
        "(4, 3)",
        "(0, 3)",
        "(-4, 3)",
        "()",
        "(12,)",
        "(2, 2, 3)",
    ]
    shapes += [
        "(99999999999999999999, 3)",
        "(4294967296, 4294967296)",
        "(True, 3)",
        "(4, 'a')",
        "(4.0, 3)",
    ]
    types = [
        "'<f8'",
        "'|O'",
        "'<f4'",
        "'>i2'",
        "'|u1'",
        "'<U9'",
        "'<M8[s]'",
        "'<c16'",
        "[('a', '<f8')]",
        "'|V0'",
    ]
    types += ["'<f2'", "'<f16'", "('<f8', (3,))", "'|b1'", "1", "'<U999999999'"]
    order = dice.choice(["True", "False", "False", "None", "1"])
    header = (
        f"{{'descr': {dice.choice(types)}, 'fortran_order': {order}, 'shape': {dice.choice(shapes)}, }}"
    ).encode()
    if dice.random() < 0.2:
        header = of_bytes(header, dice)
    version = dice.choice([b"\1\0", b"\2\0", b"\3\0", b"\1\0"])
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    old = struct.unpack("<H", content[8:10])[0] if len(content) >= 10 else 0
    return content[:6] + version + size + header + content[10 + old :]


def of_npz(content: bytes, dice: random.Random) -> bytes:
    """Return an archive of arrays of which one is changed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - of a damaged file, whatever zipfile raises
        return of_bytes(content, dice)
    if not parts or dice.random() < 0.1:
        return of_bytes(content, dice)
    name = dice.choice(list(parts))
    if dice.random() < 0.2:
        parts[dice.choice(["X.npy", "y.npy", "x_train.npy", "X", "a.txt"])] = parts.pop(name)
    else:
        parts[name] = of_npy(parts[name], dice)
    return zipped(parts, dice)


def of_idx(content: bytes, dice: random.Random) -> bytes:
    """Return an IDX file with another header, or with changed bytes."""
    if dice.random() < 0.4:
        return of_bytes(content, dice)
    sizes = [0, 1, 2, 3, 255, 2**16, 2**31, 2**32 - 1]
    count = dice.choice([0, 1, 2, 3, 4, 5, 255])
    header = bytes([0, 0, dice.choice([8, 9, 11, 12, 13, 14, 7]), count])
    shape = [dice.choice(sizes) for _ in range(min(count, 6))]
    return header + struct.pack(f">{len(shape)}I", *shape) + content[16:]


MUTATIONS = {
    "model": of_model,
    "checkpoint": of_checkpoint,
    "csv": of_csv,
    "npy": of_npy,
    "npz": of_npz,
    "idx": of_idx,
}


def mutated(form: str, content: bytes, dice: random.Random) -> bytes:
    """Return a file of a format with a change."""
    return MUTATIONS.get(form, of_bytes)(content, dice)
