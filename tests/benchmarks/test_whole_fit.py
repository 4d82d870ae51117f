"""Where the time of a whole fit goes: a small table, traced."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import whole_fit


@pytest.fixture
def suite(tmp_path):
    """Return a folder with a manifest and a table."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=60), "target": ["a", "b"] * 30})
    table.to_parquet(tmp_path / "small.parquet")
    manifest = [{"name": "small", "file": "small.parquet"}]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_fit_is_traced_and_its_shares_are_of_all(suite, capsys, monkeypatch):
    """Operations of compiled programs have shares, the longest first, that sum to 1."""
    monkeypatch.setattr(whole_fit, "PAUSE", 0.0)
    words = [str(suite), "--tables", "small:20", "--preset", "fast", "--one", "trace"]

    assert whole_fit.main(words) == 0

    found = [whole_fit.Share(*one) for one in json.loads(capsys.readouterr().out)]
    assert found
    assert sum(one.share for one in found) == pytest.approx(1)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)


def test_a_line_tells_seconds_memory_and_shares(suite):
    """Both processes run, and the epochs stand beside the name."""
    name, seconds, peak, products, _ = whole_fit.row(suite, "small:1", "fast")

    assert name == "small, 1 epochs"
    assert float(seconds) > 0
    assert float(peak) > 50
    assert products.endswith("%")


def test_operations_in_c_go_by_their_names(tmp_path, monkeypatch):
    """Products in C count as products, and several of one name together."""
    line = '  %{} = f32[2,3]{{1,0}} custom-call(%x), custom_call_target="epochal_{}", api_version=4'
    of = {"ffi_call.1": "dense_gradients", "ffi_call.2": "adam", "ffi_call.30": "adam"}
    text = "\n".join(line.format(*one) for one in of.items())
    (tmp_path / "module_0001.jit_step.cpu_after_optimizations.txt").write_text(text)
    event = {"ph": "X", "dur": 2.0, "args": {"hlo_module": "jit_step"}}
    events = [event | {"name": name} for name in of] + [event | {"name": "add", "dur": 1.0}]

    monkeypatch.delenv("XLA_FLAGS", raising=False)
    assert whole_fit.names_in_c() == {}
    monkeypatch.setenv("XLA_FLAGS", f"{whole_fit.DUMP}{tmp_path}")
    found = whole_fit.shares(events, whole_fit.names_in_c())

    assert found == [
        whole_fit.Share("epochal_adam", "jit_step", pytest.approx(2 / 3)),
        whole_fit.Share("matrix products", "", pytest.approx(1 / 3)),
    ]
