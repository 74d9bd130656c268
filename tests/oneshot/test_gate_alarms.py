"""Gates that make no choice are alarms of a search, by the limits that training's advice has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.graph.gates import connection_gate_name
from connsearch.graph.gating import gated_connections, with_gates
from connsearch.oneshot.alarms import GATES, Alarm
from connsearch.oneshot.gate_alarms import gate_alarms
from connsearch.runs.events import WarningEvent
from connsearch.runs.files import load_weights
from connsearch.runs.formats.gates import GateCount, GateCounts
from connsearch.training.gate_advice import GateCourse, GatesCourse, never_open, never_shut
from tests.nn.helpers import starter
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

STRUCTURE = with_gates(starter(), "all")
EDGE = next(iter(gated_connections(STRUCTURE)))
NAME = connection_gate_name(EDGE)


def counts(opened: int, clips: int = 100, frames: int | None = 4, **gates: int) -> GateCounts:
    found = {NAME: GateCount(opened=opened, clips=clips, frames=frames)}
    found |= {name: GateCount(opened=n, clips=clips, frames=4) for name, n in gates.items()}
    return GateCounts(deciding=True, gates=found)


@given(st.integers(0, 100))
def test_alarms_and_advice_have_the_same_limits(opened: int) -> None:
    raised = {alarm.kind for alarm in gate_alarms(STRUCTURE, counts(opened))}
    course = GatesCourse([GateCourse(NAME, opened, 100, 4)])
    assert raised == (
        {"never open"} if opened < 5 else {"never shut"} if opened > 95 else set[str]()
    )
    assert ("never open" in raised) == (never_open(course) is not None)
    assert ("never shut" in raised) == (never_shut(course) is not None)


def test_an_alarm_names_gates_and_the_connections_among_them() -> None:
    posts = {"node 8": 0, "node 9": 50, "node 7": 99}
    shut, wide = gate_alarms(STRUCTURE, counts(2, **posts))
    assert shut == Alarm("never open", (EDGE,), 4, GATES, gates=(NAME, "node 8"))
    assert wide == Alarm("never shut", (), 4, GATES, gates=("node 7",))
    assert "2 of 4 temporal gates never open (for less than 5% of the clips of val)" in str(shut)
    assert f"{NAME}, node 8\n" in str(shut)
    assert Alarm.read(shut.record()) == shut
    assert "gates" not in Alarm("undecided", (EDGE,), 3).record().to_json()


@pytest.mark.parametrize(
    "found",
    [
        None,
        GateCounts(deciding=False, gates=counts(0).gates),
        counts(0, frames=1),
        counts(100, frames=1),
        counts(0, clips=0),
    ],
)
def test_gates_without_a_choice_raise_none(found: GateCounts | None) -> None:
    assert gate_alarms(STRUCTURE, found) == ()


def test_a_search_tells_and_records_them(tmp_path: Path) -> None:
    """Of cells that have learned nothing no gate opens, from four frames on."""
    options = {"post": "srtg", "gated_connections": "all", "gate_start": 0.5, "epochs": 1}
    events = list(tiny_search(tmp_path / "run", **options))
    result = result_of(iter(events))
    assert result.structure.gates_decide
    (alarm,) = [Alarm.read(a) for a in result.report.alarms if a.what == GATES]
    assert alarm.kind == "never open"
    assert set(alarm.edges) == set(gated_connections(result.structure))
    assert len(alarm.gates) == len(alarm.edges) + sum(1 for _ in result.structure.blocks())
    assert any(str(alarm) == e.message for e in events if isinstance(e, WarningEvent))
    assert "gates shut" not in {advice.kind for advice in result.report.advice}, "said once"
    assert any(".gates." in name for name in load_weights(tmp_path / "run" / "learned.safetensors"))


def test_without_val_the_advice_speaks_of_training_clips(tmp_path: Path) -> None:
    data = TinyData()
    data.val = TinyClips(0, seed=2, options=data.options)
    options = {"post": "srtg", "gate_start": 0.5, "epochs": 1}
    report = result_of(tiny_search(tmp_path / "run", data, **options)).report
    assert not [alarm for alarm in report.alarms if alarm.what == GATES]
    assert "gates shut" in {advice.kind for advice in report.advice}
