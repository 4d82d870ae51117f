"""The peers that go through a table chunk by chunk."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

import big_table
import streaming_peers as peers
from big_table_columns import CLASSES, TARGET


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    """Read few rows at once."""
    monkeypatch.setattr(peers, "CHUNK_ROWS", 300)


@pytest.fixture
def table(tmp_path):
    """Return where a small table is."""
    big_table.write(tmp_path / "t.parquet", 700, 20)
    return tmp_path / "t.parquet"


def test_chunks_have_all_rows_as_numbers_and_text(table):
    """Dates and flags are numbers, text stays text, classes are counted in their order."""
    found = list(peers.chunks(table))
    frame, classes = found[0]
    written = pd.read_parquet(table)

    assert [len(frame) for frame, _ in found] == [300, 300, 100]
    assert np.array(CLASSES)[classes].tolist() == written[TARGET][:300].tolist()
    assert {str(frame[name].dtype) for name in frame if not peers._is_text(name)} == {"float32"}
    assert frame["category_01"].tolist() == written["category_01"][:300].tolist()


def test_text_and_parquet_are_the_same_to_them(table, tmp_path):
    """A table as CSV gives the same chunks."""
    big_table.write(tmp_path / "t.csv", 700, 20)
    both = zip(peers.chunks(table), peers.chunks(tmp_path / "t.csv"), strict=True)

    for (one, classes), (other, same) in both:
        pd.testing.assert_frame_equal(one, other.reset_index(drop=True), check_dtype=False)
        assert classes.tolist() == same.tolist()


@pytest.mark.parametrize(
    "method",
    [
        "sklearn",
        pytest.param(
            "torch", marks=pytest.mark.skipif(not find_spec("torch"), reason="no PyTorch here")
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_peer_trains_predicts_and_evaluates(method, table, tmp_path, capsys):
    """Events are told by epoch; what is kept predicts every row, better than by guessing."""
    rest = [str(table), "--model", str(tmp_path / "model")]
    train = ["--epochs", "6", "--batch-size", "50", "--valid", str(table)]
    assert peers.main([method, "train", *rest, *train]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert peers.main([method, "predict", *rest, "--out", str(tmp_path / "p.csv")]) == 0
    predicted = pd.read_csv(tmp_path / "p.csv")
    assert peers.main([method, "evaluate", *rest]) == 0
    figures = json.loads(capsys.readouterr().out)

    assert [(event["epoch"], event["rows"]) for event in events] == [(n, 700) for n in range(1, 7)]
    assert figures == pytest.approx(events[-1]["validation"])
    assert figures["accuracy"] == np.mean(predicted[TARGET] == pd.read_parquet(table)[TARGET])
    assert figures["accuracy"] > pd.read_parquet(table)[TARGET].value_counts().max() / 700 + 0.1
    assert np.allclose(predicted[[f"p_{name}" for name in CLASSES]].sum(axis=1), 1, atol=1e-5)
