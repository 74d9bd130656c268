"""A pruned network takes over what its parent knows, number by number."""

from __future__ import annotations

import random

import pytest
import torch

from connsearch.errors import PruneError
from connsearch.graph.candidates import candidate_peers
from connsearch.graph.files import from_json, to_json
from connsearch.graph.spec import FREE, Attention, Edge, Modality, Structure
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune, prune_by
from tests.pruning.structures import drawn, with_random_peers

LOGITS = {2: [0.1, -3.7], 4: [1.7, 0.123456789, -2.0], 5: [0.3, 0.2]}


def small(attention: Attention = Attention.NONE) -> Structure:
    return drawn(
        (0, 0, 1, 1),
        {2: {0: 0.5, 1: 0.5}, 3: {1: None}, 4: {2: 0.5, 3: 0.5, 0: 0.5}, 5: {2: 0.5, 3: 0.5}},
        stems=(Modality.RGB, Modality.OBJECT),
        attention=attention,
    )


def trained(structure: Structure) -> Network:
    """A network with logits that no rounded file could give back."""
    network = Network(structure, 3, learn_connections=True, seed=1)
    with torch.no_grad():
        for index, logits in LOGITS.items():
            network.nodes[index].fusion.logits.copy_(torch.tensor(logits))
        for name, tensor in network.named_buffers():
            if name.endswith("running_mean"):
                tensor.copy_(torch.linspace(-1, 1, len(tensor)))
    return network


def rounded(structure: Structure) -> Structure:
    """The structure as a file of three digits would give it back."""
    weights = {
        e: w if w is None or w == FREE else round(w, 3) for e, w in structure.weights().items()
    }
    return structure.with_weights(weights)


def test_everything_is_taken_over_in_mode_pinned() -> None:
    parent = trained(small())
    pruned = prune_by(parent.learned_structure(), PruneOptions(criterion="threshold:0.4"))
    child = Network(pruned.structure, 3, seed=2)
    report = inherit(child, parent, pruned)
    assert report.complete
    assert set(report.copied) == set(child.state_dict())
    new = pruned.node_map[4]
    for name, tensor in parent.nodes[4].residual.state_dict().items():
        assert torch.equal(tensor, child.nodes[new].residual.state_dict()[name])
    assert torch.equal(parent.head.dense.weight, child.head.dense.weight)


@pytest.mark.parametrize("learn", [True, False])
def test_weights_come_from_the_network_not_from_the_file(learn: bool) -> None:
    parent = trained(small())
    pruned = prune_by(rounded(parent.learned_structure()), PruneOptions(criterion="top_k:2"))
    child = Network(pruned.structure, 3, learn_connections=learn, seed=2)
    inherit(child, parent, pruned)
    old = {new: before for before, new in pruned.node_map.items()}
    for new, block in pruned.structure.blocks():
        theirs, ours = (n.fusion.weights() for n in (parent.nodes[old[new]], child.nodes[new]))
        assert len(ours) == sum(c.weight is not None for c in block.connections)
        assert all(torch.equal(theirs[old[s]], weight) for s, weight in ours.items())
    if learn:
        edges = {Edge(old[s], old[t]): logit for (s, t), logit in child.connection_logits().items()}
        assert {e: float(v) for e, v in edges.items()} == {
            e: float(v) for e, v in parent.connection_logits().items() if e in edges
        }


def test_a_fixed_coefficient_becomes_a_logit_that_gives_it_back() -> None:
    parent = Network(small(), 3, seed=1)  # a published structure: its weights are coefficients
    pruned = prune_by(small(), PruneOptions(criterion="threshold:0.5"))
    child = Network(pruned.structure, 3, learn_connections=True, seed=2)
    assert inherit(child, parent, pruned).complete
    logits = [float(logit) for logit in child.connection_logits().values()]
    assert logits == [0.0] * 7


def test_a_coefficient_of_zero_or_one_becomes_a_finite_logit() -> None:
    structure = drawn((0, 1), {2: {0: 1.0, 1: 0.0}, 3: {2: None}})
    child = Network(structure, 3, learn_connections=True, seed=2)
    inherit(child, Network(structure, 3, seed=1), prune(structure, structure.edges()))
    assert all(torch.isfinite(logit) for logit in child.connection_logits().values())


