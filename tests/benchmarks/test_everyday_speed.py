"""The benchmark of everyday speed, on sizes that take no time."""

from __future__ import annotations

import json

import pytest

import everyday_costs as costs
import everyday_speed as speed

FAST = "preset='fast', max_iter=3, hidden_layer_sizes=(4,), embedding_size=0"


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """Make everything small, and leave the environment as it was."""
    monkeypatch.setattr(speed, "SMALL_EPOCHS", 2)
    monkeypatch.setattr(speed, "SEARCH_EPOCHS", 1)
    monkeypatch.setattr(speed, "FOLDS", 2)
    monkeypatch.setattr(speed, "RATES", (0.003, 0.006))
    monkeypatch.setattr(speed, "DECAYS", (1e-4,))
    monkeypatch.setattr(speed, "CALLS", 2)
    tiny = costs.Shape((5, 8, 3), 50, 120, 1, ensemble=True)
    for module in (speed, costs):
        monkeypatch.setattr(module, "MANY", tiny)
        monkeypatch.setattr(module, "MEMBERS", 2)
    monkeypatch.setattr(speed, "apart", lambda **_: {"beyond_mb": 7.0})
    for name in ("jax_product_rate", "numpy_product_rate"):
        rate = getattr(speed.machine, name)
        monkeypatch.setattr(speed.machine, name, lambda rate=rate: rate(side=32, tries=1))
    monkeypatch.setattr(speed.machine, "products_seconds", lambda *_: {"least": 2e-6})
    monkeypatch.setenv("EPOCHAL_CACHE", "")


def test_the_search_has_24_settings_that_are_no_shapes():
    """Rates, decays and momenta, as many as are promised; without the small sizes of this file."""
    text = speed.Path(speed.__file__).read_text()

    assert "RATES, DECAYS, MOMENTA = (0.003, 0.006, 0.012, 0.024), (0.0, 1e-4, 1e-3), (0.5" in text
    assert 4 * 3 * len(speed.MOMENTA) == 24


def test_calls_are_timed_one_after_another_within_a_round():
    """Rounds go through all calls, so that a change of pace meets all alike."""
    order = []
    rounds = speed.in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)

    assert order == ["a", "b", "a", "b"]
    assert [list(each) for each in rounds] == [["a", "b"], ["a", "b"]]


def test_a_search_counts_what_it_compiles_and_more_settings_compile_no_more():
    """From nothing compiled, twice the settings need as many programs."""
    result = speed.search(1)

    assert list(result["compilations"]) == ["2", "4"]
    assert result["compilations"]["4"] == result["compilations"]["2"] > 0
    assert set(result["rounds"][0]) == {"epochal", "sklearn", "peak", "alone"}


def test_a_first_fit_tells_what_its_epochs_took(capsys):
    """The code that runs in a new process prints seconds of the fit and of its epochs."""
    code = speed.FIRST_FIT.replace("random_state=0", f"random_state=0, {FAST}")
    exec(compile(code, "first_fit", "exec"), {})

    told = json.loads(capsys.readouterr().out)
    assert 0 < told["epochs"] < told["first"]
    assert told["second"] > 0


def test_whole_processes_are_timed(monkeypatch):
    """Training, importing and a first fit each run in processes of their own."""
    monkeypatch.setattr(speed, "PROCESSES", 2)
    monkeypatch.setattr(speed, "FIRST_FIT", 'print(\'{"first": 2, "epochs": 1, "second": 1}\')')
    monkeypatch.setattr(speed, "TRAIN", ("--help",))
    result = speed.start(1)

    assert [len(result[name]) for name in ("train", "import", "first_fit")] == [2, 2, 2]
    assert all(0 < each["bare"] < 10 for each in result["import"])
    assert result["first_fit"][0] == {"first": 2, "epochs": 1, "second": 1}


def test_results_are_measured_kept_and_shown_again(monkeypatch, tmp_path, capsys):
    """A run writes its results, from which the same page can be printed later."""
    out = tmp_path / "new" / "everyday.json"
    parts = "small,one_row,many_rows"

    assert speed.main(["--rounds", "1", "--parts", parts, "--out", str(out)]) == 0
    measured = capsys.readouterr().out
    assert speed.main(["--read", str(out)]) == 0
    shown = capsys.readouterr().out

    result = json.loads(out.read_text())
    assert measured == shown
    assert [of["batch_size"] for of in result["small"]] == [32, 150]
    assert result["command"].endswith(f"--rounds 1 --parts {parts} --out {out}")
    assert "120 rows × 2 networks 5→8→3" in shown
    assert "load" in result["machine"]
    assert "load_after" in result


def test_table_and_picture_get_their_places(monkeypatch, tmp_path):
    """With `--write` the page has the table between its markers, and the picture lies beside it."""
    begin, end = speed.pages.markers("growth", "everyday_speed.py")
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "BENCHMARKS.md").write_text(f"before\n{begin}\n{end}\nafter\n")
    monkeypatch.setattr(speed, "HERE", tmp_path / "benchmarks")
    point = {"seconds_per_epoch": 0.5, "peak_mb": 300.0, "beyond_mb": 20.0}
    curve = {"axis": "rows", "points": [{"value": value, **point} for value in (10, 1000)]}
    result = {"machine": speed.machine.description(), "command": "x", "load_after": 0.1}
    read = tmp_path / "read.json"
    read.write_text(json.dumps({**result, "growth": [curve]}))

    assert speed.main(["--read", str(read), "--write"]) == 0
    assert "| rows | 10 | 1,000 |" in (docs / "BENCHMARKS.md").read_text()
    assert (docs / "cost.svg").read_text().startswith("<svg ")
