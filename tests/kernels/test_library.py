"""The C library: when it is used, why not otherwise, and who is told."""

import os
import sys
import warnings
from pathlib import Path

import pytest

from epochal.errors import SettingError
from epochal.kernels import library
from epochal.kernels.library import State, load, opened, warn_if_slower

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import compile_kernels

fresh_warning = warn_if_slower.__wrapped__


def fresh_load():
    """Return the state as a new process finds it."""
    return opened.__wrapped__().state


@pytest.mark.skipif(not compile_kernels.compiler(), reason="no C compiler")
@pytest.mark.skipif(os.environ.get("EPOCHAL_NATIVE") == "0", reason="they are not wanted")
def test_the_operations_are_in_use_where_there_is_a_compiler():
    """Otherwise no test here would notice that an installation left them out."""
    state = load()

    assert state.instruction_set or state.problem.startswith("the processor has neither")


@pytest.mark.parametrize(
    ("file", "problem"),
    [(Path("missing.so"), "without a C compiler"), (Path(__file__), "cannot be loaded")],
)
def test_a_library_that_is_not_there_has_a_hint(file, problem, monkeypatch):
    """A missing one, and one for another machine: XLA does all the work."""
    monkeypatch.delenv("EPOCHAL_NATIVE", raising=False)
    monkeypatch.setattr(library, "LIBRARY", file)

    state = fresh_load()

    assert state.instruction_set is None
    assert problem in state.problem
    assert "pip install" in state.hint


def test_who_turns_them_off_needs_no_hint(monkeypatch):
    """`EPOCHAL_NATIVE=0` is a wish."""
    monkeypatch.setenv("EPOCHAL_NATIVE", "0")

    assert fresh_load() == State(None, problem="EPOCHAL_NATIVE is 0")


@pytest.mark.skipif(not load().instruction_set, reason="the operations in C are not in use")
def test_an_unknown_instruction_set_is_refused(monkeypatch):
    """With those that the processor has."""
    monkeypatch.setenv("EPOCHAL_NATIVE", "avx9")

    with pytest.raises(
        SettingError, match=r"'avx9'; expected 0, or an instruction set.*(avx2|neon)"
    ):
        fresh_load()


def test_a_user_who_can_mend_it_is_told(monkeypatch):
    """The warning says what is missing, its effect, and the command that helps; others get no warning."""
    monkeypatch.setattr(library, "load", lambda: State(None, problem="p", hint="h"))
    with pytest.warns(UserWarning, match="p, so that networks train more slowly.\nHint: h"):
        fresh_warning()
    for state in (State("avx2", 2), State(None, problem="EPOCHAL_NATIVE is 0")):
        monkeypatch.setattr(library, "load", lambda state=state: state)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fresh_warning()


FITS = """
import warnings
from pathlib import Path
from sklearn.datasets import load_iris
from epochal import EpochalClassifier
from epochal.kernels import library

library.LIBRARY = Path("missing.so")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(2):
        EpochalClassifier(preset="classic", n_estimators=2, max_iter=2).fit(*load_iris(return_X_y=True))
print([str(warning.message).split(",")[0] for warning in told])
"""


@pytest.mark.parametrize(
    ("wish", "told"), [("", "['epochal was installed without a C compiler']"), ("0", "[]")]
)
def test_the_first_fit_warns_once(wish, told, in_new_process):
    """Once in a process, and not if the operations are not wanted."""
    assert in_new_process(FITS, EPOCHAL_NATIVE=wish) == told
