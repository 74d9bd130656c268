"""Open rates of gates as a picture, a table, a section and a live line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connsearch.models.catalogue import create_model
from connsearch.runs.events import GatesEvent
from connsearch.runs.formats.form import columns
from connsearch.runs.formats.gates import GateCount, GateCounts, GateRow
from connsearch.runs.logs import write_table
from connsearch.runs.metrics import summarise
from connsearch.runs.record import open_run
from connsearch.view.charts.marks import Points, Polyline, Rule
from connsearch.view.report.build import write_report
from connsearch.view.runs.gates import decide_from, gates_chart, gates_rows
from connsearch.view.runs.plots import run_pictures
from tests.view.progress.screens import told
from tests.view.progress.test_display import step
from tests.view.report_files import make_run


def row(gate: str, at: int, opened: int, deciding: int = 1, split: str = "train") -> GateRow:
    frames = {"stage1.0": 4, "stage1.1": 4, "stage2.0": 1}.get(gate)
    return GateRow(
        step=at, epoch=0, split=split, gate=gate, deciding=deciding, frames=frames,
        opened=opened, clips=4,
    )  # fmt: skip


ROWS = [
    *(row("stage1.0", at, at // 5, int(at > 10)) for at in (5, 10, 15, 20)),
    *(row("stage1.1", at, 0, int(at > 10)) for at in (5, 10, 15, 20)),
    *(row("stage2.0", at, 4, int(at > 10)) for at in (5, 10, 15, 20)),
    *(row(gate, 20, 2, split="val") for gate in ("stage1.0", "stage1.1", "stage2.0")),
]


def test_a_panel_a_stage_with_a_line_a_gate() -> None:
    chart = gates_chart(ROWS, title="net")
    assert [panel.title for panel in chart.panels] == [
        "stage1, 4 frames", "stage2, 1 frame: always open",
    ]  # fmt: skip
    lines = [mark for mark in chart.panels[0].marks if isinstance(mark, Polyline)]
    assert [(line.name, list(line.ys)) for line in lines] == [
        ("stage1.0", [0.25, 0.5, 0.75, 1.0]), ("stage1.1", [0.0] * 4),
    ]  # fmt: skip
    assert lines[0].width > lines[1].width, "one over another hides none"
    points = [mark for mark in chart.panels[0].marks if isinstance(mark, Points)]
    assert [list(p.ys) for p in points] == [[0.5], [0.5]]
    assert points[0].tips == ["stage1.0, val, step 20: open for 2 of 4 clips"]
    rules = [mark for panel in chart.panels for mark in panel.marks if isinstance(mark, Rule)]
    assert [(rule.at, rule.upright) for rule in rules] == [(10, True)] * 2
    assert [key.name for key in chart.keys] == [
        "block 0", "block 1", "validation", "gates decide after step 10",
    ]  # fmt: skip


def test_gates_that_never_decide_have_no_upright_line_and_a_note() -> None:
    rows = [r.model_copy(update={"deciding": 0}) for r in ROWS]
    chart = gates_chart(rows, title="net")
    assert decide_from(rows) is None
    assert "would be open" in chart.note
    assert not any(isinstance(mark, Rule) for mark in chart.panels[0].marks)
    always = [r.model_copy(update={"deciding": 1}) for r in ROWS]
    assert decide_from(always) is None
    assert gates_chart(always, title="net").note == ""


def test_gates_of_any_name_have_a_picture() -> None:
    rows = [row(f"{part}.{name}", 1, 1) for part in ("left", "right") for name in ("a", "b")]
    chart = gates_chart([*rows, row("alone", 1, 1)], title="net")
    assert [panel.title for panel in chart.panels] == ["left", "right", "gates"]
    assert [key.name for key in chart.keys[:2]] == ["gate 1", "b"]
    two = [row(f"stage1.0.gate.{name}", 1, 1) for name in ("short", "long")]
    (panel,) = gates_chart(two, title="net").panels
    assert panel.title.startswith("stage1.0")
    assert ".gate" not in panel.title


def test_the_table_has_what_gates_did_since_they_decide() -> None:
    counts = GateCounts(deciding=True, gates={"stage1.0": GateCount(opened=1, clips=8)})
    metrics = summarise([0], [0], classes=["a"], loss=1.0).model_copy(update={"gates": counts})
    rows = gates_rows(ROWS, {"val": metrics})
    assert rows[0] == {"gate": "stage1.0", "frames": 4, "training": 7 / 8, "val": 1 / 8}
    assert rows[1]["val"] is None
    assert gates_rows((), {"test": metrics}) == [{"gate": "stage1.0", "test": 1 / 8}]
    assert gates_rows((), {"test": metrics.model_copy(update={"gates": None})}) == []


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished training with gates, made without training."""
    made = make_run(tmp_path / "run")
    write_table(made / "gates.csv", GateRow, ROWS)
    assert columns(GateRow)[:4] == ("step", "epoch", "split", "gate")
    return made


def test_the_report_has_a_section_of_gates(run: Path) -> None:
    done = write_report(run)
    assert "gates" in done.sections
    assert done.notes == {}
    page = done.path.read_text()
    assert "In the first\n10 steps all of them always fuse" in page
    assert "be open. In the table, <i>training</i> is all of it since they\ndecide." in page
    assert "<td>stage1.0</td>" in page


def test_a_damaged_table_costs_its_section_and_is_named(run: Path) -> None:
    with (run / "gates.csv").open("a") as file:
        file.write("25,0,train,stage1.0,1,4,many,4\n")
    done = write_report(run)
    assert "column opened: expected a whole number, read 'many'" in done.notes["gates"][0]


def test_a_run_without_gates_has_neither_section_nor_picture(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run")
    assert open_run(made, whole=False).gates == ()
    assert "gates" not in write_report(made).sections


def test_a_training_has_a_picture_of_its_gates(tmp_path: Path) -> None:
    write_table(tmp_path / "gates.csv", GateRow, ROWS)
    document = create_model("srtg_r3d_18", 3, seed=0, widths=(4, 4, 4, 4)).describe()
    assert [p.name for p in run_pictures(tmp_path, document)] == ["gates.svg", "gates.png"]
    assert "gates decide after step 10" in (tmp_path / "gates.svg").read_text()


def test_the_line_shows_how_often_gates_are_open() -> None:
    before = GatesEvent(1, False, {"a": (1, 4), "b": (2, 4)})
    after = GatesEvent(5, True, {"a": (4, 4), "b": (0, 0)})
    lines = told([step(1), before, *(step(n) for n in range(2, 6)), after, step(6)]).splitlines()
    assert "gates" not in lines[0]
    assert "12.3 clips/s  gates open 1.00  " in lines[-1]


def test_numbers_of_gates_are_kept_where_there_are_some() -> None:
    plain = summarise([0], [0], classes=["a"], loss=1.0)
    assert "gates" not in plain.to_json()
    counts = GateCounts(deciding=False, gates={"a": GateCount(opened=1, clips=4)}, still=2)
    found = plain.model_copy(update={"gates": counts}).to_json()
    assert found["gates"] == {
        "deciding": False, "gates": {"a": {"opened": 1, "clips": 4}}, "still": 2,
    }  # fmt: skip
    assert type(plain).from_json(json.loads(json.dumps(found))).gates == counts
    assert str(counts) == "gates would open 0.250"
    one = counts.model_copy(update={"gates": {"b": GateCount(opened=4, clips=4, frames=1)}})
    assert str(one) == "", "with one frame a gate is always open"
