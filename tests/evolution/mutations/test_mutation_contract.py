"""Every mutation of the cupboard, also one that came today: what all of them promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from copy import deepcopy
from hashlib import blake2b
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import MUTATIONS, find
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.files import load_structure, to_json
from connsearch.graph.hashing import same_structure
from connsearch.graph.spec import Structure
from tests.evolution.parents import NAMES, SEEDS, learned, parents, roomy_limits, step, walk
from tests.evolution.promises import keeps_promises

MAY_RENUMBER = {"rewire", "guided", "uniform"}
"""Says so in its docstring: between nodes that are alike it may make the parent again."""

every = pytest.mark.parametrize("name", list(MUTATIONS))


@every
@settings(max_examples=40)
@given(parents(), SEEDS)
def test_a_mutant_keeps_the_promises(name: str, parent: Structure, seed: int) -> None:
    limits = roomy_limits(parent)
    before = deepcopy(parent)
    offspring = step(parent, name, seed, limits)
    assert to_json(parent) == to_json(before)
    assert parent == before
    assert offspring == step(parent, name, seed, limits)
    if offspring is not None:
        keeps_promises(parent, offspring, limits)
        changes_something(name, parent, offspring.structure)


def changes_something(name: str, parent: Structure, child: Structure) -> None:
    if name in MAY_RENUMBER:
        assert child.nodes != parent.nodes
    else:
        assert not same_structure(parent, child)


@settings(max_examples=15)
@given(parents(), SEEDS)
def test_a_random_walk_keeps_the_promises(parent: Structure, seed: int) -> None:
    limits, rng = roomy_limits(parent), Random(seed)
    for _ in range(30):
        name = rng.choice(list(MUTATIONS))
        offspring = step(parent, name, rng.randrange(2**32), limits)
        if offspring is not None:
            keeps_promises(parent, offspring, limits)
            changes_something(name, parent, offspring.structure)
            parent = offspring.structure


def test_a_walk_goes_far() -> None:
    """Otherwise the law above would be about nothing; one walk of some, whatever members join."""
    start = load_structure("assemblenet-50")
    ends = [walk(start, Random(seed), roomy_limits(start), 30)[-1] for seed in range(8)]
    assert any(
        len(set(end.edges()) & set(start.edges())) < len(start.edges()) / 2
        and filters(end) != filters(start)
        for end in ends
    )


def filters(structure: Structure) -> list[str]:
    return sorted(str(block.filters) for _, block in structure.blocks())


@every
def test_other_seeds_make_other_children(name: str) -> None:
    for parent in map(roomy, NAMES):
        limits = roomy_limits(parent, most_stems=3)
        made = [step(parent, name, seed, limits) for seed in range(40)]
        nodes = {offspring.structure.nodes for offspring in made if offspring is not None}
        if len(nodes) >= 3:
            return
    pytest.fail(f"{name} makes hardly any children of {NAMES}")


def roomy(name: str) -> Structure:
    return learned(load_structure(name), Random(0))


@every
def test_a_mutation_is_found_by_its_name(name: str) -> None:
    parent = load_structure("assemblenet-50")
    limits = roomy_limits(parent)
    assert MUTATIONS[name].kind in ("block", "stem", "connection", "wiring")
    assert find(name)(parent, Random(1), limits) == step(parent, name, 1, limits)
    assert (MUTATIONS[name].apply.__doc__ or "").startswith("Returns ")


def test_a_number_behind_the_name_sets_what_it_says() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent)
    assert find("uniform:0")(parent, Random(1), limits) is None
    weak = [e for e, w in parent.weights().items() if w == min(_numbers(parent))]
    child = find("guided:0.03")(parent, Random(1), limits)
    assert child is not None
    assert set(parent.edges()) - set(child.structure.edges()) == set(weak)


def _numbers(structure: Structure) -> list[float]:
    return [w for w in structure.weights().values() if isinstance(w, float)]


@pytest.mark.parametrize(
    "text", ["guided:", "guided:1.5", "guided:-0.1", "uniform:x", "guided:nan"]
)
def test_a_number_must_be_a_share(text: str) -> None:
    with pytest.raises(SettingsError, match=r"threshold|share"):
        find(text)


def test_a_number_must_be_wanted() -> None:
    with pytest.raises(SettingsError, match="split takes no number"):
        find("split:0.5")


def test_an_unknown_mutation_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'guidet', did you mean 'guided'"):
        find("guidet:0.5")


def digests(names: Sequence[str] = NAMES) -> dict[str, str]:
    """Returns a digest of some children of every mutation."""
    found: dict[str, str] = {}
    for start in map(load_structure, names):
        limits = roomy_limits(start, most_stems=3)
        for name in MUTATIONS:
            made = [step(start, name, seed, limits) for seed in range(5)]
            text = json.dumps([_plain(offspring) for offspring in made], sort_keys=True)
            found[f"{start.name} {name}"] = blake2b(text.encode()).hexdigest()
    return found


def _plain(offspring: Offspring | None) -> object:
    return None if offspring is None else [to_json(offspring.structure), offspring.origins]


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_makes_the_same_children(hash_seed: str) -> None:
    code = (
        "import json; from tests.evolution.mutations.test_mutation_contract import digests; "
        "print(json.dumps(digests()))"
    )
    environment = os.environ | {
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == digests()
