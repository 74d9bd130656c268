"""What is missing or damaged is a note in the report, never the end of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connsearch.view.report.build import write_report
from connsearch.view.report.sections import wiring
from tests.view.report_files import Text, change, make_run, report, write_analyses

_FILES = {
    "result.json": "summary",
    "learned.json": "wiring",
    "metrics.csv": "curves",
    "connections.csv": "weights",
    "gap/summary.json": "gap",
    "curve/summary.json": "curve",
    "compare/summary.json": "compare",
    "rank_correlation/summary.json": "rank_correlation",
    "importance/summary.json": "more",
    "evaluation.json": "judged",
    "config.json": "settings",
    "pruned/prune.json": "pruned",
}


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, no_drawings: None) -> None:
    """Pictures take longer than all the rest; ``test_charts`` draws what no picture can show."""
    monkeypatch.setattr(wiring, "svg", lambda structure, **_: "<svg></svg>")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = make_run(tmp_path / "run")
    write_analyses(run)
    (run / "pruned").mkdir()
    return run


@pytest.mark.parametrize(("name", "anchor"), _FILES.items())
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"rows": [{"share": "wide"}], "nodes": 1}']
)
def test_a_damaged_file_is_a_note(run: Path, name: str, anchor: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    done = write_report(run)
    harmless = {
        "config.json": content.startswith(b'{"'),
        "result.json": content.startswith(b'{"'),
        "importance/summary.json": content.startswith(b'{"'),
    }
    assert harmless.get(name, False) or done.notes.get(anchor), (name, done.notes)
    page = done.path.read_text()
    assert "Not readable." in page or harmless.get(name, False)
    assert str(run) not in "".join(note for noted in done.notes.values() for note in noted)


@pytest.mark.parametrize("name", _FILES)
def test_a_missing_file_is_no_fault(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    if name == "config.json":
        return
    assert write_report(run).notes == {}


def test_an_unfinished_run_is_reported(run: Path) -> None:
    (run / "result.json").unlink()
    (run / "learned.json").rename(run / "structure.json")
    text = str(Text(report(run)))
    assert "This run is not finished: its logs end at step 40" in text
    assert "Discretisation gap" in text


def test_a_log_that_a_killed_run_left_half_written_is_read_as_far_as_it_goes(run: Path) -> None:
    log = run / "metrics.csv"
    log.write_bytes(log.read_bytes()[:-30])
    assert write_report(run).notes == {}


def test_numbers_that_are_none_stop_nothing(run: Path) -> None:
    found = json.loads((run / "compare" / "summary.json").read_text())
    change(run / "compare" / "summary.json", difference=None, rows=found["rows"][:1])
    result = json.loads((run / "result.json").read_text())
    result["metrics"]["val"] |= {"loss": float("nan"), "confusion": None, "recalls": {"a": None}}
    (run / "result.json").write_text(json.dumps(result))
    text = str(Text(report(run)))
    assert "No baseline." in text


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["result.json", "gap/summary.json", "compare/summary.json", "config.json"]
    ),
    data=st.data(),
)
def test_any_value_in_any_place_stops_nothing(run: Path, name: str, data: st.DataObject) -> None:
    before = (run / name).read_text()
    found = json.loads(before)
    at = found
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
            at = at[key]
            continue
        at[key] = data.draw(st.sampled_from([None, -1, 0, 1e300, "text", [], {}, [[1]], True]))
        break
    (run / name).write_text(json.dumps(found))
    try:
        write_report(run)
    finally:
        (run / name).write_text(before)
