"""An offspring takes over what still means the same, to the last bit, and no more."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import RunError
from connsearch.evolution.limits import Limits, kinds_of
from connsearch.evolution.mutations import MUTATIONS
from connsearch.evolution.steps import Step, replay, take
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.spec import FREE, Attention, Edge, Modality, Post, Structure
from connsearch.models.structure import Network
from connsearch.models.weight_inheritance import InheritedWeights, inherit_weights
from connsearch.nn.attention import PeerAttention
from tests.nn.helpers import CLASSES, clips, fusion_of, fusions_of, network_of, starter
from tests.pruning.gated import gated_by_hand, with_gates
from tests.pruning.structures import drawn, random_tiny

VECTORS = ("fusion.logits", "fusion.coefficients", "attention.logits")


def stirred(structure: Structure, seed: int) -> Network:
    """Returns a network in which no two numbers are the same."""
    network = Network(structure, 3, learn_connections=True, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            else:
                tensor.fill_(seed + 7)
    return network


def state(network: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def offspring(parent: Structure, rng: random.Random, count: int) -> Offspring:
    """Returns what a chain of random mutations makes of a structure."""
    kinds = {*kinds_of(parent), "r3d_basic", "srtg_r3d_basic"}
    limits = Limits.of(parent, narrowest=1, posts=Post, kinds=kinds)
    steps: list[Step] = []
    structure = parent
    for _ in range(count):
        step = Step(rng.choice(sorted(MUTATIONS)), rng.getrandbits(32))
        taken = take(structure, step, limits)
        if taken is not None:
            structure = taken.structure
            steps.append(step)
    return replay(parent, steps, limits)


def single(origins: Sequence[Sequence[int]]) -> dict[int, int]:
    return {new: nodes[0] for new, nodes in enumerate(origins) if len(nodes) == 1}


def ancestor(parent: Network, name: str, only: Mapping[int, int]) -> Tensor | None:
    """Returns what stands in the parent where a tensor of the child stands; None: nothing."""
    found: object = parent
    path: list[str] = []
    for part in name.split("."):
        assert isinstance(found, nn.Module)
        keyed = path[-1:] in (["nodes"], ["gates"], ["norms"])
        if keyed or path[-2:] == ["attention", "project"]:
            if int(part) not in only:
                return None
            part = str(only[int(part)])
        inside: dict[str, object] = dict(found.named_children())
        inside |= dict(found.named_parameters(recurse=False))
        inside |= dict(found.named_buffers(recurse=False))
        if part not in inside:
            return None
        found = inside[part]
        path.append(part)
    assert isinstance(found, Tensor)
    return found.detach()


def expected(
    report: InheritedWeights,
    fresh: Mapping[str, Tensor],
    child: Network,
    parent: Network,
    only: dict,
) -> dict[str, Tensor]:
    """Returns the first values of a child with what the report says was taken over."""
    out = {name: tensor.clone() for name, tensor in fresh.items()}
    for name in report.tensors:
        given = ancestor(parent, name, only)
        assert given is not None, name
        out[name] = given
    logits = parent.connection_logits()
    for source, target in report.connections:
        place = fusion_of(child, target).learned.index(source)
        out[f"nodes.{target}.fusion.logits"][place] = logits[Edge(only[source], only[target])]
    for (source, target), peer in report.peers:
        mine = fusion_of(child, target).attention
        theirs = fusion_of(parent, only[target]).attention
        assert isinstance(mine, PeerAttention)
        assert isinstance(theirs, PeerAttention)
        row, column = mine.sources.index(source), mine.candidates.index(peer)
        given = parent.peer_logits()[Edge(only[source], only[target])]
        value = given[theirs.candidates.index(only[peer])]
        out[f"nodes.{target}.fusion.attention.logits"][row, column] = value
    return out


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_what_is_said_to_be_taken_over_is_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    structure = random_tiny(rng)
    if rng.random() < 0.3:
        structure = structure.with_settings(normalise_inputs=True)
    if seed % 2:
        gated = [Edge(c.source, i) for i, b in structure.blocks() for c in b.connections[1:]]
        structure = with_gates(structure, [edge for edge in gated if rng.random() < 0.5])
    made = offspring(structure, rng, rng.randint(0, 5))
    parent, child = stirred(structure, 1), stirred(made.structure, 2)
    before, fresh, only = state(parent), state(child), single(made.origins)
    report = inherit_weights(child, parent, made.origins)
    wanted = expected(report, fresh, child, parent, only)
    found = state(child)
    assert all(torch.equal(found[name], wanted[name]) for name in found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(parent).items())
    changed = sum(int((found[n] != fresh[n]).sum()) for n, _ in child.named_parameters())
    assert report.elements == changed
    assert report.of == sum(p.numel() for p in child.parameters())
    for name, tensor in fresh.items():
        given = ancestor(parent, name, only)
        if name in report.tensors or name.endswith(VECTORS) or given is None:
            continue
        left = ".fusion.project." in name or "bn" in name
        assert given.shape != tensor.shape or left, name
    known = parent.connection_logits()
    for edge, connection in made.structure.connections():
        old = (only.get(edge.source), only.get(edge.target))
        assert (edge in report.connections) == (connection.weight is not None and old in known)


def test_cells_of_gates_go_over_with_their_connection_and_their_block() -> None:
    """Also where a gate behind a block gives way to scaling alone: the cell is the same."""
    parent = stirred(gated_by_hand(Post.SRTG), 1)
    made = with_gates(parent.structure, [Edge(2, 5), Edge(3, 5)], {4: Post.SR, 5: Post.SRTG})
    child = stirred(made, 2)
    report = inherit_weights(child, parent, [(n,) for n in range(len(made))])
    cells = {name for name in state(child) if ".recursion." in name}
    taken = {name.rsplit(".recursion.", 1)[0] for name in cells & set(report.tensors)}
    assert taken == {"nodes.4.post", "nodes.5.fusion.gates.2"}, "no gate was there before on 3->5"
    for name in cells & set(report.tensors):
        assert torch.equal(state(child)[name], state(parent)[name])


@pytest.mark.parametrize("attention", [*Attention])
def test_a_child_that_was_not_mutated_computes_what_its_parent_does(attention: Attention) -> None:
    structure = starter(Attention.NONE if attention is Attention.FIXED else attention)
    parent = network_of(structure, seed=1, learn_connections=True)
    child = Network(structure, CLASSES, seed=2, learn_connections=True).eval()
    streams = clips(structure)
    assert not torch.equal(child(streams), parent(streams))
    report = inherit_weights(child, parent, [(n,) for n in range(len(structure))])
    assert report.share == 1
    assert torch.equal(child(streams), parent(streams))
    assert all(
        torch.equal(a, b)
        for a, b in zip(state(child).values(), state(parent).values(), strict=True)
    )


SMALL = drawn(
    (0, 0, 1, 1),
    {2: {0: 0.5, 1: 0.5}, 3: {1: None}, 4: {2: 0.5, 3: 0.5, 0: 0.5}, 5: {2: 0.5, 3: 0.5}},
    stems=(Modality.RGB, Modality.FLOW),
    filters={2: 4, 3: 2, 4: 2, 5: 2},
)


def moved(change: str) -> tuple[InheritedWeights, Network, Network, Offspring]:
    """Returns what is left of SMALL after one change to it."""
    editor = StructureEditor(SMALL)
    if change == "dilation":
        editor.nodes[4] = replace(editor.block(4), temporal_dilation=4)
    elif change == "narrower":
        editor.disconnect(Edge(2, 4))
    elif change == "other source":
        editor.disconnect(Edge(0, 4))
        editor.connect(Edge(1, 4))
    elif change == "split":
        editor.nodes[2] = replace(editor.block(2), filters=2)
        other = editor.add(replace(editor.block(2), filters=2), (2,))
        for source, target in [(0, other), (1, other), (other, 4), (other, 5)]:
            editor.connect(Edge(source, target), 0.5)
    elif change == "new input":
        editor.connect(Edge(0, 3))
    else:
        editor.nodes[2] = replace(editor.block(2), filters=6)
        editor.origins[2] = (2, 3)
        editor.remove(3)
    made = editor.finish()
    parent, child = stirred(SMALL, 1), stirred(made.structure, 2)
    return inherit_weights(child, parent, made.origins), child, parent, made


def test_another_dilation_keeps_every_number() -> None:
    report, *_ = moved("dilation")
    assert report.share == 1


def test_a_convolution_of_another_width_takes_its_normalisation_with_it() -> None:
    report, child, _, made = moved("narrower")
    node = made.origins.index((4,))
    gone = {name for name in child.state_dict() if name not in report.tensors}
    assert all(name.startswith(f"nodes.{node}.residual.0") for name in gone if "residual" in name)
    layers = {name.split(".")[4] for name in gone if "residual" in name}
    assert layers == {"conv1", "bn1", "shortcut"} | ({"shortcut_bn"} & layers)
    assert {"conv1", "bn1", "shortcut", "shortcut_bn"} == layers
    assert report.share < 1


def test_a_projection_is_of_the_inputs_it_was_learned_on() -> None:
    report, child, parent, made = moved("other source")
    node = made.origins.index((4,))
    kept, left = f"nodes.{node}.fusion.project.8.weight", f"nodes.{node}.fusion.project.4.weight"
    assert {kept, left} <= set(child.state_dict())
    assert {kept, left} <= set(parent.state_dict())
    assert kept in report.tensors
    assert left not in report.tensors


def test_halves_know_how_they_are_connected_and_nothing_of_their_filters() -> None:
    report, child, parent, made = moved("split")
    halves = [n for n, nodes in enumerate(made.origins) if nodes == (2,)]
    assert len(halves) == 2
    for half in halves:
        assert not any(name.startswith(f"nodes.{half}.residual") for name in report.tensors)
        assert torch.equal(fusion_of(child, half).logits, fusion_of(parent, 2).logits)
    assert "head.dense.weight" in report.tensors


def test_a_merged_block_starts_anew() -> None:
    report, child, _, made = moved("merge")
    node = made.origins.index((2, 3))
    assert not any(name.startswith(f"nodes.{node}.") for name in report.tensors)
    assert not any(node in edge for edge in report.connections)
    assert all(node in edge or edge in report.connections for edge in child.connection_logits())


def test_a_single_input_that_gets_company_starts_undecided() -> None:
    report, child, *_ = moved("new input")
    node = next(n for n, f in fusions_of(child).items() if f.learned == [0, 1] and n == 3)
    assert not any(edge.target == node for edge in report.connections)
    assert child.structure.weights()[Edge(1, node)] == FREE


def test_origins_of_others_are_refused() -> None:
    parent, child = stirred(SMALL, 1), stirred(SMALL, 2)
    with pytest.raises(RunError, match="belong to other structures"):
        inherit_weights(child, parent, [(n,) for n in range(3)])
    with pytest.raises(RunError, match=r"\[0, 9\]"):
        inherit_weights(child, parent, [(9,), *([(0,)] * 5)])


def test_the_account_can_be_read() -> None:
    report, *_ = moved("dilation")
    assert str(report).startswith("100% of")
