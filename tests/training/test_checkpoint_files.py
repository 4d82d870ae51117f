"""The files of checkpoints are found in their order, and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from epochal.training.checkpoint_files import (
    checkpoint_file,
    checkpoint_files,
    last_number,
    remove_checkpoints,
)


def written(folder: Path, *numbers: int) -> None:
    """Write empty checkpoints with these numbers."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        checkpoint_file(folder, number).write_bytes(b"")


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_files_are_in_order_and_numbers_go_on(tmp_path: Path) -> None:
    """Other files are none, and a folder that is not there has none."""
    written(tmp_path, 9, 10)
    (tmp_path / "other.safetensors").write_bytes(b"")
    assert checkpoint_files(tmp_path) == [checkpoint_file(tmp_path, n) for n in (9, 10)]
    assert last_number(tmp_path) == 10
    assert checkpoint_files(tmp_path / "nowhere") == []
    assert last_number(tmp_path / "nowhere") == 0


def test_removing_leaves_other_files(tmp_path: Path) -> None:
    """The folder goes if it is empty."""
    written(tmp_path / "new", 1, 2)
    (tmp_path / "new" / "mine.txt").write_text("x")
    remove_checkpoints(tmp_path / "new")
    assert names(tmp_path / "new") == ["mine.txt"]
    written(tmp_path / "other", 1)
    remove_checkpoints(tmp_path / "other")
    assert not (tmp_path / "other").exists()
    remove_checkpoints(tmp_path / "other")


def test_a_checkpoint_that_stays_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training that needed it has ended well."""
    written(tmp_path / "new", 1)

    def refused(*_: object, **__: object) -> None:
        """Refuse to remove a file."""
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.warns(
        UserWarning, match="cannot be removed: Operation not permitted\nHint: remove"
    ):
        remove_checkpoints(tmp_path / "new")
