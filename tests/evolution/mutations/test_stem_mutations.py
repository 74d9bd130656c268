"""Dilation, addition and removal of stems."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from connsearch.evolution.limits import Limits
from connsearch.graph.files import load_structure
from connsearch.graph.spec import FREE, Edge, Modality, Stem, Structure
from tests.evolution.parents import step
from tests.pruning.structures import drawn


def stems(structure: Structure) -> list[Stem]:
    return [stem for _, stem in structure.stems()]


def counts(structure: Structure) -> Counter[Modality]:
    return Counter(stem.modality for stem in stems(structure))


def test_a_dilation_changes_only_where_it_counts() -> None:
    for name, modalities in (
        ("assemblenet_plus-50", {Modality.RGB}),
        ("assemblenet_plus_lite", {Modality.RGB, Modality.FLOW}),
    ):
        parent = load_structure(name)
        changed = set[Modality]()
        dilations = set[int]()
        for seed in range(80):
            offspring = step(parent, "stem_dilation", seed, Limits.of(parent))
            assert offspring is not None
            child = offspring.structure
            (index,) = [i for i, n in enumerate(child.nodes) if n != parent.nodes[i]]
            stem = child.nodes[index]
            assert isinstance(stem, Stem)
            changed.add(stem.modality)
            dilations.add(stem.temporal_dilation)
        assert changed == modalities
        assert dilations >= {2, 4, 8}


def test_no_dilation_where_none_counts() -> None:
    blind = drawn((0,), {2: {0: 0.5, 1: 0.5}}, stems=(Modality.FLOW, Modality.OBJECT))
    assert step(blind, "stem_dilation", 0, Limits.of(blind)) is None


def test_a_new_stem_is_of_a_modality_with_room() -> None:
    parent = load_structure("assemblenet_plus_lite")
    made = [step(parent, "add_stem", seed, Limits.of(parent)) for seed in range(200)]
    assert {tuple(counts(m.structure).values()) for m in made if m} == {(2, 1), (1, 2)}
    full = load_structure("assemblenet_plus-50")
    assert step(full, "add_stem", 0, Limits.of(full)) is None
    more = replace(Limits.of(full), stems={Modality.FLOW: (1, 3), Modality.OBJECT: (1, 9)})
    for seed in range(20):
        offspring = step(full, "add_stem", seed, more)
        assert offspring is not None
        assert counts(offspring.structure)[Modality.FLOW] == 3


def test_a_new_stem_feeds_each_block_half_of_the_time_and_always_one() -> None:
    parent = load_structure("assemblenet_plus_lite")
    times, dilations = Counter[int](), Counter[int]()
    for seed in range(600):
        offspring = step(parent, "add_stem", seed, Limits.of(parent))
        assert offspring is not None
        (new,) = [i for i, old in enumerate(offspring.origins) if not old]
        stem = offspring.structure.nodes[new]
        assert isinstance(stem, Stem)
        dilations[stem.temporal_dilation] += 1
        fed = [edge for edge in offspring.structure.edges() if edge.source == new]
        assert fed
        assert all(offspring.structure.weights()[edge] == FREE for edge in fed)
        times.update(edge.target - 1 for edge in fed)  # as the parent numbers its blocks
    assert set(times) == {index for index, _ in parent.blocks()}
    assert all(240 < count < 360 for count in times.values())  # five standard errors
    assert all(100 < dilations[d] < 200 for d in (1, 2, 4, 8))


def test_a_single_block_is_always_fed() -> None:
    parent = drawn((0,), {2: {0: 0.5, 1: 0.5}})
    for seed in range(20):
        offspring = step(parent, "add_stem", seed, Limits.of(parent))
        assert offspring is not None
        assert len(offspring.structure.edges()) == 3


def test_no_stem_without_a_channel() -> None:
    parent = drawn((0,), {2: {0: 0.5, 1: 0.5}}).with_settings(stem_total=2)
    assert step(parent, "add_stem", 0, Limits.of(parent)) is None
    wide = parent.with_settings(stem_width=3)
    assert step(wide, "add_stem", 0, Limits.of(wide)) is not None


def test_a_stem_goes_where_more_are_than_need_be() -> None:
    parent = load_structure("assemblenet_plus-50")
    gone = set[int]()
    for seed in range(60):
        offspring = step(parent, "remove_stem", seed, Limits.of(parent))
        assert offspring is not None
        gone |= set(range(len(parent))) - {n for old in offspring.origins for n in old}
    assert gone == {0, 1, 2, 3}  # never 4, the object stem
    single = load_structure("assemblenet_plus_lite")
    assert step(single, "remove_stem", 0, Limits.of(single)) is None


def test_a_block_that_loses_its_only_input_gets_another() -> None:
    parent = drawn(
        (0, 0, 1),
        {3: {0: None}, 4: {1: 0.5, 2: 0.5}, 5: {3: 0.25, 4: 0.5}},
        stems=(Modality.RGB, Modality.RGB, Modality.FLOW),
    )
    inputs = set[tuple[int, ...]]()
    for seed in range(60):
        offspring = step(parent, "remove_stem", seed, Limits.of(parent))
        assert offspring is not None
        if (0,) not in offspring.origins:
            inputs.add(offspring.structure.block(2).inputs)
            assert offspring.structure.weights()[Edge(2, 4)] == 0.25
    assert inputs == {(0,), (1,)}


def test_object_stems_stay_whatever_the_limits_say() -> None:
    parent = drawn(
        (0,), {3: {0: 0.5, 1: 0.5, 2: 0.5}}, stems=(Modality.RGB, Modality.OBJECT, Modality.OBJECT)
    )
    anything = replace(Limits.of(parent), stems={Modality.RGB: (1, 1), Modality.OBJECT: (0, 9)})
    for name in ("add_stem", "remove_stem", "stem_dilation"):
        offspring = step(parent, name, 0, anything)
        assert offspring is None or counts(offspring.structure)[Modality.OBJECT] == 2
    assert step(parent, "remove_stem", 0, anything) is None
