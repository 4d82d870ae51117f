"""What is kept for the next fit: found by its origin, whole, or made anew."""

import numpy as np
import pytest

from epochal.data.kept import Kept
from epochal.data.preprocess import Preprocessor
from epochal.errors import WriteError

X = np.random.default_rng(0).normal(size=(50, 3))
HOW = {"epsilon": 1e-8, "clip": 3.0, "max_categories": 64}


def test_what_was_kept_is_not_made_again(tmp_path):
    """The second time the preprocessing is read, and is the same bit for bit."""
    made = []

    def make():
        """Return a preprocessor, and count."""
        made.append(1)
        return Preprocessor.fit(X, n_knots=(4, 8), **HOW)

    kept = Kept.of(str(tmp_path), "data", 1)
    first, again = kept.preprocessor(make), kept.preprocessor(make)

    assert made == [1]
    assert first == again
    assert len(list(tmp_path.iterdir())) == 1


def test_another_origin_has_another_name(tmp_path):
    """Other data, arrays with other values, types or shapes, and other numbers are other origins."""
    ones = np.ones(6, np.int32)
    origins = [
        Kept.of(str(tmp_path), data, *more).origin
        for data in ("a", "b")
        for more in (
            (),
            (1,),
            (None,),
            ("1",),
            (ones,),
            (ones.astype(np.float32),),
            (ones.reshape(2, 3),),
            (ones * 2,),
            (ones, ones),
            (np.broadcast_to(np.int32(3), 6),),
        )
    ]

    assert len(set(origins)) == len(origins)
    assert Kept.of(str(tmp_path), "a", ones) == Kept.of(str(tmp_path), "a", np.ones(6, np.int32))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not whole", None])
def test_what_is_damaged_is_made_anew(tmp_path, damage):
    """A file that cannot be read is as none; it is replaced."""
    kept = Kept.of(str(tmp_path), "data")
    whole = kept.preprocessor(lambda: Preprocessor.fit(X, **HOW))
    path = kept.path("columns")
    path.write_bytes(path.read_bytes()[:100] if damage is None else damage)

    assert kept.load("columns") is None
    assert kept.preprocessor(lambda: Preprocessor.fit(X, **HOW)) == whole
    assert kept.load("columns") is not None


def test_a_folder_that_is_not_there_is_told(tmp_path):
    """The folder is named."""
    with pytest.raises(WriteError, match="nowhere"):
        Kept.of(str(tmp_path / "nowhere"), "data")
