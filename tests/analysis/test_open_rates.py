"""Scores from how often gates were open: the arithmetic, and every file that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.analysis.open_rates import OpenRates, open_rates
from connsearch.analysis.selection import by_gates
from connsearch.errors import RunError, SettingsError
from connsearch.graph.files import load_structure
from connsearch.graph.gates import connection_gate_name
from connsearch.graph.gating import gated_connections, with_gates
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.runs.documents import write_form
from connsearch.runs.formats.gates import GateRow
from connsearch.runs.formats.result import ChoiceRecord, Result
from connsearch.runs.logs import write_table
from connsearch.runs.names import GATES, RESULT
from connsearch.runs.run_files import RunFiles
from tests.graph.strategies import LAW, structures

SEARCHED = with_gates(load_structure("starter"), "streams").with_weights(
    {edge: 0.5 for edge in load_structure("starter").edges()}
)
GATED = list(gated_connections(SEARCHED))


def row(
    edge: Edge, opened: int, *, step: int = 8, deciding: int = 1, split: str = "val"
) -> GateRow:
    return GateRow(
        step=step,
        epoch=0,
        split=split,  # pyright: ignore[reportArgumentType] (a word of the table)
        gate=connection_gate_name(edge),
        deciding=deciding,
        frames=4,
        opened=opened,
        clips=10,
    )


def look(opened: int, *, step: int = 8, deciding: int = 1) -> list[GateRow]:
    """An evaluation on val in which all gates are open as often."""
    return [row(edge, opened, step=step, deciding=deciding) for edge in GATED]


def run_with(place: Path, rows: Sequence[GateRow], *, kept: int | None = None) -> RunFiles:
    write_table(place / GATES, GateRow, rows)
    if kept is not None:
        choice = ChoiceRecord(watch="accuracy", step=kept, of=8, value=0.5, last=0.4, looks=3)
        write_form(place / RESULT, Result(metrics={}, choice=choice))
    return RunFiles(place)


@LAW
@given(structures(), st.data())
def test_a_score_is_weight_times_open_rate(structure: Structure, data: st.DataObject) -> None:
    gated = with_gates(structure, "all")
    rates = {e: data.draw(st.floats(0, 1)) for e in gated_connections(gated)}
    scores = OpenRates(1, rates).scores(gated)
    weights = {e: w for e, w in gated.weights().items() if isinstance(w, float)}
    assert scores.keys() == weights.keys()
    for edge, weight in weights.items():
        assert scores[edge] == (weight * rates[edge] if edge in rates else weight)


def test_the_last_look_at_val_counts(tmp_path: Path) -> None:
    others = [row(edge, 10, split="train", step=9) for edge in GATED]
    others += [row(edge, 10, split="test", step=9) for edge in GATED]
    run = run_with(tmp_path, [*look(1, step=2, deciding=0), *look(3, step=4), *look(7), *others])
    found = open_rates(run, SEARCHED)
    assert found.step == 8
    assert found.rates == dict.fromkeys(GATED, 0.7)


def test_where_the_best_state_was_kept_its_own_look_counts(tmp_path: Path) -> None:
    run = run_with(tmp_path, [*look(3, step=4), *look(7)], kept=4)
    assert open_rates(run, SEARCHED).rates == dict.fromkeys(GATED, 0.3)


def damaged(place: Path) -> RunFiles:
    run = run_with(place, look(3))
    path = place / GATES
    path.write_text(path.read_text().replace(",3,10", ",three,10"))
    return run


def without_column(place: Path) -> RunFiles:
    run = run_with(place, look(3))
    path = place / GATES
    path.write_text(path.read_text().replace("opened", "shut"))
    return run


FAULTS: dict[str, tuple[Callable[[Path], RunFiles], type[Exception], str]] = {
    "no table": (RunFiles, RunError, r"gates.csv: is missing"),
    "never judged": (
        lambda place: run_with(place, [row(GATED[0], 3, split="train")]),
        SettingsError,
        r"nothing was counted on val(?s:.*)--val-share",
    ),
    "never decided": (
        lambda place: run_with(place, look(3, deciding=0)),
        SettingsError,
        r"never decided(?s:.*)earlier --gate-start",
    ),
    "kept before they decided": (
        lambda place: run_with(place, [*look(3, step=4, deciding=0), *look(3)], kept=4),
        SettingsError,
        r"that of step 4 \(--keep best\), and on val gates decided from step 8 on",
    ),
    "a gate is missing": (
        lambda place: run_with(place, look(3)[1:]),
        RunError,
        rf"gates of {GATED[0].source}->{GATED[0].target} at the last",
    ),
    "more than there are": (
        lambda place: run_with(place, look(11)),
        RunError,
        r"open for 11 of 10 clips",
    ),
    "a word in place of a number": (damaged, RunError, r"column opened: expected a whole number"),
    "a column is missing": (without_column, RunError, r"no column opened"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_cannot_be_used_says_why(tmp_path: Path, fault: str) -> None:
    made, error, says = FAULTS[fault]
    with pytest.raises(error, match=says):
        open_rates(made(tmp_path), SEARCHED)


def test_a_structure_without_gates_has_no_such_score(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"has a temporal gate(?s:.*)--gated-connections"):
        open_rates(run_with(tmp_path, look(3)), with_gates(SEARCHED, "none"))


def test_a_pruning_by_gates_says_so_and_shows_the_rates(tmp_path: Path) -> None:
    """All weights are alike: what is open for half of the clips goes, what is always open stays."""
    shut, wide = GATED[0], GATED[1:]
    run = run_with(tmp_path, [row(shut, 5), *(row(edge, 10) for edge in wide)])
    found, options = by_gates(run, SEARCHED), PruneOptions()
    by_weight = prune_by(SEARCHED, options)
    pruned = prune_by(SEARCHED, options, scores=found.by.scores(SEARCHED), measured=found.kind)
    assert shut in by_weight.edges
    assert pruned.edges == by_weight.edges - {shut}
    assert pruned.structure.provenance["criterion"]["scores"] == "gate"
    report = found.report(SEARCHED, by_weight, pruned)
    assert report.step == 8
    (apart,) = report.disagreements
    assert (apart.source, apart.target) == shut
    assert (apart.open_rate, apart.score, apart.kept_by_gate) == (0.5, 0.25, False)
    table = (tmp_path / "importance" / "gate.csv").read_text().splitlines()
    assert table[0] == "source,target,weight,score,open_rate,kept_by_weight,kept_by_gate"
    assert len(table) == 1 + len(SEARCHED.edges())
