"""Estimated and measured peak memory of fits. `python benchmarks/memory_plan.py`.

Every fit is a process of its own, with a limit, for one epoch, in which every program is compiled.
Measured is the peak of what is resident (`VmHWM`) above start-up: above what is resident when
everything is imported and an array of rows is there. The second run of a case has the smallest
limit that is accepted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memory_watch import kilobytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochal.loader.memory_plan import MemoryPlan
    from epochal.tables.dataset import Labelled

STATUS = Path("/proc/self/status")
# Writing 5 sets the peak of what is resident to what is resident now.
CLEAR = Path("/proc/self/clear_refs")
LIMIT = 2_000
LEVELS = 30


class Case(NamedTuple):
    """A fit: its data, its preset, and settings that differ from it; the limit is in MB."""

    name: str
    rows: int
    columns: int
    classes: int = 2
    categories: int = 0
    kind: str = "array"  # or file, images
    preset: str = "default"
    settings: dict[str, Any] = {}  # noqa: RUF012  (nobody writes to it)
    limit: int = LIMIT
    group_rows: int = 50_000  # of a row group of the file
    levels: int = LEVELS  # of a categorical column


WIDE = {"hidden_layer_sizes": [2000, 2000]}
CASES = [
    Case("narrow", 100_000, 10),
    Case("narrow, classic", 1_000_000, 10, preset="classic"),
    Case("wide", 20_000, 300),
    Case("tall", 300_000, 40),
    Case("few members", 300_000, 20, preset="fast"),
    Case("many members", 20_000, 20, settings={"n_estimators": 64}),
    Case("many classes", 50_000, 10, classes=100),
    Case("wide layers, classic", 50_000, 20, preset="classic", settings=WIDE),
    Case("bootstrap", 50_000, 10, settings={"bagging": "bootstrap"}),
    Case("file", 300_000, 20, kind="file", preset="fast"),
    Case("file, classic", 1_000_000, 20, kind="file", preset="classic"),
    Case("row group", 100_000, 200, kind="file", preset="classic", group_rows=100_000),
    Case("categories", 50_000, 10, categories=20, kind="file"),
    Case("categories, classic", 300_000, 10, categories=20, kind="file", preset="classic"),
    Case("names", 300_000, 5, categories=4, kind="file", levels=40_000),
    Case("images", 10_000, 784, classes=10, kind="images"),
]


def data_of(case: Case, folder: str) -> Labelled:
    """Return the rows of a case: random numbers, whole or in a file that is streamed."""
    from epochal.io.columns import Roles, labelled
    from epochal.tables.dataset import Labelled

    rng = np.random.default_rng(0)
    labels = rng.integers(0, case.classes, case.rows)
    if case.kind == "images":
        side = int(case.columns**0.5)
        return Labelled(rng.integers(0, 256, (case.rows, side, side), dtype=np.uint8), labels)
    if case.kind == "array":
        x = rng.standard_normal((case.rows, case.columns), dtype=np.float32)
        return Labelled(x, labels)
    path = Path(folder) / "rows.parquet"
    if not path.exists():
        numbers = {
            f"n{k}": rng.standard_normal(case.rows, dtype=np.float32) for k in range(case.columns)
        }
        names = np.array([f"level{k}" for k in range(case.levels)])
        codes = rng.integers(0, case.levels, (case.categories, case.rows))
        categories = {f"c{k}": names[column] for k, column in enumerate(codes)}
        if case.levels > LEVELS:
            # Names that say nothing of the class would get no target statistics.
            effects = rng.standard_normal((case.categories, case.levels))
            labels = sum(map(np.take, effects, codes)) > 0
        table = pa.table(numbers | categories | {"label": labels.astype(str)})
        pq.write_table(table, path, row_group_size=case.group_rows)
    return labelled(str(path), Roles(target="label"), streamed=True)


def measured(case: Case, folder: str) -> dict[str, Any]:
    """Return the estimate of a fit in this process, and its measured peak above start-up, in MB."""
    from epochal.config.presets import from_preset
    from epochal.errors import SettingError
    from epochal.fit import fit
    from epochal.fit_types import RunConfig
    from epochal.loader.memory import Memory
    from epochal.loader.memory_plan import plan_for

    settings = from_preset(case.preset, {"max_iter": 1} | case.settings)
    plans: list[MemoryPlan] = []

    def recorded(*arguments: Any) -> MemoryPlan:
        """Return the plan, which is recorded."""
        plans.append(plan_for(*arguments))
        return plans[-1]

    data = data_of(case, folder)
    gc.collect()
    start = kilobytes(STATUS)["VmRSS"]
    CLEAR.write_text("5")
    try:
        with patch("epochal.preparation.plan_for", recorded):
            fit(data, settings, RunConfig(0, memory=Memory(case.limit * 10**6, folder)))
    except SettingError as error:
        needed = re.search(r"at least ([\d,]+) MB", str(error))
        return {"needed": int(needed[1].replace(",", "")) if needed else str(error)}
    peak = (kilobytes(STATUS)["VmHWM"] - start) * 1024 / 1e6
    (plan,) = plans
    items = {
        phase: {item.name: round(item.size / 1e6) for item in of if item.size}
        for phase, of in plan.phases.items()
    }
    return {
        "limit": case.limit,
        "place": str(plan.shares.place),
        "phase": plan.largest_phase,
        "estimate": round(plan.estimate / 1e6),
        "measured": round(peak),
        "items": items,
    }


def child(case: Case, folder: str) -> dict[str, Any]:
    """Return what a process of its own measures."""
    words = [sys.executable, __file__, "--child", json.dumps(case), "--folder", folder]
    environment = os.environ | {"EPOCHAL_CACHE": "", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{case.name}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def runs_of(case: Case) -> Iterator[dict[str, Any]]:
    """Yield what a case takes with its limit, and with the smallest limit that is accepted."""
    with tempfile.TemporaryDirectory() as folder:
        if case.kind == "file":
            data_of(case, folder)
        yield child(case, folder)
        yield child(case._replace(limit=child(case._replace(limit=1), folder)["needed"]), folder)


def row_of(case: Case, found: dict[str, Any]) -> str:
    """Return a row of the table.

    >>> found = {"limit": 400, "place": "on disk", "phase": "training", "estimate": 380}
    >>> row_of(Case("tall", 300_000, 40), found | {"measured": 400})
    '| tall | 400 | on disk | training | 380 | 400 | 0.95 |'
    """
    ratio = found["estimate"] / found["measured"]
    columns = ("limit", "place", "phase", "estimate", "measured")
    return " | ".join(["| " + case.name, *(str(found[name]) for name in columns), f"{ratio:.2f} |"])


def main() -> None:
    """Print a row for every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--items", action="store_true", help="print the items of each estimate")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        from epochal.loader.memory import return_freed_memory

        return_freed_memory()
        print(json.dumps(measured(Case(*json.loads(arguments.child)), arguments.folder)))
        return
    print("| fit | limit, MB | rows | peak while | estimated, MB | measured, MB | ratio |")
    print("|---|--:|---|---|--:|--:|--:|")
    for case in CASES:
        if case.name in arguments.cases:
            for found in runs_of(case):
                print(row_of(case, found), flush=True)
                if arguments.items:
                    print(json.dumps(found["items"]), flush=True)


if __name__ == "__main__":
    main()
