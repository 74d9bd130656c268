"""Steps: taken once, taken again, and the origins of several."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings

from connsearch.errors import RunError, UnknownNameError
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import MUTATIONS, find
from connsearch.evolution.steps import Step, replay, take
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Structure
from tests.evolution.parents import SEEDS, parents
from tests.evolution.promises import keeps_promises


def walked(parent: Structure, rng: Random, limits: Limits) -> tuple[list[Step], list[Offspring]]:
    """Returns up to eight steps that change something, and what each has made."""
    taken, made = list[Step](), list[Offspring]()
    for _ in range(8):
        one = Step(rng.choice([*MUTATIONS, "guided:0.5"]), rng.randrange(2**32))
        offspring = take(made[-1].structure if made else parent, one, limits)
        if offspring is not None:
            taken.append(one)
            made.append(offspring)
    return taken, made


@settings(max_examples=25)
@given(parents(), SEEDS)
def test_a_replay_makes_the_same_child_with_origins_in_the_first_parent(
    parent: Structure, seed: int
) -> None:
    limits = Limits.of(parent)
    steps, made = walked(parent, Random(seed), limits)
    again = replay(parent, steps, limits)
    assert again == replay(parent, steps, limits)
    if not made:
        assert again.structure is parent
        assert again.origins == tuple((n,) for n in range(len(parent)))
        return
    assert again.structure == made[-1].structure
    for node in range(len(again.structure)):
        assert set(again.origins[node]) == traced(node, made)
        assert list(again.origins[node]) == sorted(again.origins[node])


def traced(node: int, made: list[Offspring]) -> set[int]:
    """Follows one node back through every step."""
    found = {node}
    for offspring in reversed(made):
        found = {old for n in found for old in offspring.origins[n]}
    return found


def test_a_replayed_chain_of_block_mutations_keeps_the_promises_as_one() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent)
    steps = [Step(name, seed) for seed, name in enumerate(("dilation", "filters", "dilation"))]
    keeps_promises(parent, replay(parent, steps, limits), limits)


def test_a_split_and_a_merge_trace_back_to_both() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent)
    offspring = replay(parent, [Step("split", 1), Step("merge", 2), Step("merge", 4)], limits)
    assert {n for old in offspring.origins for n in old} == set(range(15))
    assert max(len(old) for old in offspring.origins) >= 2


def test_a_step_is_what_its_operator_does_with_its_seed() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent)
    assert take(parent, Step("split", 7), limits) == find("split")(parent, Random(7), limits)
    assert take(parent, Step("uniform:0", 7), limits) is None


def test_a_step_that_changes_nothing_is_not_of_this_parent() -> None:
    parent = load_structure("assemblenet-50")
    steps = [Step("add", 1), Step("uniform:0", 7)]
    with pytest.raises(RunError, match="assemblenet-50: step 2, uniform:0 with seed 7"):
        replay(parent, steps, Limits.of(parent))


def test_an_unknown_operator_is_named() -> None:
    parent = load_structure("starter")
    with pytest.raises(UnknownNameError, match="no mutation named 'mutate'"):
        take(parent, Step("mutate", 0), Limits.of(parent))
