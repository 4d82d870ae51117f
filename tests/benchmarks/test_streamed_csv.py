"""What a streamed CSV costs."""

from __future__ import annotations

import pytest

import streamed_csv


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a small table by ending."""
    written = streamed_csv.files(tmp_path_factory.mktemp("table"), rows=3_000, columns=20)
    return dict(zip(streamed_csv.ENDINGS, written, strict=True))


@pytest.mark.parametrize(("ending", "times"), [(".csv", 1), (".csv.gz", 1), (".arrow", 0)])
def test_phases_are_timed_and_text_is_counted(files, ending, times):
    """Every phase takes time, all of them are the whole, and text is parsed once."""
    found = streamed_csv.measured(str(files[ending]), limit=500)

    assert found["text"] == times
    assert all(found[phase] > 0 for phase in streamed_csv.PHASES)
    assert found["all"] == pytest.approx(sum(found[phase] for phase in streamed_csv.PHASES))


def test_files_that_are_there_are_not_written_again(files):
    """The table is the same for every run."""
    path = files[".csv"]
    before = path.stat().st_mtime_ns

    assert streamed_csv.files(path.parent, rows=3_000, columns=20) == list(files.values())
    assert path.stat().st_mtime_ns == before
