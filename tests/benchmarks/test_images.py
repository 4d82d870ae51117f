"""Images as arrays: what a run records and shows."""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np

import images


def write_idx(path, values):
    """Write an array of bytes as an IDX file."""
    head = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(
        f">{values.ndim}I", *values.shape
    )
    path.write_bytes(gzip.compress(head + values.tobytes()))


def test_a_run_is_recorded_once_and_shown(tmp_path, capsys):
    """One line per method; what stands there is not run again."""
    random = np.random.default_rng(0)
    for part, rows in (("train", 60), ("t10k", 20)):
        labels = (np.arange(rows) % 2).astype(np.uint8)
        pixels = (random.integers(100, size=(rows, 4, 4)) + 150 * labels[:, None, None]).astype(
            np.uint8
        )
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", labels)
    out = tmp_path / "images.jsonl"
    words = [str(tmp_path), "--methods", "epochal:fast:max_iter=5", "--out", str(out)]
    for _ in range(2):
        assert images.main(words) == 0
    (line,) = out.read_text().splitlines()
    row = json.loads(line)

    assert row["accuracy"] > 0.9
    assert row["members"] == 2
    assert row["peak_mb"] > 50
    assert (
        f"| `epochal:fast:max_iter=5` | {row['machine'].rstrip('.')} | 2 |"
        in capsys.readouterr().out
    )
