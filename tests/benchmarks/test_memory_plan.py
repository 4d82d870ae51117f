"""The benchmark of the memory plan: a fit that is measured, and one that is refused."""

import pytest

import memory_plan
from memory_plan import Case, child

TINY = Case("tiny", 500, 3, preset="classic", settings={"hidden_layer_sizes": [4]})


@pytest.mark.long
def test_a_fit_is_measured_beside_its_estimate(tmp_path):
    """In a process of its own; the items of a phase are there, and rows that fit are in memory."""
    found = child(TINY, str(tmp_path))

    assert found["limit"] == memory_plan.LIMIT
    assert found["place"] == "in memory"
    assert found["estimate"] == pytest.approx(sum(found["items"][found["phase"]].values()), abs=4)
    assert 0.5 < found["estimate"] / found["measured"] < 2


def test_what_is_refused_gives_the_limit_that_is_needed(tmp_path):
    """It is read from the message."""
    needed = child(TINY._replace(limit=1), str(tmp_path))["needed"]

    assert 50 < needed < 500


@pytest.mark.parametrize("kind", ["array", "images", "file"])
def test_cases_have_their_rows(kind, tmp_path):
    """Whole, as images, or in a file that is streamed, all with two classes."""
    data = memory_plan.data_of(Case("small", 50, 4, categories=1, kind=kind), str(tmp_path))

    rows = data.rows.n_rows if kind == "file" else len(data.rows)
    assert rows == 50
    assert len(set(data.labels.tolist() if kind != "file" else data.labels.codes.tolist())) == 2


def test_every_case_has_a_name_of_its_own():
    """They are asked for by it."""
    assert len({case.name for case in memory_plan.CASES}) == len(memory_plan.CASES)
