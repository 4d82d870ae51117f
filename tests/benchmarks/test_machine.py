"""What a benchmark says of its machine."""

from __future__ import annotations

import json

import pytest

import machine


def test_the_description_is_ready_for_json():
    """It names cores, versions and the date."""
    described = machine.description()

    assert json.loads(json.dumps(described)) == described
    assert described["cores"] >= 1
    assert set(described["versions"]) == set(machine.PACKAGES)
    assert len(described["date"]) == len("2000-01-01")


def test_a_line_for_a_page_names_what_the_description_does():
    """Processor, vectors, cores and date."""
    line, of = machine.line(), machine.description()

    assert line.startswith(f"{of['processor']} ({of['vectors']}), {of['cores']} cores; 20")
    assert line.endswith(".")


def test_own_work_is_not_others(monkeypatch):
    """A machine that did 6 s of work, 4 s of them ours, in 2 s on 2 cores gave half to others."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0, 1})

    assert machine.others_share((1.0, 1.0), (7.0, 5.0), seconds=2.0) == 0.5
    assert machine.others_share((1.0, 1.0), (4.0, 5.0), seconds=2.0) == 0.0


def test_the_machine_is_at_least_as_busy_as_we():
    """Working adds to both counts, where the system tells."""
    before = machine.busy_seconds()
    sum(number * number for number in range(3_000_000))
    after = machine.busy_seconds()

    assert all(late >= early for early, late in zip(before, after, strict=True))
    assert before == (0.0, 0.0) or after[1] > before[1]


@pytest.mark.parametrize("rate", [machine.jax_product_rate, machine.numpy_product_rate])
def test_products_are_timed(rate):
    """A small product runs at some rate between a clay tablet's and the largest machine's."""
    assert 1e-6 < rate(side=64, tries=2) < 1e9


def test_products_of_a_step_are_timed_alone(monkeypatch):
    """The faster library of each product counts: at most as much as either takes for all."""
    monkeypatch.setattr(machine, "_repeats", lambda *_: 3)
    found = machine.products_seconds((5, 8, 3), 50)

    assert set(found) == {"jax", "numpy", "least", "beside"}
    assert 0 < found["least"] <= min(found["jax"], found["numpy"])
    assert found["beside"] > 0


def test_each_product_is_timed_in_its_own_shape(monkeypatch):
    """Of the two libraries' times the smaller one of each product is summed."""
    jax = {(10, 2, 3): 1.0, (2, 10, 3): 5.0}
    monkeypatch.setattr(machine, "_jax_seconds", lambda *shape: jax[shape])
    monkeypatch.setattr(machine, "_numpy_seconds", lambda *_: 2.0)
    monkeypatch.setattr(machine, "_beside_seconds", len)

    expected = {"jax": 6.0, "numpy": 4.0, "least": 3.0, "beside": 2}
    assert machine.products_seconds((2, 3), 10) == expected


def test_the_rate_counts_two_operations_for_each_multiplication(monkeypatch):
    """A product of 1000 x 1000 matrices in half a second runs at 4 GFLOP/s; the best try counts."""
    times = iter([0.0, 2.0, 10.0, 10.5])
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(times))

    assert machine._rate(lambda: None, side=1000, tries=2) == pytest.approx(4.0)
