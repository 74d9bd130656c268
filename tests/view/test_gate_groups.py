"""Gates of a structure, many of them: legible in panels, tables and pictures of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.graph.files import write_structure
from connsearch.graph.spec import Edge, Post
from connsearch.runs.formats.gates import GateCount, GateCounts, GateRow, open_rates
from connsearch.runs.logs import write_table
from connsearch.runs.metrics import summarise
from connsearch.runs.run_files import RunFiles
from connsearch.view.charts.marks import Polyline, Rule
from connsearch.view.report.build import write_report
from connsearch.view.runs.gate_groups import MOST_LINES, MOST_PANELS, gate_groups, node_gate
from connsearch.view.runs.gates import gates_chart
from connsearch.workflows.draw import draw
from tests.view.gated import gate_rows
from tests.view.report_files import change, make_run
from tests.view.structures import small
from tests.view.svg import texts
from tests.view.test_gated_pictures import with_gate, words

NAMES = ["node 5", *(f"node {n} <- {m}" for n in (8, 7) for m in (3, 0)), "node 9, module 1"]


def test_names_say_where_a_gate_is() -> None:
    assert all(node_gate(name) is not None for name in NAMES)
    assert all(node_gate(name) is None for name in ("stage2.0", "gate", "node x", "node 8 "))


def test_groups_are_by_place_then_node() -> None:
    found = gate_groups([*NAMES, "stage1.0"])
    assert [group.title for group in found] == [
        "after node 5",
        "inside node 9",
        "into nodes 7 and 8",
    ]
    assert [gate.name for gate in found[2].gates] == [
        "node 7 <- 0", "node 7 <- 3", "node 8 <- 0", "node 8 <- 3",
    ]  # fmt: skip
    assert [gate.end for group in found for gate in group.gates] == [
        "5", "9·1", "7←0", "7←3", "8←0", "8←3",
    ]  # fmt: skip


@pytest.mark.parametrize("nodes", [3, 40, 400])
def test_many_gates_need_few_panels(nodes: int) -> None:
    names = [f"node {n} <- {m}" for n in range(5, 5 + nodes) for m in range(4)]
    found = gate_groups(names)
    assert sorted(gate.name for group in found for gate in group.gates) == sorted(names)
    assert len(found) <= MOST_PANELS * 1.5
    if nodes < 40:
        assert all(len(group.gates) <= MOST_LINES for group in found)


def test_a_chart_has_panels_of_blocks_with_numbers_at_the_ends() -> None:
    chart = gates_chart(gate_rows(NAMES), title="net")
    assert [panel.title for panel in chart.panels] == [
        "after node 5, 8 frames", "inside node 9, 8 frames", "into nodes 7 and 8, 8 frames",
    ]  # fmt: skip
    lines = [mark for mark in chart.panels[2].marks if isinstance(mark, Polyline)]
    assert [line.end for line in lines] == ["7←0", "7←3", "8←0", "8←3"]
    assert len({(line.ink, line.dash) for line in lines}) == 4, "told apart without their ends, too"
    rules = [mark for panel in chart.panels for mark in panel.marks if isinstance(mark, Rule)]
    assert [rule.at for rule in rules] == [15] * 3
    assert [key.name for key in chart.keys] == [
        "training", "validation", "gates decide after step 15",
    ]  # fmt: skip
    assert chart.note == "at the ends of lines: the block, block·module (from 0), block←source"


def test_rates_are_those_of_the_state_that_was_kept() -> None:
    rows = [
        GateRow(step=step, split="val", gate="node 8", deciding=int(step > 1), opened=step, clips=8)
        for step in (1, 2, 4)
    ]
    assert open_rates(rows) == {"node 8": 0.5}
    assert open_rates(rows, until=3) == {"node 8": 0.25}
    assert open_rates(rows, until=1) == {}
    assert open_rates([row.model_copy(update={"split": "test"}) for row in rows]) == {}
    other = GateRow(step=8, split="val", gate="node 9", deciding=1, opened=1, clips=8)
    assert open_rates([*rows, other]) == {"node 9": 0.125}, "one evaluation, not one a gate"


@pytest.fixture
def run(tmp_path: Path, no_drawings: None) -> Path:
    """A finished search with gates, made without training."""
    made = make_run(tmp_path / "run")
    structure = with_gate(small(), Edge(3, 5), post=Post.SRTG)
    for name in ("learned.json", "structure.json"):
        write_structure(structure, made / name)
    (made / "connections.csv").unlink()
    write_table(made / "gates.csv", GateRow, gate_rows(["node 5 <- 3", "node 5"]))
    counts = {"node 5 <- 3": GateCount(opened=1, clips=4), "node 5": GateCount(opened=0, clips=4)}
    metrics = summarise([0], [0], classes=["a"], loss=1.0).model_copy(
        update={"gates": GateCounts(deciding=True, gates=counts)}
    )
    change(made / "result.json", metrics={"val": metrics.to_json()}, alarms=[])
    return made


def test_a_picture_of_a_run_says_how_often_its_gates_are_open(run: Path, tmp_path: Path) -> None:
    rates = RunFiles(run).open_rates
    assert set(rates) == {"node 5 <- 3", "node 5"}
    path = draw(str(run), tmp_path / "a.svg")
    said = words(path, "node-5")
    assert f"⋈{100 * rates['node 5 <- 3']:.0f}%" in said
    assert f"SRTG {100 * rates['node 5']:.0f}%" in said
    assert "a gate is open for 63% of the val clips" in texts(path)
    alone = draw(str(run / "learned.json"), tmp_path / "b.svg")
    assert "⋈" in words(alone, "node-5").split()
    assert "a gate is open for 63% of the val clips" not in texts(alone)


def test_the_report_of_a_search_folds_its_gates_by_block(run: Path) -> None:
    done = write_report(run)
    assert done.notes == {}
    page = done.path.read_text()
    assert "<summary>After node 5: 1 gate, open 0% on val</summary>" in page
    assert "<summary>Into node 5: 1 gate, open 25% on val</summary>" in page
    assert "<details open>" in page
    assert "“node 8 &lt;- 3” is the gate of the connection" in page or "“node 8 <- 3”" in page
    assert "module 0" not in page, "only what there is is explained"
    assert "ending in a bow tie: with a temporal gate" in page
    assert "Picture of the wiring (1 SRTG, 1 gated connection, gates always open)" in page
    assert "⋈ with a temporal gate" in page


def test_a_report_without_gates_says_nothing_of_them(tmp_path: Path, no_drawings: None) -> None:
    page = write_report(make_run(tmp_path / "run")).path.read_text()
    assert not any(word in page for word in ("bow tie", "⋈", "SRTG", "Temporal gates"))