def test_surviving_peers_keep_their_projections() -> None:
    structure = with_random_peers(small(Attention.PEER), random.Random(0))
    parent = Network(structure, 3, learn_connections=True, seed=1)
    with torch.no_grad():
        for logits in parent.peer_parameters():
            logits.copy_(torch.randn(logits.shape, generator=torch.Generator().manual_seed(5)))
    learned = parent.learned_structure()
    pruned = prune(learned, set(learned.edges()) - {Edge(0, 4)})
    child = Network(pruned.structure, 3, seed=2)
    assert inherit(child, parent, pruned).complete
    assert pruned.structure.network.attention is Attention.FIXED
    for edge, (peer,) in pruned.peers.items():
        mine = child.nodes[pruned.node_map[edge.target]].fusion.attention
        theirs = parent.nodes[edge.target].fusion.attention
        for kind, before in (("project", peer.node), ("gates", edge.source)):
            after = str(pruned.node_map[before])
            for name in ("weight", "bias"):
                given = getattr(getattr(theirs, kind)[str(before)], name)
                assert torch.equal(given, getattr(getattr(mine, kind)[after], name))


def test_unlearned_peers_keep_the_logits_of_the_nodes_that_are_left() -> None:
    structure = drawn(
        (0, 0, 1),
        {2: {0: 0.9}, 3: {1: 0.1}, 4: {2: 0.9, 3: 0.8, 0: 0.7}},
        attention=Attention.PEER,
    )
    parent = Network(structure, 3, seed=1)
    pruned = prune(structure, {Edge(0, 2), Edge(2, 4), Edge(0, 4)})
    assert pruned.dead == (3,)
    child = Network(pruned.structure, 3, seed=2)
    assert inherit(child, parent, pruned).complete
    theirs = parent.peer_logits()[Edge(2, 4)]
    left = [i for i, n in enumerate(candidate_peers(structure, 4)) if n != 3]
    assert torch.equal(child.peer_logits()[Edge(2, 3)], theirs[left])


def test_published_shapes_that_differ_are_listed_not_skipped() -> None:
    structure = drawn((0, 1), {2: {0: 0.9, 1: 0.1}, 3: {2: 0.7, 0: 0.6}})
    parent = Network(structure, 3, seed=1)
    pruned = prune(structure, {Edge(0, 2), Edge(2, 3), Edge(0, 3)}, mode="published")
    child = Network(pruned.structure, 3, seed=2)
    before = {name: tensor.clone() for name, tensor in child.state_dict().items()}
    report = inherit(child, parent, pruned)
    names = {mismatch.name for mismatch in report.mismatched}
    assert {"nodes.0.conv1.weight", "nodes.1.residual.0.conv1.weight"} <= names
    assert not report.complete
    done = set(report.copied) | names | set(report.fresh)
    assert done == set(child.state_dict())
    assert all(torch.equal(before[name], child.state_dict()[name]) for name in names)
    assert "nodes.0.conv1.weight: (4, 3, 1, 7, 7) -> (8, 3, 1, 7, 7)" in str(report)


def test_a_projection_the_parent_never_had_is_fresh() -> None:
    structure = drawn((0, 1), {2: {0: None}, 3: {0: 0.9, 2: 0.1}}, filters={2: 1, 3: 2})
    parent = Network(structure, 3, seed=1)
    pruned = prune(structure, structure.edges())
    child = Network(pruned.structure.with_settings(head_widths=(5,)), 3, seed=2)
    report = inherit(child, parent, pruned)
    assert "head.convs.0.weight" in report.fresh
    assert "not in the parent: head.convs.0.weight" in str(report)


def test_a_round_trip_through_a_file_changes_nothing() -> None:
    parent = trained(small(Attention.PEER))
    pruned = prune_by(parent.learned_structure(), PruneOptions(peers=2))
    again = from_json(to_json(pruned.structure))
    assert again == pruned.structure
    child = Network(again, 3, seed=2)
    assert inherit(child, parent, pruned).complete


def test_strangers_do_not_inherit() -> None:
    parent = trained(small())
    pruned = prune_by(parent.learned_structure(), PruneOptions(criterion="threshold:0.4"))
    other = drawn((0, 1), {2: {0: 0.9, 1: 0.1}, 3: {2: None}})
    with pytest.raises(PruneError, match=r"is not that of the pruned structure.*\n.*cure"):
        inherit(Network(other, 3, seed=0), parent, pruned)
    child = Network(pruned.structure, 3, seed=0)
    with pytest.raises(PruneError, match="was not pruned from the structure of this parent"):
        inherit(child, Network(other, 3, seed=0), pruned)


def test_the_parent_is_not_changed() -> None:
    parent = trained(small())
    before = {name: tensor.clone() for name, tensor in parent.state_dict().items()}
    pruned = prune_by(parent.learned_structure())
    child = Network(pruned.structure, 3, seed=2)
    inherit(child, parent, pruned)
    with torch.no_grad():
        for parameter in child.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in parent.state_dict().items())
