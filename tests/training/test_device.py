"""Devices by name, and the folder of compiled programs."""

import os
import subprocess
import sys

import jax
import pytest

from epochal import threads
from epochal.errors import SettingError
from epochal.training.device import chosen, out_of_memory, start_xla, wants_batches


def test_the_cpu_is_always_there():
    """`cpu` and `auto` name a device here, and on the CPU members train one after another."""
    assert chosen("cpu").platform == "cpu"
    assert chosen("auto").platform == "cpu"
    assert not wants_batches(chosen("cpu"))


def test_a_device_that_is_not_there_is_refused():
    """The error names the device and the devices of this machine."""
    with pytest.raises(SettingError, match=r"'gpu'.*\n?.*cpu"):
        chosen("gpu")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"EPOCHAL_CACHE": "/somewhere"}, "/somewhere"),
        ({"XDG_CACHE_HOME": "/caches"}, "/caches/epochal/programs"),
        ({"EPOCHAL_CACHE": ""}, "None"),
        ({"JAX_COMPILATION_CACHE_DIR": "/own", "EPOCHAL_CACHE": "/somewhere"}, "/own"),
    ],
)
def test_programs_are_kept_where_the_user_says(environment, expected):
    """EPOCHAL_CACHE names the folder, an empty value turns the cache off, and JAX's own setting stays."""
    code = (
        "import jax; from epochal.training.device import keep_programs, programs_folder;"
        "folder = programs_folder(); keep_programs();"
        "assert (folder or None) == jax.config.values['jax_compilation_cache_dir'];"
        "print(jax.config.values['jax_compilation_cache_dir'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "HOME": "/home", "PYTHONPATH": ":".join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == expected


def test_memory_that_xla_does_not_get_is_a_memory_error():
    """Python's own, with a hint; other errors of XLA stay."""
    with (
        pytest.raises(MemoryError, match=r"RESOURCE_EXHAUSTED: x.*\nHint: smaller"),
        out_of_memory(),
    ):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: x")
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"), out_of_memory():
        raise jax.errors.JaxRuntimeError("INTERNAL: RESOURCE_EXHAUSTED")


@pytest.mark.parametrize(("is_worker", "expected"), [(True, "3"), (False, None)])
def test_xla_has_the_share_of_a_process_of_joblib(is_worker, expected, monkeypatch):
    """The environment limits XLA's threads while XLA starts in a worker process, and not afterwards."""
    seen = []
    monkeypatch.delenv("NPROC", raising=False)
    monkeypatch.setattr(threads, "is_worker_process", lambda: is_worker)
    monkeypatch.setattr(threads, "of_process", lambda: threads.ThreadCount(3, "a test"))
    monkeypatch.setattr(jax, "devices", lambda *_: seen.append(os.environ.get("NPROC")))
    start_xla.__wrapped__()

    assert seen == ([expected] if is_worker else [])
    assert "NPROC" not in os.environ
