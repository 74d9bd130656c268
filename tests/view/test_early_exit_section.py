"""The report about clips that stop early."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connsearch.view.report.build import write_report
from connsearch.view.report.sections import wiring
from tests.view.early_exits import early_exits
from tests.view.report_files import Text, make_run, report


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, no_drawings: None) -> None:
    """The picture takes longer than all the rest."""
    monkeypatch.setattr(wiring, "svg", lambda structure, **_: "<svg></svg>")


def test_planned_and_realised_cost_are_beside_each_other(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert "When it stops" not in report(run)
    (run / "early-exit").mkdir()
    file = run / "early-exit" / "summary.json"
    file.write_text(json.dumps(early_exits().to_json()))
    done = write_report(run)
    text = str(Text(done.path.read_text()))
    assert done.notes == {}
    assert "solved on 30 clips of val; what came of them on 49 clips of test." in text
    first = "macs<=50% that predict takes 2 G 2.5 G 62% 2.25 0.625 0.525 to 0.725 1.50x 1.60x"
    assert first in text
    assert "macs<=3G 3 G 3.12 G 78% 2.25 0.750 0.650 to 0.850 – –" in text
    assert "first exit only – 1 G 25% 1.00 0.500" in text
    assert "2 2 G 25.0% 12.5%" in text, "of each exit, the clips that stop there"
    assert "More analyses" not in text
    file.write_text(json.dumps(early_exits(split="val").to_json()))
    assert "better than they would be on others" in report(run)
    plain = early_exits(budgets=[], chosen=None, area=None)
    file.write_text(json.dumps(plain.to_json()))
    text = str(Text(report(run)))
    assert "all steps – 4 G 100% 3.00 0.750" in text
    assert "where clips stop" not in text
    file.write_text('{"exits": 3}')
    assert "early-exit" in write_report(run).notes
