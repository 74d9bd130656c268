"""Parents to mutate: published, rewired at random, of every family, or after a random walk."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from connsearch.evolution.limits import Limits, kinds_of
from connsearch.evolution.mutations import MUTATIONS, find
from connsearch.evolution.structure_editor import Offspring, StructureEditor
from connsearch.graph.dag import candidate_edges
from connsearch.graph.files import load_structure
from connsearch.graph.gates import comparable
from connsearch.graph.spec import FREE, Block, Edge, Node, Post, Structure
from tests.graph.strategies import structures
from tests.graph.wirings import random_structure

NAMES = ("assemblenet-50", "assemblenet_plus-50", "assemblenet_plus_lite", "starter")
SEEDS = st.integers(0, 2**32)


@st.composite
def published(draw: st.DrawFn) -> Structure:
    return load_structure(draw(st.sampled_from(NAMES)))


@st.composite
def rewired_published(draw: st.DrawFn) -> Structure:
    """A published one with a random wiring, some of its weights learned."""
    like = draw(published())
    most, fewest = len(candidate_edges(like)), sum(1 for _ in like.blocks())
    rng = Random(draw(SEEDS))
    structure = random_structure(like, connections=draw(st.integers(fewest, most)), rng=rng)
    return learned(structure, rng, share=draw(st.sampled_from([0.0, 0.5, 1.0])))


def parents() -> st.SearchStrategy[Structure]:
    plain = st.one_of(published(), rewired_published(), structures(pinned=False))
    return st.one_of(plain, st.builds(gated, plain, SEEDS))


def gated(structure: Structure, seed: int) -> Structure:
    """Returns the structure with anything after its blocks, gates and blocks of further kinds."""
    rng, limits = Random(seed), roomy_limits(structure)
    for _ in range(rng.randint(0, 3)):
        offspring = step(structure, "kind", rng.getrandbits(32), limits)
        structure = structure if offspring is None else offspring.structure

    def posted(node: Node) -> Node:
        if not isinstance(node, Block):
            return node
        inputs = [replace(c, gated=rng.random() < 0.5) for c in node.connections]
        return replace(node, connections=comparable(inputs), post=rng.choice(list(Post)))

    return replace(structure, nodes=tuple(map(posted, structure.nodes)), gates_decide=True)


def roomy_limits(structure: Structure, *, most_stems: int = 2) -> Limits:
    """Returns the limits of a structure that let every mutation change something."""
    kinds = {*kinds_of(structure), "bottleneck", "inverted_bottleneck"}
    return Limits.of(structure, most_stems=most_stems, posts=Post, kinds=kinds)


def learned(structure: Structure, rng: Random, *, share: float = 1.0) -> Structure:
    """Returns the structure with random weights on a share of its connections."""
    chosen = [e for e, w in structure.weights().items() if w == FREE and rng.random() < share]
    return structure.with_weights({e: rng.random() for e in chosen})


def step(parent: Structure, name: str, seed: int, limits: Limits) -> Offspring | None:
    return find(name)(parent, Random(seed), limits)


def walk(parent: Structure, rng: Random, limits: Limits, steps: int) -> list[Structure]:
    """Returns the parent and what so many random mutations make of it, one after the other."""
    found = [parent]
    for _ in range(steps):
        offspring = step(found[-1], rng.choice(list(MUTATIONS)), rng.randrange(2**32), limits)
        found.append(found[-1] if offspring is None else offspring.structure)
    return found


def backbone(structure: Structure, spare: int) -> list[Edge]:
    """Returns its connections without so many that nobody depends on."""
    editor = StructureEditor(structure)
    for _ in range(spare):
        editor.disconnect(editor.removable()[0])
    return sorted(editor.weights)
