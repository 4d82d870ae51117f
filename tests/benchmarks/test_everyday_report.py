"""Table and picture from the results of the benchmark of everyday speed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

import everyday_report as report


def _rounds(theirs, ours=1.0):
    """Return rounds of comparisons as they stand in the results."""
    return [{"epochal": ours, "sklearn": each} for each in theirs]


def _curve(axis, values):
    """Return a curve whose figures grow with the axis."""
    return {
        "axis": axis,
        "points": [
            {"value": v, "seconds_per_epoch": v / 1e4, "peak_mb": 300.0 + v, "beyond_mb": 0.5 * v}
            for v in values
        ],
    }


GROWTH = [_curve(axis, (1, 10, 100)) for axis in ("rows", "columns", "members", "width")]
RESULT = {
    "command": "python bench.py",
    "load_after": 2.0,
    "small": [
        {"batch_size": 32, "epochs": 100, "rounds": _rounds([2.0, 3.0, 2.5])},
        {"batch_size": 150, "epochs": 100, "rounds": _rounds([0.5, 0.75, 0.25])},
    ],
    "search": {
        "folds": 5,
        "epochs": 7,
        "compilations": {"4": 30, "24": 31},
        "products": 50e9,
        "steps": 1000,
        "rounds": [
            {"epochal": 1.0, "sklearn": 8.0, "peak": {"jax": 80.0, "numpy": 100.0}, "alone": 8e-4}
        ],
    },
    "start": {
        "train": [{"epochal": 2.5}, {"epochal": 3.5}, {"epochal": 2.75}],
        "import": [{"epochal": 0.25, "bare": 0.05}, {"epochal": 0.2, "bare": 0.05}],
        "first_fit": [{"first": 2.5, "epochs": 0.5, "second": 0.6}],
    },
    "one_row": {"calls": 100, "rounds": _rounds([0.02], ours=0.01)},
    "many_rows": {
        "network": "1→2",
        "rows": 1000,
        "members": 8,
        "products": 200e9,
        "beyond_mb": {"epochal": 120.0, "sklearn": 3456.7},
        "rounds": [{"epochal": 4.0, "sklearn": 10.0, "peak": {"jax": 100.0, "numpy": 80.0}}],
    },
    "growth": GROWTH,
}


@pytest.fixture
def result(abacus):
    """Return results as a run keeps them."""
    return {"machine": abacus, **RESULT}


def test_a_comparison_has_its_median_range_and_target():
    """2, 3 and 2.5 times are 2.5 times, which is at least as fast; half as fast is not."""
    fast, slow = report.small_lines(RESULT["small"])

    assert fast == [
        "fit on iris, 100 epochs, 32 rows a step",
        "1.00 s",
        "scikit-learn 2.50 s",
        "**2.50** (2.00 – 3.00) times faster",
        "at least 1",
        "yes",
    ]
    assert slow[3:] == ["**0.50** (0.25 – 0.75) times faster", "at least 1", "**no**"]


def test_a_search_that_compiles_more_for_more_settings_falls_short():
    """31 programs for 24 settings are one too many, where 4 need 30."""
    pace, possible, alone, programs = report.search_lines(RESULT["search"])

    assert pace[0] == "search: 24 settings × 5 folds of digits, 7 epochs"
    assert pace[-1] == "yes"
    assert possible[3] == "16.00 times faster"
    assert alone[1:4] == ["80% of the time", "its products alone 800.0 ms", "10.00 times faster"]
    assert programs[2:] == [
        "30 for 4 settings",
        "**31** programs compiled",
        "as many as for 4",
        "**no**",
    ]
    same = {**RESULT["search"], "compilations": {"4": 30, "24": 30}}
    assert list(report.search_lines(same))[3][-1] == "yes"


def test_start_is_told_with_what_it_is_beyond():
    """Import counts beyond bare Python, a first fit beyond its epochs."""
    whole, imported, fit = report.start_lines(RESULT["start"])

    assert whole[3:] == ["**2.75 s** (2.50 s – 3.50 s)", "at most 3 s", "yes"]
    assert imported[1:] == [
        "225.0 ms",
        "bare Python 50.0 ms",
        "**175.0 ms** (150.0 ms – 200.0 ms)",
        "at most 0.15 s",
        "**no**",
    ]
    assert fit[1:4] == [
        "2.50 s",
        "its epochs 500.0 ms, second fit 600.0 ms",
        "**2.00 s** (2.00 s – 2.00 s)",
    ]


def test_one_row_is_told_per_call():
    """10 ms for 100 calls are 100 µs each."""
    (line,) = report.one_row_lines(RESULT["one_row"])

    assert line[1:4] == ["100 µs", "scikit-learn 200 µs", "**2.00** (2.00 – 2.00) times faster"]


def test_many_rows_are_told_with_what_the_machine_allows():
    """200 GFLOP at 100 GFLOP/s are 2 s: at most 5 times faster, and half of that pace."""
    pace, possible, memory = report.many_rows_lines(RESULT["many_rows"])

    assert pace[0] == "1,000 rows × 8 networks 1→2"
    assert pace[3:] == ["**2.50** (2.50 – 2.50) times faster", "at least 3", "**no**"]
    assert possible[1:4] == ["50% of peak", "its products at peak 2.00 s", "5.00 times faster"]
    assert memory[1:4] == ["120 MB", "scikit-learn 3,457 MB", "28.8 times less"]


def test_the_page_names_machine_versions_date_and_command(result):
    """Whoever reads the tables can see what they are of."""
    named = ("Abacus", "jax 1.0", "2000-01-01", "`python bench.py`", "before: 0.1, after: 2.0")

    for text in report.sections(result).values():
        for part in named:
            assert part in text


def test_the_tables_are_well_formed(result):
    """Every line of a table has as many cells as its head."""
    texts = report.sections(result)
    speed, growth = (
        [line.count("|") for line in texts[name].splitlines() if line.startswith("|")]
        for name in ("everyday-speed", "growth")
    )

    assert speed == [len(report.HEAD) + 1] * 15
    assert growth == [5] * 4 * 5


def test_a_page_shows_what_was_measured_and_no_more(result):
    """A run of some parts has only their lines."""
    some = {key: result[key] for key in ("machine", "command", "load_after", "start")}
    texts = report.sections(some)

    assert list(texts) == ["everyday-speed"]
    assert "import epochal" in texts["everyday-speed"]
    assert "search" not in texts["everyday-speed"]


def test_the_picture_has_every_point_in_its_panel():
    """Well-formed XML; a line and three points in each of eight panels, all within the frame."""
    root = ET.fromstring(report.picture(GROWTH))
    space = "{http://www.w3.org/2000/svg}"
    width, height = (float(root.get(side)) for side in ("width", "height"))
    circles = root.findall(f"{space}circle")

    assert len(root.findall(f"{space}polyline")) == 8
    assert len(circles) == 8 * 3
    for circle in circles:
        assert 0 < float(circle.get("cx")) < width
        assert 0 < float(circle.get("cy")) < height


def test_more_is_further_right_and_higher():
    """Both scales grow as usual, and each power of ten is as wide as the next."""
    root = ET.fromstring(report.picture(GROWTH[:1]))
    circles = root.findall("{http://www.w3.org/2000/svg}circle")[:3]
    xs, ys = ([float(circle.get(name)) for circle in circles] for name in ("cx", "cy"))

    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert xs[1] > xs[0]
    assert ys[0] > ys[1] > ys[2]
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
