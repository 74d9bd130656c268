"""Where fitness is nothing but noise, no lineage dominates beyond chance.

Some lineage always dominates: whoever is lucky has children, and with the worst removed luck is
kept. The null model says how much of that is to be expected. It knows labels and numbers only, no
structures, mutations or studies: founders get a number each, a child the label of the best of a few
members drawn, and a number of its own; then the worst or the oldest leaves. If the engine had a
preference of its own (for the older of equals in a tournament, for children that are not refused as
duplicates, for a founder whose structure mutates easily), lineages would grow otherwise.

It shows this for the largest founding lineage's share of the last population, at these sizes; not
that no structure is preferred in any other way.
"""

from __future__ import annotations

from collections import Counter
from math import sqrt
from random import Random
from statistics import mean, stdev

import pytest
from scipy.stats import mannwhitneyu

from connsearch.evolution.child import Outcome
from connsearch.evolution.population import Removal
from connsearch.seeds import derive
from tests.evolution.engine import evolution_of

MEMBERS, TOURNAMENT = 10, 3
ROUNDS: dict[Removal, int] = {"worst": 120, "oldest": 35}
"""After 120 rounds with the oldest removed one lineage is all there is, in either model."""

RUNS, NULL_RUNS = 40, 4000


def null_share(removal: Removal, rng: Random) -> float:
    """The largest founding lineage's share where there is nothing but labels."""
    members: list[tuple[float, int, int]] = []  # value, order of birth, label
    for born in range(ROUNDS[removal]):
        label = born if born < MEMBERS else max(rng.sample(members, TOURNAMENT))[2]
        members.append((rng.random(), born, label))
        if len(members) > MEMBERS:
            members.remove(min(members, key=lambda m: m[0] if removal == "worst" else m[1]))
    return max(Counter(label for _, _, label in members).values()) / MEMBERS


def engine_share(removal: Removal, seed: int) -> float:
    """The same of an evolution whose evaluations return noise."""
    evolution = evolution_of(seed=seed, population=MEMBERS, tournament=TOURNAMENT, removal=removal)
    founder: dict[int, int] = {}
    for _ in range(ROUNDS[removal]):
        task = evolution.ask(rounds=ROUNDS[removal])
        assert task is not None
        child, rng = task.child, Random(derive(seed, "noise", task.child.number))
        founder[child.number] = founder[child.parents[0]] if child.parents else child.number
        weights = {edge: rng.random() for edge in child.structure.edges()}
        evolution.tell(task, Outcome((rng.random(),), weights))
    members = evolution.history.population.members
    assert len(members) == MEMBERS
    return max(Counter(founder[m.number] for m in members).values()) / MEMBERS


@pytest.mark.slow
@pytest.mark.parametrize("removal", ["worst", "oldest"])
def test_no_lineage_dominates_beyond_chance(removal: Removal) -> None:
    rng = Random(11)
    expected = [null_share(removal, rng) for _ in range(NULL_RUNS)]
    found = [engine_share(removal, seed) for seed in range(RUNS)]
    error = stdev(expected) / sqrt(RUNS)
    print(
        f"{removal}: largest lineage {mean(found):.3f} of the population, null model "
        f"{mean(expected):.3f}, standard error {error:.3f}"
    )
    assert abs(mean(found) - mean(expected)) < 4 * error
    assert mannwhitneyu(found, expected).pvalue > 0.001
