"""Tables from the results on a large table."""

from __future__ import annotations

import larger_than_memory_report as report

SAME = {
    "processor": "Abacus",
    "vectors": "none",
    "cores": 2,
    "load": 0.5,
    "date": "2000-01-01",
    "format": "csv",
    "rows": 2000,
    "columns": 100,
    "bytes": 1_500_000_000,
    "epochs": 3,
    "batch_size": 1024,
}
METHOD = {
    **SAME,
    "mode": "methods",
    "method": "epochal",
    "phase": "train",
    "limit": "1GB",
    "seconds": 12.4,
    "rows_per_s": 1234,
    "rows_per_s_within": 2345,
    "peak_mb": 900.4,
    "above_start_mb": 600.4,
    "own_mb": 700.0,
    "files_mb": 200.0,
}
SIDE = {"epoch_s": 2.0, "seconds": 10.0, "peak_mb": 800.0}
TURNS = {
    **SAME,
    "mode": "throughput",
    "method": "epochal",
    "limit": "1MB",
    "large": "9GB",
    "rounds": [
        {"disk": {**SIDE, "epoch_s": seconds}, "memory": {**SIDE, "seconds": 9.0}}
        for seconds in (2.5, 4.0, 2.0)
    ],
}
ORDER = {
    **SAME,
    "mode": "sorted",
    "method": "epochal",
    "order": "by class",
    "limit": "1MB",
    "accuracy": 0.75,
    "log_loss": 0.5,
    "best_accuracy": 0.8,
    "peak_mb": 700.0,
}


def test_lines_have_all_that_was_measured():
    """Figures stand in the order of the head; what was not measured is a dash."""
    assert report._data(METHOD) == ["2,000", "CSV, 1.5", "none, 2000-01-01"]
    assert report._peaks(METHOD) == ["`epochal`", "train", "1GB", "900", "600", "–"]
    assert report._speeds(METHOD) == ["3", "`epochal`", "train", "1GB", "12", "1,234", "2,345"]


def test_a_failure_is_said_in_the_table():
    """It stands where the phase or the speed would."""
    failed = {**METHOD, "failed": "exit code -9: no word"}

    assert report._peaks(failed)[1] == "exit code -9: no word"
    assert report._speeds(failed)[5] == "exit code -9: no word"


def test_speed_from_disk_is_a_share_of_that_in_memory():
    """2 s in memory are 80 % of the speed of 2.5 s from disk: the middle of three rounds."""
    assert report._throughput(TURNS) == [
        *("3", "1MB, 9GB", "2.50", "2.00", "**80%** (50 – 100)", "**90%** (90 – 90)"),
        *("800", "800"),
    ]


def test_a_round_that_failed_has_no_median():
    """What went wrong is said, and the line is as long as the others."""
    rounds = [{"disk": {"failed": "exit code 6: full"}, "memory": SIDE}]
    line = report._throughput({**TURNS, "rounds": rounds})

    assert line[2] == "exit code 6: full"
    assert len(line) == len(report.THROUGHPUT)


def test_of_equal_runs_the_last_is_shown():
    """Another limit, phase or table is another run."""
    again = {**METHOD, "seconds": 20.0, "date": "2000-01-02"}
    other = {**METHOD, "limit": "2GB"}

    assert report.latest([METHOD, other, again]) == [again, other]


def test_the_page_has_a_table_for_each_question():
    """All results are in the table of their question, smaller tables of data first, under a line of the machines."""
    page = report.page([ORDER, METHOD, {**METHOD, "rows": 50}, TURNS])
    heads = [line for line in page.splitlines() if line.startswith("**")]
    lines = [line for line in page.splitlines() if line.startswith("|")]

    assert page.startswith("Abacus (none), 2 cores. Tables of 100 columns.")
    assert [head.strip("*").split()[:2] for head in heads] == [
        *(["How", "much"], ["How", "long"], ["How", "fast"], ["Does", "the"])
    ]
    columns = (
        [report.PEAKS] * 4 + [report.SPEEDS] * 4 + [report.THROUGHPUT] * 3 + [report.SORTED] * 3
    )
    assert [line.count("|") - 1 for line in lines] == [3 + len(names) for names in columns]
    assert lines[2].startswith("| 50 |")
    assert "| 3 | by class | 1MB | 75.00% | 0.5000 | 80.00% | 700 |" in lines[-1]


def test_without_results_the_page_is_empty():
    """Nothing is shown that was not measured."""
    assert report.page([]) == ""


def test_where_other_work_ran_beside_only_peaks_are_told():
    """Seconds that were not kept are not shown."""
    timed = {"seconds", "rows_per_s", "rows_per_s_within"}
    text = report.page([{name: METHOD[name] for name in METHOD if name not in timed}])

    assert "| `epochal` | train | 1GB | 900 | 600 |" in text
    assert "How long" not in text
