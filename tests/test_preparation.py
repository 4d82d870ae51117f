"""The first part of a fit: rows split, encoded, and put where the plan has them."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.settings import validated
from epochal.errors import SettingError
from epochal.fit_types import RunConfig
from epochal.loader.batches import ArraySource
from epochal.loader.disk import StoredSource
from epochal.loader.memory import Memory
from epochal.preparation import prepared
from epochal.tables.dataset import Labelled

FIT = """
import re, sys
from pathlib import Path
from epochal.loader.memory import Memory, return_freed_memory
return_freed_memory()
import numpy as np
from epochal.config.presets import from_preset
from epochal.errors import SettingError
from epochal.fit import fit
from epochal.fit_types import RunConfig
from epochal.tables.dataset import Labelled
def resident(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
rng = np.random.default_rng(0)
data = Labelled(rng.standard_normal((300_000, 20), dtype=np.float32), rng.integers(0, 2, 300_000))
start = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
try:
    fit(data, from_preset("classic", {"max_iter": 1}), RunConfig(0, memory=Memory(int(sys.argv[1]))))
except SettingError as error:
    print(re.search(r"at least ([\\d,]+) MB", str(error))[1])
else:
    print(resident("VmHWM") - start)
"""


def ready(limit, rows=4000, columns=3, **changed):
    """Return a small fit, prepared under a limit."""
    rng = np.random.default_rng(0)
    data = Labelled(rng.normal(size=(rows, columns)), rng.integers(0, 2, rows))
    settings = validated(PRESETS["classic"], {"hidden_layer_sizes": (4,)} | changed)
    return prepared(data, settings, RunConfig(0, memory=Memory(limit)), None, None, None)


@pytest.mark.parametrize("limit", [None, 10**9])
def test_rows_that_fit_stay_in_memory(limit):
    """With and without a memory limit, a tenth is held out, and the other rows are stored encoded."""
    found = ready(limit)

    assert isinstance(found.material.pool.source, ArraySource)
    assert found.material.pool.source.n_rows == found.trains.sum() == 3600
    assert len(found.material.validation_set.y) == 400


def test_rows_that_do_not_fit_are_on_disk():
    """Under a limit that is too small for all of them, and the estimate is within it."""
    found = ready(180 * 10**6, rows=300_000, columns=40, early_stopping=False)

    assert isinstance(found.material.pool.source, StoredSource)
    assert found.plan.estimate <= 180 * 10**6


def test_statistics_are_of_the_rows_that_train():
    """The means are those of the training rows alone."""
    found = ready(None)
    x = np.random.default_rng(0).normal(size=(4000, 3))

    np.testing.assert_allclose(
        found.material.preprocessor.mean, x[found.trains].mean(axis=0), rtol=1e-9
    )
    assert not np.allclose(found.material.preprocessor.mean, x.mean(axis=0), rtol=1e-9)


def test_a_limit_that_is_too_small_is_refused():
    """The error says how much memory is needed, and for what, before anything is trained."""
    with pytest.raises(
        SettingError,
        match=r"memory_limit .--memory. is 50 MB; expected at least .* \(the most while .*: .* MB",
    ):
        ready(50 * 10**6)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are Linux's")
def test_a_fit_stays_within_the_smallest_limit_that_is_accepted():
    """Its peak above start-up, in a process that compiles every program, is at most the limit."""

    def printed(limit):
        """Return the number that a separate process prints."""
        words = [sys.executable, "-c", FIT, str(limit)]
        environment = os.environ | {"EPOCHAL_CACHE": ""}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        return int(re.sub(",", "", done.stdout.split()[-1]))

    limit = printed(1) * 10**6
    assert limit / 2 < printed(limit) <= limit


@pytest.mark.parametrize(
    ("shape", "changed", "few"),
    [
        ((100, 40), {"embedding_size": "auto"}, True),
        ((100, 600), {"embedding_size": "auto"}, True),
        ((900, 40), {"embedding_size": "auto"}, False),
        ((100, 20), {"embedding_size": "auto"}, False),
        ((100, 40), {}, False),
        ((100, 8, 8), {"embedding_size": "auto"}, False),
    ],
    ids=["few rows", "wide", "many rows", "few columns", "no embedding", "images"],
)
def test_features_have_initial_scales_where_rows_are_few(shape, changed, few, rng):
    """Only tables of many columns and few rows have them, one for each feature of each member."""
    data = Labelled(rng.normal(size=shape), rng.integers(0, 2, shape[0]))
    settings = validated(PRESETS["classic"], {"n_estimators": 2, "n_bins": 4} | changed)
    scales = prepared(data, settings, RunConfig(0), None, None, None).material.input_scales

    assert (scales is not None) == few
    if few:
        assert scales.shape == (2, shape[1])
        assert ((scales > 0) & (scales <= 1)).all()
