"""Tables from the results of the speed benchmark."""

from __future__ import annotations

import pytest

import speed_report as report


def _timing(seconds, whole=None):
    """Return a timing as it stands in the results."""
    return {"training": seconds, "whole": whole or seconds, "loss": 0.5}


def _shape(**more):
    """Return what results say of a shape: 100 GFLOP an epoch."""
    shape = {"name": "1→2", "batch_size": 1000, "rows": 2000, "epochs": 1, "products": 100e9}
    return {**shape, "compilation": 1.25, **more}


# A step's products; there are two steps an epoch.
ALONE = {"jax": 0.75, "numpy": 1.0, "least": 0.625, "beside": 0.5}
PEAK = {"jax": 100.0, "numpy": 80.0}
ONE = _shape(
    rounds=[
        {
            "sklearn": _timing(theirs),
            "epochal": _timing(ours, 2 * ours),
            "peak": PEAK,
            "alone": ALONE,
            "others": 0.07,
        }
        for theirs, ours in ((4.0, 2.0), (6.0, 2.0), (5.0, 2.0))
    ]
)
ENSEMBLE = _shape(
    members=16,
    rounds=[
        {
            "sklearn": _timing(60.0),
            "epochal": _timing(20.0),
            "sklearn_one": _timing(5.0),
            "epochal_one": _timing(2.0),
            "alone": ALONE,
        }
    ],
)
RESULT = {
    "command": "python bench.py",
    "load_after": 2.0,
    "one": [ONE],
    "ensemble": [ENSEMBLE],
}


@pytest.fixture
def result(abacus):
    """Return results as a run keeps them."""
    return {"machine": abacus, **RESULT}


def test_a_row_has_medians_ratios_and_shares_of_the_peak():
    """100 GFLOP in 5 s are a fifth of 100 GFLOP/s: nobody can be more than 5 times as fast."""
    assert report.one_row(ONE) == [
        *("1→2", "1,000", "2,000"),
        *("5.000", "2.000", "**2.50** (2.00 – 3.00)", "", "", "1.25"),
        *("20%", "50%", "5.00", "1.2"),
    ]
    beside = {
        **ONE,
        "rounds": [{**r, "torch": {"training": 3.0, "way": "fused"}} for r in ONE["rounds"]],
    }
    assert report.one_row(beside)[6:8] == ["3.000 (fused)", "**1.50** (1.50 – 1.50)"]


def test_a_row_of_an_ensemble_has_its_cost_in_single_networks():
    """20 s are 4 networks of 5 s, and 10 of 2 s; the products of 16 networks alone are 3.2 of 5 s."""
    alone = ["3.75", "3.20"]
    expected = ["60.00", "20.00", "**3.00** (3.00 – 3.00)", "4.0", "10.0", *alone, "1.2"]

    assert report.ensemble_row(ENSEMBLE)[3:] == expected


def test_products_by_themselves_are_a_limit_of_the_same_run():
    """0.625 s a step are 1.25 s an epoch: a quarter of 5 s; 50 GFLOP in 0.75 s are 67 of 100 a second."""
    alone = ["750,000", "1,000,000", "625,000"]

    assert report.alone_row(ONE) == ["1→2", "1,000", *alone, "4.00", "", "67%"]
    beside = {**ONE, "rounds": [{**r, "torch": {"training": 2.5}} for r in ONE["rounds"]]}
    assert report.alone_row(beside)[-2] == "2.00"


def test_what_no_program_can_pass_is_in_the_same_run(result):
    """100 GFLOP at 100 a second are 1 s: a fifth of 5 s, and 16 of them 16 of bagging's 60 s."""
    assert report.limit_row(ONE, result) == ["1→2", "5.0", "", "3.8"]
    beside = {**ONE, "rounds": [{**r, "torch": {"training": 2.5}} for r in ONE["rounds"]]}
    assert report.limit_row(beside, {"ensemble": []}) == ["1→2", "5.0", "2.5", ""]


def test_results_from_before_products_were_timed_alone_are_shown_without(result):
    """There is no table of them, and an ensemble's cells are empty."""
    old = {
        kind: [
            {**of, "rounds": [{k: v for k, v in r.items() if k != "alone"} for r in of["rounds"]]}
            for of in result[kind]
        ]
        for kind in ("one", "ensemble")
    }

    assert "of a step alone" in report.page(result)
    assert "of a step alone" not in report.page({**result, **old})
    assert report.ensemble_row(old["ensemble"][0])[8:10] == ["", ""]


def test_the_page_names_machine_versions_date_and_command(result):
    """Whoever reads the tables can see what they are of."""
    text = report.page(result)

    for part in ("Abacus", "jax 1.0", "2000-01-01", "`python bench.py`", "3 rounds", "16 members"):
        assert part in text
    assert "100 GFLOP/s in JAX and 80 GFLOP/s in NumPy" in text
    assert "at most 7% of the processor" in text


def test_the_tables_are_well_formed(result):
    """Every line of a table has as many cells as its head."""
    lines = [line for line in report.page(result).splitlines() if line.startswith("|")]

    heads = (report.ONE, report.ALONE, report.ENSEMBLE, report.LIMITS)
    assert [line.count("|") for line in lines] == [len(head) + 1 for head in heads for _ in "123"]


def test_a_page_without_ensembles_has_one_table(result):
    """Where no ensemble was timed, none is shown."""
    assert "members" not in report.page({**result, "ensemble": []})
