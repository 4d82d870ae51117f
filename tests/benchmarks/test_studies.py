"""Studies: what is missing is run, and the text goes to the page."""

from __future__ import annotations

import json
from pathlib import Path

import ablation
import leave_tables_out
import studies
from accuracy_splits import RANDOM


def test_results_lie_beside_their_script_by_its_name():
    """Each study has a file of its own."""
    assert ablation.STUDY.out.name == "ablation.jsonl"
    assert leave_tables_out.STUDY.out.name == "leave_tables_out.jsonl"
    assert ablation.STUDY.out.parent == leave_tables_out.STUDY.out.parent == studies.RESULTS


def test_only_the_chosen_tables_and_seeds_are_run_and_told(tmp_path, monkeypatch, capsys):
    """Results of other tables and seeds in the file are passed over; the page gets the text."""
    page, out = tmp_path / "page.md", tmp_path / "study.jsonl"
    page.write_text(
        "<!-- name: begin; written by benchmarks/s.py --write -->\n<!-- name: end -->\n"
    )
    rows = [
        {"dataset": table, "seed": seed, "method": "m", "machine": f"M{seed}."}
        for table in ("churn", "vehicle")
        for seed in (0, 1)
    ]
    out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = []
    monkeypatch.setattr(studies, "PAGE", page)
    monkeypatch.setattr(studies, "tables", lambda _: [("churn", Path("c")), ("vehicle", Path("v"))])
    monkeypatch.setattr(studies, "complete", lambda work, _: ran.append(work))
    study = studies.Study(
        "name", Path("s.py"), "What it is.", ["m"], "0", lambda r: f"{len(r)} row"
    )
    words = [str(tmp_path), "--tables", "vehicle", "--out", str(out), "--write"]

    assert studies.run(study, words) == 0
    assert ran == [([("vehicle", Path("v"), RANDOM)], ["m"], [0])]
    assert capsys.readouterr().out == "1 row\n"
    assert "vehicle; seeds 0; M0.\n" in page.read_text()
    assert "1 row" in page.read_text()
