"""``--scores gate`` where it can be asked for, on a search that is made once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

import connsearch
from connsearch.analysis.gap import cut
from connsearch.errors import RunError, SettingsError
from connsearch.graph.gates import connection_gate_name
from connsearch.graph.gating import gated_connections
from connsearch.graph.spec import Edge
from connsearch.runs.formats.gates import GateRow
from connsearch.runs.logs import read_table, write_table
from connsearch.runs.names import GATES
from connsearch.runs.record import open_run
from connsearch.workflows.listening import Listener
from connsearch.workflows.scoring import learned_scores
from tests.training.tiny import result_of, tiny_search

pytestmark = pytest.mark.usefixtures("unpictured")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose gates decide in its second half; none of them opens."""
    place = tmp_path_factory.mktemp("gates") / "run"
    result_of(tiny_search(place, epochs=1, gated_connections="all", post="sr", gate_start=0.5))
    return place


@pytest.fixture
def run(searched: Path, tmp_path: Path) -> Path:
    return shutil.copytree(searched, tmp_path / "run")


def open_for(run: Path, shares: Mapping[Edge, float]) -> None:
    """Writes into the table of a run how often each gate was open at its last look at val."""
    rows = list(read_table(run / GATES, GateRow))
    last = max(row.step for row in rows if row.split == "val")
    named = {connection_gate_name(edge): share for edge, share in shares.items()}
    write_table(
        run / GATES,
        GateRow,
        [
            row.model_copy(update={"opened": round(named[row.gate] * row.clips)})
            if row.split == "val" and row.step == last
            else row
            for row in rows
        ],
    )


def test_a_pruning_by_gates_is_written_with_its_reasons(run: Path) -> None:
    structure = open_run(run).structure
    gated = list(gated_connections(structure))
    open_for(run, {edge: float(place % 2) for place, edge in enumerate(gated)})
    told: list[object] = []
    pruned = connsearch.prune(run, scores="gate", progress=told.append)
    assert pruned.directory == run / "pruned-gate"
    record = pruned.prune_record
    assert record is not None
    assert record.exactness is not None
    assert record.exactness.max_abs_difference == 0.0
    assert record.scores is not None
    assert (record.scores.kind, record.scores.step) == ("gate", 4)
    rates = {(row.source, row.target): row.open_rate for row in record.scores.rows}
    assert [rates[edge] for edge in gated] == [float(n % 2) for n in range(len(gated))]
    assert all(rates[edge] is None for edge in structure.edges() if edge not in gated)
    assert pruned.structure.provenance["criterion"]["scores"] == "gate"
    removed = {tuple(edge) for edge in record.removed}
    assert removed >= {edge for edge in gated if rates[edge] == 0.0}
    assert pruned.structure.gates_decide
    assert not any("none of the" in str(event) for event in told)
    again = connsearch.prune(run, scores="gate", progress=False)
    assert again.structure == pruned.structure
    budget = connsearch.prune(run, scores="gate", budget=["connections<=50%"], progress=False)
    assert budget.structure.provenance["criterion"]["scores"] == "gate"
    with pytest.raises(RunError, match=r"gates.csv: is missing(?s:.*)prune the search itself"):
        connsearch.prune(pruned.directory, scores="gate", progress=False)


def test_where_no_gate_opens_a_warning_says_what_that_means(run: Path) -> None:
    told: list[object] = []
    structure = open_run(run).structure
    scores = learned_scores("gate", str(run), structure, Listener.of(told.append))
    assert scores is not None
    assert {scores[edge] for edge in gated_connections(structure)} == {0.0}
    (warning,) = told
    assert "was open for more than 0% of val" in str(warning)
    assert learned_scores("weight", str(run), structure, Listener.of(told.append)) is None


def test_a_gap_is_cut_by_the_scores(run: Path) -> None:
    structure = open_run(run).structure
    scores = {edge: float(edge.source == 0) for edge in structure.edges()}
    found = cut(structure, "relative", (0.5,), scores=scores, measured="gate")[0.5]
    assert all(edge.source == 0 or edge in {r.edge for r in found.repairs} for edge in found.edges)
    assert found.structure.provenance["criterion"]["scores"] == "gate"


def test_a_search_without_gates_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "plain"
    result_of(tiny_search(place, steps=1, eval_every=9))
    with pytest.raises(SettingsError, match=r"has a temporal gate(?s:.*)--gated-connections"):
        connsearch.prune(place, scores="gate", progress=False)
    assert not (place / "pruned-gate").exists()
