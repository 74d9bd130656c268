"""Temporal gates in what is set beside a search: random wirings, trainings alone, ablations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from connsearch.analysis.ablation_mask import soft_closure, soft_mask
from connsearch.analysis.importance import ablate
from connsearch.analysis.open_rates import OpenRates
from connsearch.analysis.searched_run import SearchedRun, free_weights, masked, train_alone
from connsearch.analysis.wirings import WiringSampler, pruned_from
from connsearch.graph.gates import has_gates
from connsearch.graph.gating import gated_connections, with_gates, with_post
from connsearch.graph.spec import Attention, Edge, Post, Structure
from connsearch.models.gates import let_decide
from connsearch.models.structure import Network
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune, prune_by
from connsearch.runs.ledger import Ledger
from connsearch.runs.record import open_run
from tests.analysis.subjects import drained, searched_of, stirred
from tests.analysis.test_wirings import macs, searched
from tests.training.tiny import tiny_structure

GATED = with_post(with_gates(tiny_structure(attention=Attention.NONE), "all"), Post.SRTG)


def subject(place: Path, structure: Structure = GATED, **options: object) -> SearchedRun:
    """A searched network whose gates decide, and are open for some clips."""
    network = stirred(Network(structure, 2, learn_connections=True, seed=1))
    let_decide(network, gated=True)
    return searched_of(network, place, **options)


def test_random_wirings_keep_posts_and_gates_as_a_pruning_does() -> None:
    space = with_post(with_gates(searched(), "all"), Post.SR)
    found = prune_by(space, PruneOptions(criterion="threshold:0.5"))
    drawn = WiringSampler(space, found, "pinned", macs, 0.2).draw(4, seed=0)
    own = set(gated_connections(space))
    for one in (found, *drawn):
        old = {new: before for before, new in one.node_map.items()}
        left = {Edge(old[e.source], old[e.target]) for e in gated_connections(one.structure)}
        assert left | set(one.opened) == own & one.edges
        assert {block.post for _, block in one.structure.blocks()} == {Post.SR}
    assert any(gated_connections(one.structure) for one in drawn)


def test_a_pruned_structure_with_gates_is_found_in_its_search() -> None:
    space = replace(with_post(with_gates(searched(), "streams"), Post.SRTG), gates_decide=True)
    pruned = prune_by(space, PruneOptions(criterion="top_k:2"))
    again, _ = pruned_from(space, pruned.structure, name="it")
    assert again.structure == pruned.structure


def plain(structure: Structure) -> Structure:
    return with_post(with_gates(structure, "none"), Post.NONE)


@pytest.mark.parametrize(
    ("structure", "asked", "learned", "begin"),
    [
        (GATED, 0.5, False, 0.5),
        (GATED, "auto", False, 0.4),
        (GATED, 0.5, True, 0.0),
        (GATED, None, False, "none"),
        (plain(GATED), 0.5, False, None),
    ],
)
def test_gates_learn_anew_or_go_on(
    tmp_path: Path, structure: Structure, asked: object, learned: bool, begin: object
) -> None:
    """Trained from new weights they begin as in the search; weights that decide go on deciding."""
    given = subject(tmp_path / "searched", structure, gate_start=asked, steps=2, eval_every=9)
    pruned = prune(given.structure, given.structure.edges())
    weights = given.child(pruned) if learned else None
    whole = pruned.structure if learned else free_weights(pruned.structure)
    assert whole.gates_decide is has_gates(structure)
    place = tmp_path / "alone"
    for _ in train_alone(whole, given.data, given.options, place, weights=weights):
        pass
    record = open_run(place)
    assert record.form.facts.gate_start == begin
    assert record.structure.gates_decide is (begin not in (None, "none"))


def test_where_only_gated_inputs_are_left_they_are_heard_without_a_gate(tmp_path: Path) -> None:
    """Silencing the one input that gates compare with takes them away, as a pruning does."""
    given = subject(tmp_path)
    structure, (target, block) = given.structure, list(given.structure.blocks())[-1]
    first = Edge(block.inputs[0], target)
    others = {Edge(source, target) for source in block.inputs[1:]}
    closure = soft_closure(structure, set(structure.edges()) - {first})
    assert set(closure.opened) == others
    assert soft_mask(closure).opened == others
    pruned = prune(structure, set(structure.edges()) - {first})
    assert set(pruned.opened) == others
    clip = {"rgb": torch.rand(3, 3, 4, 16, 16)}
    child = given.child(pruned).eval()
    with torch.no_grad():
        alone = child(clip)
        with masked(given.network, pruned):
            assert torch.equal(given.network(clip), alone)
        given.network.mask(soft_mask(closure))
        assert torch.equal(given.network(clip), alone)


def test_an_ablation_measures_gated_connections_too(tmp_path: Path) -> None:
    given = subject(tmp_path)
    with Ledger(tmp_path / "ledger", {"command": "prune"}) as ledger:
        found = drained(ablate(given, ledger))
    assert set(found.rises) == set(given.structure.edges())
    assert all(gate.gated for gate in given.network.modules() if hasattr(gate, "take_count"))


def test_a_pruning_by_gates_is_exact(tmp_path: Path) -> None:
    given = subject(tmp_path)
    rates = {e: 0.1 * n for n, e in enumerate(gated_connections(given.structure))}
    scores = OpenRates(1, rates).scores(given.structure)
    pruned = prune_by(given.structure, scores=scores, measured="gate")
    clip = {"rgb": torch.rand(3, 3, 4, 16, 16)}
    with torch.no_grad(), masked(given.network, pruned):
        assert torch.equal(given.network(clip), given.child(pruned).eval()(clip))
