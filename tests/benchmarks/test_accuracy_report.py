"""How methods are compared once their results are there."""

from __future__ import annotations

import json

import pytest

import accuracy_report as report


def _row(dataset, method, loss, **more):
    """Return a result."""
    return {
        "dataset": dataset,
        "method": method,
        "seed": 0,
        "log_loss": loss,
        "error": 0.1,
        "fit_s": 1.0,
        "machine": "P (V), 2 cores; D.",
        **more,
    }


ROWS = [
    _row("a", "ours", 0.2),
    _row("a", "logreg", 0.4),
    _row("b", "ours", 0.5),
    _row("b", "logreg", 0.25),
    _row("c", "ours", 0.1),
]


def test_the_last_result_of_a_kind_counts(tmp_path):
    """A later line of the same table, method and seed replaces the earlier; no file is no line."""
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(_row("a", "ours", loss)) + "\n" for loss in (0.9, 0.3)))

    assert report.read([path, tmp_path / "none.jsonl"]) == [_row("a", "ours", 0.3)]


def test_splits_are_results_of_their_own(tmp_path):
    """A result of a split by time does not replace that of the random one."""
    path = tmp_path / "r.jsonl"
    rows = [_row("a", "ours", 0.9), _row("a", "ours", 0.3, split="time")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert report.read([path]) == rows


def test_only_tables_that_all_have_tried_are_compared():
    """A table that one method lacks is left out; seeds are averaged."""
    rows = [*ROWS, _row("a", "ours", 0.4, seed=1)]
    values = report.means(rows, "log_loss")

    assert list(values.index) == ["a", "b"]
    assert values["ours"]["a"] == pytest.approx(0.3)


def test_the_comparison_ranks_and_relates_to_the_best():
    """Each method wins one table and is twice the best on the other."""
    text = report.comparison(ROWS, "log_loss")
    lines = [line.split() for line in text.splitlines()]

    assert text.startswith("log_loss on 2 tables")
    assert ["ours", "1.5", "1", "1.414", "0", "2.0"] in lines
    assert ["logreg", "1.5", "1", "1.414", "0", "2.0"] in lines


def test_a_failure_ranks_last_and_is_counted():
    """A failed table is no win, and the ratio is of the others."""
    rows = [*ROWS[:3], _row("b", "logreg", None, failed="ValueError: no")]
    lines = [line.split() for line in report.comparison(rows, "log_loss").splitlines()]

    assert ["ours", "1.0", "2", "1.0", "0", "2.0"] in lines
    assert ["logreg", "2.0", "0", "2.0", "1", "2.0"] in lines


def test_wins_against_a_peer_are_counted_and_losses_named():
    """Only tables that both have finished count."""
    sentence = report.against(ROWS, "ours", "logreg", "log_loss")

    assert sentence == (
        "ours beats logreg's log_loss on 1 of 2 tables; not on b (0.5000 against 0.2500)"
    )
    assert report.against(ROWS, "ours", "forest", "log_loss").endswith("no table in common")


@pytest.mark.parametrize(("failing", "wins"), [("ours", 0), ("logreg", 1)])
def test_who_fails_does_not_win(failing, wins):
    """A failure loses, whosever it is."""
    rows = [_row("a", name, None if name == failing else 0.3) for name in ("ours", "logreg")]

    assert f"on {wins} of 1 tables" in report.against(rows, "ours", "logreg", "log_loss")


def test_complaints_are_failures_and_warnings():
    """Both are told with table and seed, of the one method only."""
    rows = [
        _row("a", "ours", 0.1, warnings=["UserWarning: hm"]),
        {"dataset": "b", "method": "ours", "seed": 1, "failed": "ValueError: no"},
        _row("a", "logreg", 0.1, warnings=["other"]),
    ]

    assert report.complaints(rows, "ours") == [
        "a, seed 0: UserWarning: hm",
        "b, seed 1: ValueError: no",
    ]


def test_the_page_shows_where_methods_stand_and_how_honest_the_estimates_are():
    """Only methods that tried every table of ours, on the first seed, are compared."""
    more = {"ece": 0.01, "n_train": 100}
    decided = {"log_loss_se": 0.125, "half_of_loss": 4, "n_test": 1000}
    rows = [
        _row("a", "ours", 0.2, expected=0.22, **more),
        _row("b", "ours", 0.3, expected=0.30, peak_mb=70, **decided, **more),
        _row("a", "ours", 0.4, **{**more, "seed": 1}),
        _row("a", "peer", 0.4, **more),
        _row("b", "peer", 0.1, **more),
        _row("a", "some", 0.1, **more),
    ]
    text = report.page(rows, "ours", {"x": "1"})

    assert text.startswith("P (V), 2 cores; D. x 1.")
    assert "| `ours` | 1.50 | 1.732 | 3.00 | 1.50 | 0.0100 | 2 |" in text
    where, _, beside = text.partition("**Compared")
    assert "`some`" not in where
    assert "1 tables that it was run on, seed 0: better on 0, log-loss 2.00 times its" in beside
    assert "| a | 0.2000 | **0.1000** | 1 | 1 |" in beside
    assert "| a | **0.2000** | 0.4000 |" in text
    assert "| a | 100 | 2 | 0.3000 ± 0.1414 |" in text
    assert "On b `ours` is 3.00 times the best, `peer`: 0.3000 ± 0.1250 (standard error)" in text
    assert "4 of its 1,000 test rows make up half of its loss." in text
    assert "over 2 fits" in text
    assert "Peak memory of a process that fits every table: 70 MB." in text


def test_times_taken_beside_other_work_are_not_compared():
    """What such a row says of losses counts, what it says of seconds does not."""
    more = {"ece": 0.01, "n_train": 100}
    rows = [
        *(_row(name, method, 0.3, **more) for name in "abc" for method in ("ours", "peer")),
        _row("a", "some", 0.1, **more),
        _row("b", "some", 0.6, busy=True, **more),
    ]
    text = report.page(rows, "ours", {"x": "1"})

    assert "another device" not in text
    assert "on the 2 tables that it was run on, seed 0: better on 1" in text
    assert "fit time 1.00 times its (on 1 of them)." in text
    assert "| b | **0.3000** | 0.6000 | – | – |" in text


def test_seconds_of_another_device_are_not_compared_and_told_apart():
    """A method that ran elsewhere on one table has its rank, and a dash for its seconds."""
    more = {"ece": 0.01, "n_train": 100}
    rows = [_row(name, method, 0.3, **more) for name in "ab" for method in ("ours", "peer")]
    rows[-1]["device"] = "G"
    text = report.page(rows, "ours", {"x": "1"})

    assert "| `ours` | 1.50 | 1.000 | 1.00 | 1.50 | 0.0100 | 2 |" in text
    assert "| `peer` | 1.50 | 1.000 | 1.00 | 1.50 | 0.0100 | – |" in text
    assert "On 1 of the tables `peer` ran on another device, G." in text


def test_seconds_in_turn_are_summed_over_the_tables_that_both_ran_on():
    """Each other method has a share of its own."""
    rows = [
        _row("a", "ours", 0.1, n_train=1000, fit_s=2.0),
        _row("a", "peer", 0.1, n_train=1000, fit_s=8.0),
        _row("b", "ours", 0.1, n_train=50, fit_s=1.0),
        _row("b", "peer", 0.1, n_train=50, fit_s=4.0),
        _row("b", "slow", 0.1, n_train=50, fit_s=40.0),
    ]
    more = {"ece": 0.01, "n_train": 100}
    text = report.page([_row("a", "ours", 0.1, **more)], "ours", {"x": "1"}, rows)

    assert "`ours` takes 0.25 of `peer`'s on 2 tables, 0.03 of `slow`'s on 1 tables" in text
    assert "| a | 1,000 | 2.0 | 8.0 | – |" in text
    assert "| b | 50 | 1.0 | 4.0 | 40.0 |" in text
    assert "in turn" not in report.page(
        [_row("a", "other", 0.1, **more)], "other", {"x": "1"}, rows
    )
