"""What `epochal.show_config` prints."""

import epochal
from epochal import environment
from epochal.kernels.library import load


def test_it_shows_versions_kernels_threads_devices_and_the_folder(capsys):
    """The parts of a report, each with its entries."""
    epochal.show_config()

    printed = capsys.readouterr().out
    for part in ("versions", "kernels", "threads", "devices", "compiled programs"):
        assert f"{part}\n  " in printed
    assert epochal.__version__ in printed
    assert "cpu:0" in printed
    assert (load().instruction_set or "because") in printed


def test_without_the_operations_in_c_it_says_why(monkeypatch):
    """The reason is shown, and what the user can do."""
    from epochal.kernels import library
    from epochal.kernels.library import State

    monkeypatch.setattr(library, "load", lambda: State(None, problem="no compiler", hint="get one"))

    entries = environment.config()["kernels"]

    assert entries["operations"] == "XLA"
    assert entries["because"] == "no compiler"
    assert entries["hint"] == "get one"


def test_threads_come_with_what_sets_their_number(monkeypatch):
    """Here the environment variable."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", "5")

    entries = environment.config()["threads"]

    assert entries["for one operation"] == "5 (the environment variable EPOCHAL_NATIVE_THREADS)"
