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


def test_a_line_has_all_that_was_measured():
    """Figures stand in the order of the head; what was not measured is a dash."""
    assert report._method(METHOD) == [
        *("`epochal`", "train", "1GB", "12", "1,234", "2,345"),
        *("900", "600", "700", "200", "–"),
    ]


def test_a_failure_stands_where_the_speed_would():
    """What went wrong is said in the table."""
    failed = {**METHOD, "failed": "exit code -9: no word"}

    assert report._method(failed)[4] == "exit code -9: no word"


def test_speed_from_disk_is_a_share_of_that_in_memory():
    """2 s in memory are 80 % of the speed of 2.5 s from disk: the middle of three rounds."""
    assert report._throughput(TURNS) == [
        *("`epochal`", "1MB, 9GB", "2.50", "2.00", "**80%** (50 – 100)", "**90%** (90 – 90)"),
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


def test_the_page_has_a_table_for_each_comparison_and_table_of_data():
    """Each stands under a line that says which data, which machine and when."""
    page = report.page([ORDER, METHOD, {**METHOD, "rows": 50}, TURNS])
    heads = [line for line in page.splitlines() if line.startswith("**")]
    lines = [line for line in page.splitlines() if line.startswith("|")]

    assert [head.split("**")[1] for head in heads] == [
        *("Methods", "Methods", "From disk and in memory", "Sorted by class and as drawn")
    ]
    assert "2,000 rows × 100 columns, CSV, 1.50 GB; 3 epochs" in heads[1]
    assert "Abacus (none), 2 cores" in heads[1]
    assert heads[1].endswith("2000-01-01.")
    cells = [
        len(head)
        for head in (report.METHODS, report.METHODS, report.THROUGHPUT, report.SORTED)
        for _ in range(3)
    ]
    assert [line.count("|") - 1 for line in lines] == cells
    assert "| `epochal` | by class | 1MB | 75.00% | 0.5000 | 80.00% | 700 |" in page


def test_without_results_the_page_is_empty():
    """Nothing is shown that was not measured."""
    assert report.page([]) == ""


def test_where_other_work_ran_beside_only_peaks_are_told():
    """Seconds that were not kept are not shown, and the heading says why."""
    timed = {"seconds", "rows_per_s", "rows_per_s_within"}
    text = report.page([{name: METHOD[name] for name in METHOD if name not in timed}])

    assert "2000-01-01. Other processes ran meanwhile: only peaks are shown." in text
    assert "| `epochal` | train | 1GB | – | – | – | 900 | 600 |" in text
    assert "beside" not in report.page([METHOD])
