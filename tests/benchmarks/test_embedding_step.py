"""The benchmark of steps with an embedding."""

from dataclasses import replace

import pytest

import embedding_step
from epochal.kernels.library import load


@pytest.mark.skipif(not load().instruction_set, reason="the operations in C are not in use")
def test_every_variant_is_timed_once_a_round(monkeypatch, capsys):
    """The table has a line for each, with the time of a step."""
    monkeypatch.setattr(embedding_step, "ROUNDS", 1)
    monkeypatch.setattr(embedding_step, "BATCH", 8)
    monkeypatch.setattr(embedding_step, "BATCHES", 2)
    monkeypatch.setattr(embedding_step, "PROGRAM", replace(embedding_step.PROGRAM, batch_size=8))

    assert embedding_step.main() == 0

    lines = capsys.readouterr().out.splitlines()[-len(embedding_step.VARIANTS) :]
    for line, variant in zip(lines, embedding_step.VARIANTS, strict=True):
        name, microseconds = line.strip("|").split("|")
        assert name.strip() == variant.name
        assert float(microseconds.replace(",", "")) > 0
