"""The search: the space it opens, the alarms it raises, the result it leaves."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from connsearch.errors import SettingsError
from connsearch.graph.dag import candidate_edges
from connsearch.graph.files import load_structure, read_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import FREE, Attention, Edge, Peer
from connsearch.models.structure import Network
from connsearch.oneshot.alarms import alarms, entropy_share, structure_alarms
from connsearch.oneshot.logits import LogitHistory
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search_space
from connsearch.runs.events import ConnectionsEvent, StepEvent, WarningEvent
from connsearch.runs.files import load_weights
from tests.training.tiny import ROWS, result_of, tiny_search, tiny_structure


def test_everything_is_connected_and_undecided() -> None:
    space = search_space(tiny_structure(), SearchOptions())
    assert set(space.edges()) == set(candidate_edges(tiny_structure()))
    assert set(space.weights().values()) == {FREE}


def test_a_warm_start_keeps_stored_weights() -> None:
    stored = tiny_structure().with_weights({Edge(0, 2): 0.9})
    warm = search_space(stored, SearchOptions.of(warm_start=True))
    assert warm.weights()[Edge(0, 2)] == 0.9
    assert warm.weights()[Edge(1, 4)] == FREE
    cold = search_space(stored, SearchOptions.of(over_connect=False))
    assert cold.edges() == stored.edges()
    assert set(cold.weights().values()) == {FREE}


def test_a_structure_without_a_weight_cannot_be_searched() -> None:
    settings = replace(tiny_structure().network, attention=Attention.NONE)
    chain = parse_structure(
        [[-1, 1], [0, [0], 1, 1, 1], [1, [1], 2, 1, 1]],
        family="assemblenet",
        network=settings,
    )
    with pytest.raises(SettingsError, match="no connection has a weight to search"):
        search_space(chain, SearchOptions.of(over_connect=False))


def test_the_result_holds_what_was_learned(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run", connection_lr=0.1, method="assemblenet"))
    result = result_of(iter(events))
    weights = result.structure.weights()
    assert all(isinstance(w, float) for w in weights.values())
    assert max(abs(w - 0.5) for w in weights.values() if isinstance(w, float)) > 0.05
    assert all(len(c.peers) == 2 for e, c in result.structure.connections() if e.target < 4)
    assert read_structure(tmp_path / "run" / "learned.json") == result.structure
    network = Network(result.structure, 2, learn_connections=True)
    network.load_state_dict(load_weights(tmp_path / "run" / "learned.safetensors"))
    assert network.learned_structure().weights() == weights
    last = [e for e in events if isinstance(e, ConnectionsEvent)][-1]
    assert last.weights == weights


def test_every_connection_over_time_is_in_the_table(tmp_path: Path) -> None:
    events = tiny_search(tmp_path / "run", epochs=1, method="assemblenet")
    steps = [e for e in events if isinstance(e, StepEvent)]
    with open(tmp_path / "run" / "connections.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    edges = {(str(e.source), str(e.target)) for e in candidate_edges(tiny_structure())}
    for kind in ("connection", "peer"):
        for step in ("0", "2", str(len(steps))):
            found = {
                (r["source"], r["target"]) for r in rows if r["kind"] == kind and r["step"] == step
            }
            assert found == edges
    sigmoid = torch.tensor([float(r["logit"]) for r in rows if r["kind"] == "connection"]).sigmoid()
    weights = torch.tensor([float(r["weight"]) for r in rows if r["kind"] == "connection"])
    torch.testing.assert_close(sigmoid, weights)


def test_a_search_says_what_it_did_not_decide(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run", epochs=1, connection_lr=0.0))
    told = [e.message for e in events if isinstance(e, WarningEvent)]
    assert any("never moved" in text for text in told)
    assert any("undecided" in text for text in told)
    report = result_of(iter(events)).report
    kinds = {(alarm.kind, alarm.what) for alarm in report.alarms}
    assert ("never moved", "connection weights") in kinds
    assert ("never moved", "peer mixtures") in kinds
    assert ("near-uniform peers", "peer mixtures") in kinds
    assert not any(kind == "no gradient" for kind, _ in kinds)


def test_published_undecided_nodes_are_flagged() -> None:
    raised = {a.kind: a for a in structure_alarms(load_structure("assemblenet_plus-50"))}
    still, undecided = raised["never moved"], raised["undecided"]
    assert {e.source for e in still.edges if e.target == 9} == {0, 1, 2, 4, 5, 6, 7, 8}
    assert sum(e.target == 12 for e in still.edges) == 2
    assert len(still.edges) == 10
    assert len(undecided.edges) == 20
    assert undecided.of == 45


def test_alarms_name_weights_gradients_and_peers() -> None:
    a, b, c = Edge(0, 2), Edge(1, 2), Edge(0, 3)
    history = LogitHistory(
        first={a: 0.5, b: 0.5, c: 0.5},
        last={a: 0.5, b: 0.41, c: 0.9},
        gradients={a: 0.0, b: 0.1, c: 0.1},
        first_peers={a: (Peer(0, 0.5), Peer(1, 0.5)), b: (Peer(0, 0.5), Peer(1, 0.5))},
        last_peers={a: (Peer(0, 0.505), Peer(1, 0.495)), b: (Peer(0, 0.9), Peer(1, 0.1))},
        peer_gradients={a: 0.0, b: 0.2},
    )
    found = {(x.kind, x.what): x.edges for x in alarms(history)}
    said = [x.heading for x in alarms(history)]
    assert any(one.startswith("1 of 2 peer mixtures with near-uniform peers (") for one in said)
    assert found == {
        ("undecided", "connection weights"): (a, b),
        ("never moved", "connection weights"): (a,),
        ("no gradient", "connection weights"): (a,),
        ("near-uniform peers", "peer mixtures"): (a,),
        ("never moved", "peer mixtures"): (a,),
        ("no gradient", "peer mixtures"): (a,),
    }


def test_a_decided_search_is_silent() -> None:
    edge = Edge(0, 2)
    history = LogitHistory(
        first={edge: 0.5},
        last={edge: 0.9},
        gradients={edge: 0.1},
        first_peers={edge: (Peer(0, 0.5), Peer(1, 0.5))},
        last_peers={edge: (Peer(0, 0.95), Peer(1, 0.05))},
        peer_gradients={edge: 0.1},
    )
    assert alarms(history) == ()


def test_entropy_of_mixtures() -> None:
    assert entropy_share([1 / 3] * 3) == pytest.approx(1)
    assert entropy_share([0.5, 0.5, 0.0]) == pytest.approx(0.6309, abs=1e-4)
    assert entropy_share([1.0]) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"lr": 0},
        {"lr": float("inf")},
        {"warmup": 1.0},
        {"optimiser": "adm"},
        {"label_smoothing": 1.5},
        {"seed": -1},
        {"log_every": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SearchOptions.of(**wrong)  # type: ignore[arg-type]


def test_all_faults_of_the_settings_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        SearchOptions.of(epochs=0, warmup=2, log_every=0)
    assert len(caught.value.errors()) == 3


def test_a_setting_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"'epoch'.*'epochs'"):
        SearchOptions.of(epoch=3)


def test_rows_are_what_the_tests_say() -> None:
    assert len(ROWS) == len(tiny_structure())
