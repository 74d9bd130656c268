"""What stays is counted in one place: prune, animate and the report say the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connsearch.errors import PruneError
from connsearch.graph.spec import Structure
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import Pruned, prune, prune_by
from connsearch.pruning.remains import Remains, remains_of, why_dead
from connsearch.pruning.scores import learned_weights
from connsearch.view.runs.animation import read_moments
from connsearch.view.structures.tables import prune_table
from tests.pruning.structures import drawn, random_tiny

CRITERIA = ("relative", "top_k:k=1", "threshold:0.6")


@given(seed=st.integers(0, 2**32), criterion=st.sampled_from(CRITERIA))
@settings(max_examples=60, deadline=None)
def test_everything_is_counted_once(seed: int, criterion: str) -> None:
    structure = random_tiny(random.Random(seed))
    pruned = prune_by(structure, PruneOptions(criterion=criterion))
    found = remains_of(pruned)
    assert (found.nodes, found.connections) == (len(structure), len(structure.edges()))
    left = pruned.structure
    assert (found.nodes_kept, found.kept) == (len(left), len(left.edges()))
    assert (found.dead, found.removed) == (len(pruned.dead), len(pruned.removed))
    assert str(found) in _cells(pruned)


def _cells(pruned: Pruned) -> list[str]:
    return [str(cell) for cell in prune_table(pruned).columns[1].cells]


@given(seed=st.integers(0, 2**32), criterion=st.sampled_from(CRITERIA))
@settings(max_examples=25, deadline=None)
def test_an_animation_ends_with_what_prune_keeps(
    tmp_path_factory: pytest.TempPathFactory, seed: int, criterion: str
) -> None:
    structure = random_tiny(random.Random(seed))
    if not learned_weights(structure):
        return
    run = tmp_path_factory.mktemp("run")
    _log(run, structure)
    moments = read_moments(run, structure, build_criterion(criterion), frames=5)
    pruned = prune_by(structure, PruneOptions(criterion=criterion))
    assert moments[-1].kept == pruned.edges
    assert moments[-1].remains == remains_of(pruned)
    assert f"{remains_of(pruned)} would stay" in moments[-1].caption()


def _log(run: Path, structure: Structure) -> None:
    """Writes the weights and peers of a structure as the last step of a search."""
    rows = ["step,epoch,kind,source,target,peer,weight,logit"]
    for step in (0, 7):
        for edge, weight in learned_weights(structure).items():
            now = 0.5 if step == 0 else repr(weight)
            rows.append(f"{step},0,connection,{edge.source},{edge.target},,{now},0")
        for edge, connection in structure.connections():
            for peer in connection.peers:
                place = f"{edge.source},{edge.target},{peer.node}"
                rows.append(f"{step},0,peer,{place},{peer.coefficient!r},0")
    (run / "connections.csv").write_text("\n".join(rows) + "\n")


def test_the_reason_of_every_death_is_told() -> None:
    """Node 3 loses its inputs, 4 has only it; only 6 reads 5, and nothing reads 6."""
    inputs = {
        2: {0: 0.9},
        3: {0: 0.1, 1: 0.1},
        4: {3: 0.9},
        5: {2: 0.9},
        6: {5: 0.9},
        7: {2: 0.9, 4: 0.9, 6: 0.1},
    }
    structure = drawn([0, 0, 1, 1, 2, 3], {n: dict(found) for n, found in inputs.items()})
    keep = [edge for edge, weight in learned_weights(structure).items() if weight > 0.5]
    pruned = prune(structure, keep)
    assert pruned.dead == (1, 3, 4, 5, 6)
    assert why_dead(structure, keep, pruned) == {
        1: "nothing that stays reads it or is gated by it",
        3: "none of its inputs stays",
        4: "of its inputs only dead nodes stay: 3",
        5: "only dead nodes read it: 6",
        6: "nothing that stays reads it or is gated by it",
    }


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_no_dead_node_is_without_a_reason(seed: int) -> None:
    structure = random_tiny(random.Random(seed))
    keep = build_criterion("top_k:k=1")(structure, learned_weights(structure))
    try:
        pruned = prune(structure, keep)
    except PruneError:
        return
    reasons = why_dead(structure, keep, pruned)
    assert list(reasons) == list(pruned.dead)
    assert all(reasons.values())


def test_remains_read_well() -> None:
    assert str(Remains(11, 9, 46, 27)) == "27 of 46 connections, 9 of 11 nodes"
