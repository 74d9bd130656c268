"""Selection by perturbation: a copy is changed, the searched run stays; a kill changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.analysis.fine_tune import tune
from connsearch.analysis.importance import Importance, ablate
from connsearch.analysis.perturbation import perturb
from connsearch.analysis.searched_run import SearchedRun
from connsearch.errors import TrainingError
from connsearch.graph.spec import Attention
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.criteria.relative import Relative
from connsearch.pruning.criteria.top_k import TopK
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import StepEvent
from connsearch.runs.ledger import Ledger
from tests.analysis.subjects import drained, tiny_subject


def perturbed(searched: SearchedRun, directory: Path, **changes: Any) -> Importance:
    chosen: dict[str, Any] = {"criterion": TopK(1), "steps": 2, "seed": 0, **changes}
    with Ledger(directory, {}) as ledger:
        return drained(perturb(searched, chosen.pop("criterion"), ledger, **chosen))


def test_the_subject_stays_as_it_is_and_the_seed_decides(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    tensors = {n: t.clone() for n, t in searched.network.state_dict().items()}
    found = perturbed(searched, tmp_path / "a")
    assert all(torch.equal(tensors[n], t) for n, t in searched.network.state_dict().items())
    assert searched.network.masked_finals is None
    assert perturbed(searched, tmp_path / "b") == found
    assert perturbed(searched, tmp_path / "c", seed=3) != found
    assert set(found.rises) == set(searched.structure.edges())


def test_the_first_node_is_measured_as_by_ablation_and_later_ones_are_not(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    found = perturbed(searched, tmp_path / "a")
    with Ledger(tmp_path / "b", {}) as ledger:
        alone = drained(ablate(searched, ledger))
    same = {e.target for e in found.rises if found.rises[e] == alone.rises[e]}
    other = {e.target for e in found.rises if found.rises[e] != alone.rises[e]}
    first = {2, 3, 4} - other
    assert len(first) == 1, "one node comes first and sees the network as it was searched"
    assert first <= same


def test_the_network_is_tuned_between_the_nodes(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    with Ledger(tmp_path / "a", {}) as ledger:
        events = list(perturb(searched, TopK(1), ledger, steps=2, seed=0))
    assert sum(isinstance(event, StepEvent) for event in events) == 2 * (3 - 1)
    assert perturbed(searched, tmp_path / "b", steps=0) != perturbed(searched, tmp_path / "a")


@pytest.mark.parametrize("stop", [1, 4, 6])
def test_a_work_that_was_killed_ends_the_same(tmp_path: Path, stop: int) -> None:
    """Killed inside a node or between two: what was measured stands, the tuning is done again."""
    searched = tiny_subject(tmp_path)
    with Ledger(tmp_path / "a", {}) as ledger:
        work = perturb(searched, TopK(1), ledger, steps=2, seed=0)
        while len(ledger.results) < stop:
            next(work)
        work.close()
    assert perturbed(searched, tmp_path / "a") == perturbed(searched, tmp_path / "b")


@pytest.mark.parametrize("name", sorted(CRITERIA))
def test_the_keep_set_is_what_was_decided_on_the_way(tmp_path: Path, name: str) -> None:
    """What a node lost on the way is what the criterion leaves out of the final scores."""
    searched = tiny_subject(tmp_path, attention=Attention.NONE)
    criterion = CRITERIA[name]()
    lost: set[Any] = set()

    def noted(structure: Any, scores: Any) -> Any:
        kept = criterion(structure, scores)
        measured = {e.target for e, score in scores.items() if score != 1.0}
        lost.update(e for e in structure.edges() if e.target in measured and e not in kept)
        return kept

    found = perturbed(searched, tmp_path / "a", criterion=noted)
    final = criterion(searched.structure, found.scores(searched.structure))
    assert lost <= set(searched.structure.edges()) - final


def test_every_block_keeps_an_input_and_dead_ones_have_no_rise(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    scores = perturbed(searched, tmp_path / "a", criterion=Relative(1.0)).scores(searched.structure)
    assert min(scores.values()) >= 0
    assert {e.target for e in Relative()(searched.structure, scores)} == {2, 3, 4}


# Tuning ------------------------------------------------------------------------------------------


def test_tuning_moves_weights_by_the_seed_alone(tmp_path: Path) -> None:
    digests: list[str] = []
    for seed in (0, 0, 1):
        searched = tiny_subject(tmp_path)
        events = list(tune(searched.network, searched, steps=3, seed=seed))
        assert [event.step for event in events] == [1, 2, 3]
        assert all(isinstance(event, StepEvent) for event in events)
        assert not searched.network.training
        digests.append(digest(searched.network.state_dict(), {}))
    assert digests[0] == digests[1] != digests[2]


def test_no_step_changes_nothing(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    before = digest(searched.network.state_dict(), {})
    assert list(tune(searched.network, searched, steps=0, seed=0)) == []
    assert digest(searched.network.state_dict(), {}) == before


def test_a_loss_that_is_not_finite_ends_the_tuning(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    with torch.no_grad():
        searched.network.head.dense.bias.fill_(torch.inf)
    with pytest.raises(TrainingError, match="tuning, step 1 of 2: the loss is"):
        list(tune(searched.network, searched, steps=2, seed=0))
