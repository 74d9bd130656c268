"""Landscapes of planted preferences: what they like, and how high a climb gets."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from statistics import correlation, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.evolution.simulate.fitness import Planted
from connsearch.evolution.simulate.hill_climb import best_possible
from connsearch.evolution.simulate.landscape import HIGHEST, LOWEST, Landscape
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Block, Connection, Modality, Stem, Structure
from tests.evolution.tasks import STARTER
from tests.graph.strategies import LAW, renumbered, structures


@cache
def _random(seed: int, start: Structure = STARTER) -> Structure:
    return initial_structure(start, Limits.of(start), Random(seed))


@LAW
@given(structures(), st.integers(0, 99), st.integers(0, 99))
def test_a_structure_is_worth_the_same_under_other_numbers(
    structure: Structure, landscape: int, seed: int
):
    known = Landscape(landscape).at(structure)
    assert LOWEST < known.fitness < HIGHEST
    assert known.gains.keys() == set(structure.edges())
    moved = Landscape(landscape).at(renumbered(structure, Random(seed)))
    assert moved.fitness == pytest.approx(known.fitness)
    assert sorted(moved.gains.values()) == pytest.approx(sorted(known.gains.values()))


def test_landscapes_differ_and_repeat():
    found = {Landscape(seed).at(STARTER).fitness for seed in range(20)}
    assert len(found) == 20
    assert found == {Landscape(seed).at(STARTER).fitness for seed in range(20)}


@pytest.mark.parametrize("name", ["starter", "assemblenet-50"])
def test_good_connections_help_and_bad_ones_harm(name: str):
    """Taking a connection away lowers the fitness where its gain is large; raises it if negative.

    Gains of blocks that read it may outweigh a small one: the epistasis.
    """
    start = load_structure(name)
    changes: list[float] = []
    gains: list[float] = []
    for seed in range(4):
        landscape, structure = Landscape(seed), _random(seed, start)
        known = landscape.at(structure)
        for index, block in structure.blocks():
            for gone in block.connections if len(block.connections) > 1 else ():
                left = tuple(c for c in block.connections if c is not gone)
                nodes = list(structure.nodes)
                nodes[index] = replace(block, connections=left)
                without = landscape.at(replace(structure, nodes=tuple(nodes)))
                changes.append(known.fitness - without.fitness)
                gains.append(known.gains[gone.source, index])
    assert correlation(gains, changes) > 0.7
    clear = [c * g > 0 for c, g in zip(changes, gains, strict=True) if abs(g) > 1]
    assert fmean(clear) > 0.9


def test_a_connection_is_worth_less_where_its_source_is_fed_badly():
    landscape = Landscape(1)
    structure = _random(1)
    known = landscape.at(structure).gains
    for index, block in structure.blocks():
        lone = replace(block, connections=(Connection(0),))
        nodes = tuple(lone if i == index else node for i, node in enumerate(structure.nodes))
        changed = landscape.at(replace(structure, nodes=nodes)).gains
        readers = [edge for edge in known if edge.source == index]
        others = [e for e in known if e.source != index and e.target != index]
        fed = sum(known[e] for e in known if e.target == index)
        for edge in readers:
            better = abs(changed[edge]) > abs(known[edge])
            assert better == (changed[0, index] > fed)
        # Blocks above the readers change as well, through them.
        low = min((structure.block(e.target).level for e in readers), default=9)
        same = [e for e in others if structure.block(e.target).level <= low]
        assert all(changed[e] == known[e] for e in same)


def _unconnected(dilations: list[list[int]], stems: int = 2) -> Structure:
    """Blocks of given dilations, level by level, without a connection that could be worth more."""
    start = load_structure("starter_rgb_flow")
    blocks = [Block(at, (), 8, d) for at, here in enumerate(dilations) for d in here]
    return replace(start, nodes=(*(Stem(Modality.RGB) for _ in range(stems)), *blocks))


def test_a_landscape_likes_one_dilation_or_a_mix():
    differences: list[float] = []
    for seed in range(12):
        landscape = Landscape(seed)
        same, other, mixed, turned = (
            landscape.at(_unconnected([[1], here, [1], [1]])).fitness
            for here in ([1, 1], [4, 4], [1, 4], [4, 1])
        )
        assert same == other
        assert mixed == turned
        differences.append(mixed - same)
    assert min(differences) < -0.01
    assert max(differences) > 0.01


def test_a_landscape_wants_certain_numbers_of_blocks_and_stems():
    wanted: set[tuple[int, int]] = set()
    for seed in range(20):
        landscape = Landscape(seed)
        blocks = [landscape.at(_unconnected([[1], [1] * n, [1], [1]])).fitness for n in range(1, 7)]
        stems = [landscape.at(_unconnected([[1]] * 4, stems=n)).fitness for n in range(1, 5)]
        for row in (blocks, stems):
            best = row.index(max(row))
            assert row[best:] == sorted(row[best:], reverse=True)
            assert row[: best + 1] == sorted(row[: best + 1])
        wanted.add((blocks.index(max(blocks)) + 1, stems.index(max(stems)) + 1))
    assert {blocks for blocks, _ in wanted} == {1, 2, 3, 4}
    assert {stems for _, stems in wanted} == {1, 2}


@pytest.mark.parametrize(
    "name",
    [
        "starter",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("starter_rgb_flow", "assemblenet-50")),
    ],
)
def test_random_structures_are_middling_and_a_climb_finds_far_better_ones(name: str):
    start = load_structure(name)
    limits = Limits.of(start)
    means = [fmean(Landscape(s).at(_random(i, start)).fitness for i in range(40)) for s in range(8)]
    assert 0.43 < fmean(means) < 0.53
    assert all(0.35 < mean < 0.65 for mean in means)
    fitness = Planted(landscape=0).true
    summit = best_possible(fitness, start, limits, steps=300, climbs=1)
    assert summit.fitness == fitness(summit.structure) > 0.7
    best = max(fitness(_random(i, start)) for i in range(100))
    assert summit.fitness > best + 0.05
    assert summit == best_possible(fitness, start, limits, steps=300, climbs=1)
