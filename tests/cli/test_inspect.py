"""`epochal inspect`, through the real entry point."""

from __future__ import annotations

import json

from epochal.cli import surveying
from epochal.model.artifact import load
from epochal.settings import Settings


def test_it_tells_what_the_model_is(run, model):
    """Target, classes, networks, training, scores, columns with kinds, and settings."""
    ended = run("inspect", model)

    assert ended.code == 0
    for words in (
        "income",
        "high, low",
        "2 networks",
        "reached max_iter",
        "3 categories",
        "may be missing",
        "* max_iter              2",
        "  momentum              0.9",
        "  batch_size            32",
    ):
        assert words in ended.out
    # The first line is the model's path, however long that is.
    assert max(map(len, ended.out.splitlines()[1:])) <= 80


def test_json_holds_the_settings_and_the_schema_as_stored(run, model):
    """A machine gets what the file holds."""
    described = json.loads(run("inspect", model, "--json").out)
    stored = load(model)

    assert Settings.from_dict(described["settings"]) == stored.settings
    assert described["schema"] == stored.preprocessor.schema.to_dict()
    assert described["layer_sizes"] == list(stored.layer_sizes)
    assert described["weights"] == sum(
        array.size for layers in stored.members for layer in layers for array in layer
    )


def test_what_is_no_model_is_refused(run, table, tmp_path):
    """Any other file is told to be none; data without a target to say which one."""
    other = tmp_path / "people.bin"
    other.write_bytes(table.read_bytes())
    ended, data = run("inspect", other), run("inspect", table)

    assert ended.code == 5
    assert "people.bin" in ended.err
    assert data.code == 4
    assert "--target" in data.err


def test_data_larger_than_memory_are_looked_at_in_part(run, table, monkeypatch):
    """With bounded memory some rows are looked at, evenly taken, and it says how many."""
    monkeypatch.setattr(surveying, "INSPECTED", 50)
    whole = run("inspect", table, "--target", "income", "--json")
    some = run("inspect", table, "--target", "income", "--memory", "1GB", "--json")
    first, second = (json.loads(ended.out) for ended in (whole, some))

    assert (first["rows"], first["looked_at"]) == (160, 160)
    assert (second["rows"], second["looked_at"]) == (160, 54)
    assert first["classes"] == second["classes"]
    assert [c["kind"] for c in first["columns"]] == [c["kind"] for c in second["columns"]]
    assert "54 rows looked at" in run("inspect", table, "--target", "income", "--memory", "1GB").out
