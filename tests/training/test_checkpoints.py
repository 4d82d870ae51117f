"""Checkpoints are whole, checked and of one training; that trainings go on from them is in test_checkpointing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from epochal.errors import ModelError, SettingError
from epochal.nn.layers import Layer
from epochal.training import checkpoints as room
from epochal.training.checkpoints import Checkpoints, newest, read
from epochal.training.optimizers import AdamMoments
from epochal.training.state import TrainingState
from epochal.training.step import MemberState

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT = {"data": "ab", "settings": {"l2": 0.1}}


def fingerprint() -> dict[str, Any]:
    """Return what identifies the training."""
    return FINGERPRINT


def state(epoch: int) -> TrainingState:
    """Return the state of two members after so many epochs."""
    layer = Layer(np.full((2, 3, 2), epoch, np.float32), np.zeros((2, 2), np.float32))
    moments = AdamMoments((layer,), (layer,))
    members = MemberState((layer,), moments, np.array([epoch, epoch], np.int32), ())
    return TrainingState(members, epoch, (layer,), (epoch, 0))


def written(folder: Path, count: int) -> Checkpoints:
    """Return checkpoints after so many were written."""
    found = Checkpoints(folder, fingerprint, {"words": ["train"]}, interval=0.0)
    for epoch in range(1, count + 1):
        found(lambda epoch=epoch: state(epoch))
        found.wait()
    return found


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_state_comes_back(tmp_path: Path) -> None:
    """Bit for bit, with the command; the last two are kept, and numbers go on."""
    found = written(tmp_path / "new", 3)
    back = found.latest(state(0).members.layers)

    assert back is not None
    assert back.epoch == 3
    np.testing.assert_array_equal(
        back.members.layers[0].weights, state(3).members.layers[0].weights
    )
    assert names(tmp_path / "new") == [
        "checkpoint-000002.safetensors",
        "checkpoint-000003.safetensors",
    ]
    stored = newest(tmp_path / "new")
    assert stored is not None
    assert stored.command == {"words": ["train"]}
    written(tmp_path / "new", 1)
    assert names(tmp_path / "new")[-1] == "checkpoint-000004.safetensors"


def test_without_checkpoints_there_is_no_state(tmp_path: Path) -> None:
    """Nor a folder; other files are none."""
    (tmp_path / "other.txt").write_text("x")
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert Checkpoints(folder, fingerprint).latest(state(0).members.layers) is None
    assert not (tmp_path / "nowhere").exists()


def test_before_it_is_time_nothing_is_written(tmp_path: Path) -> None:
    """The state is not even asked for, nor what identifies the training."""
    found = Checkpoints(tmp_path / "new", lambda: pytest.fail("the fingerprint was asked for"))
    found(lambda: pytest.fail("the state was asked for"))
    found.wait()
    assert not (tmp_path / "new").exists()


def test_another_training_is_refused(tmp_path: Path) -> None:
    """With what differs."""
    written(tmp_path, 1)
    other = Checkpoints(tmp_path, lambda: {"data": "cd", "settings": {"l2": 0.2}})
    with pytest.raises(SettingError, match="other data; settings: l2 was 0.1 and is 0.2"):
        other.latest(state(0).members.layers)


def test_of_a_damaged_checkpoint_the_one_before_is_read(tmp_path: Path) -> None:
    """If all are damaged, the newest is named."""
    found = written(tmp_path, 2)
    first, last = sorted(tmp_path.iterdir())
    last.write_bytes(last.read_bytes()[:-3])
    back = found.latest(state(0).members.layers)
    assert back is not None
    assert back.epoch == 1
    first.write_bytes(b"")
    with pytest.raises(ModelError, match="checkpoint-000002.* cannot be read"):
        found.latest(state(0).members.layers)


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    """Each byte of an array counts, and the header says of which format it is."""
    written(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    arrays = load_file(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="its checksum is another one"):
        read(path)
    save_file(arrays, path)
    with pytest.raises(ModelError, match="is no checkpoint"):
        read(path)
    for other in (1, 3):
        save_file(arrays, path, {"epochal_checkpoint": json.dumps({"format": other})})
        with pytest.raises(ModelError, match=f"has the format {other}; expected 2"):
            read(path)


def forged(path: Path, **changes: Any) -> None:
    """Write a checkpoint anew with other values, and with the checksum that fits; returns nothing."""
    with safe_open(path, framework="numpy") as file:
        described = json.loads(file.metadata()["epochal_checkpoint"]) | changes
    arrays = load_file(path)
    described = {k: v for k, v in described.items() if k != "sha256" and v is not None}
    described["sha256"] = room.checksum(arrays, described)
    save_file(arrays, path, {"epochal_checkpoint": json.dumps(described)})


def test_changed_values_are_found(tmp_path: Path) -> None:
    """The checksum is of the values, too: another epoch would be another training."""
    written(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content.replace(rb"\"epoch\": 1", rb"\"epoch\": 2"))
    assert path.read_bytes() != content
    with pytest.raises(ModelError, match="its checksum is another one"):
        read(path)


@pytest.mark.parametrize("part", ["values", "fingerprint", "command"])
def test_a_checkpoint_without_a_part_is_refused(tmp_path: Path, part: str) -> None:
    """Whether it is not there or is something else, with a checksum that is right."""
    written(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    forged(path)
    assert read(path).command == {"words": ["train"]}
    for value in (None, [1]):
        forged(path, **{part: value})
        with pytest.raises(ModelError, match="is no checkpoint; expected one with values, "):
            read(path)


def test_types_and_nestings_that_no_checkpoint_has_are_refused(tmp_path: Path) -> None:
    """Numbers of eight bits, which NumPy does not have, and values that are nested too deeply."""
    written(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    arrays = load_file(path)
    content = path.read_bytes()
    header = json.dumps({"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(ModelError, match="cannot be read"):
        read(path)
    path.write_bytes(content)
    save_file(arrays, path, {"epochal_checkpoint": "[" * 10**5})
    with pytest.raises(ModelError, match="cannot be read"):
        read(path)


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training goes on, with the checkpoint before it."""
    found = written(tmp_path, 1)

    def full(_: int) -> None:
        """Refuse as a full disk does."""
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    arrays, values = state(2).to_arrays()
    with pytest.warns(UserWarning, match="no checkpoint was written, and the training goes on"):
        found._write(2, arrays, values)
    assert names(tmp_path) == ["checkpoint-000001.safetensors"]


def test_a_slow_disk_does_not_hold_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a checkpoint is written no other one is begun."""
    import threading

    go_on, asked = threading.Event(), []
    found = Checkpoints(tmp_path / "new", fingerprint, interval=0.0)
    monkeypatch.setattr(room, "checksum", lambda *_: go_on.wait(10) and "")
    for epoch in (1, 2, 3):
        found(lambda epoch=epoch: asked.append(epoch) or state(epoch))
    go_on.set()
    found.wait()
    assert asked == [1]
