"""Ablation finds what matters, leaves no trace, and silences what pruning would remove."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from connsearch.analysis.ablation_mask import soft_closure, soft_mask
from connsearch.analysis.cached_split import CachedSplit
from connsearch.analysis.importance import NOTHING, WHOLE, Importance, ablate, scores_of
from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.clips.dataset import ClipKey
from connsearch.errors import DataError
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention, Edge, Modality, NetworkSettings, Structure
from connsearch.models.exactness import random_streams
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.nn.mask import Mask
from connsearch.pruning.pruner import prune
from connsearch.runs.checkpoint import digest
from connsearch.runs.ledger import Ledger
from tests.analysis.subjects import drained, searched_of, soft_everywhere, stirred, tiny_subject
from tests.pruning.structures import MODES, drawn, random_tiny


def ablated(searched: SearchedRun, directory: Path) -> Importance:
    with Ledger(directory, {}) as ledger:
        return drained(ablate(searched, ledger))


# A network whose one useful connection is known --------------------------------------------------


def one_that_matters() -> Network:
    """Three stems feed one block; the last two carry a constant, and the head learned the rest."""
    rows = [[-1, 1], [-1, 1], [-1, 1], [0, [0, 1, 2], 2, 1, 1]]
    settings = NetworkSettings(
        blocks=(1,), inner_widths=(4,), stem_total=12, attention=Attention.NONE, dropout=0.0
    )
    structure = parse_structure(rows, name="star", family="assemblenet_plus", network=settings)
    network = stirred(Network(structure, 2, learn_connections=True, seed=3))
    parts: dict[str, Tensor] = dict(network.state_dict())
    with torch.no_grad():
        for stem in (1, 2):
            parts[f"nodes.{stem}.bn2.weight"].zero_()
            parts[f"nodes.{stem}.bn2.bias"].fill_(0.3)
        parts["nodes.3.fusion.logits"].copy_(torch.tensor([-1.0, 1.0, 1.0]))  # it weighs least
    return network


def teach_head(searched: SearchedRun) -> None:
    """Fits the classifier alone, on the features as they are."""
    network, train = searched.network, searched.data.train
    clips = torch.stack([clip_of(train, i) for i in range(len(train))])
    labels = torch.tensor([i % 2 for i in range(len(train))])
    features: list[Tensor] = []
    watch = network.head.dense.register_forward_pre_hook(lambda _, given: features.append(given[0]))
    with torch.no_grad():
        network({"rgb": clips})
    watch.remove()
    optimiser = torch.optim.Adam(network.head.dense.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        logits = network.head.dense(features[0])
        torch.nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()


def clip_of(dataset: Any, index: int) -> Tensor:
    return dataset.clip(ClipKey(index)).streams["rgb"]


def test_the_one_connection_that_matters_has_the_top_score(tmp_path: Path) -> None:
    searched = searched_of(one_that_matters(), tmp_path)
    teach_head(searched)
    assert searched.judge(searched.network).accuracy == 1.0
    found = ablated(searched, tmp_path / "ledger")
    scores = found.scores(searched.structure)
    assert max(scores, key=scores.__getitem__) == Edge(0, 3)
    assert found.drops[Edge(0, 3)] == pytest.approx(0.5)
    assert scores[Edge(0, 3)] > 2 * max(scores[Edge(1, 3)], scores[Edge(2, 3)])
    weights = searched.structure.weights()
    assert min(weights, key=lambda edge: weights[edge] or 0) == Edge(0, 3), "weights say otherwise"


# No trace, no chance -----------------------------------------------------------------------------


@pytest.mark.parametrize("attention", MODES)
def test_ablation_leaves_the_network_as_it_was(tmp_path: Path, attention: Attention) -> None:
    searched = tiny_subject(tmp_path, attention=attention)
    before = digest(searched.network.state_dict(), {})
    loss = searched.judge(searched.network).loss
    found = ablated(searched, tmp_path / "a")
    assert digest(searched.network.state_dict(), {}) == before
    assert searched.judge(searched.network).loss == loss, "a mask was left behind"
    assert ablated(searched, tmp_path / "b") == found
    assert set(found.rises) == set(searched.structure.edges())
    assert any(abs(rise) > 1e-3 for rise in found.rises.values())


def test_each_connection_is_measured_alone(tmp_path: Path) -> None:
    """One that is measured first and one that is measured last find the same network."""
    searched = tiny_subject(tmp_path)
    found = ablated(searched, tmp_path / "all")
    held, last = CachedSplit(searched), searched.structure.edges()[-1]
    closure = soft_closure(searched.structure, set(searched.structure.edges()) - {last})
    searched.network.mask(soft_mask(closure))
    alone = held.judge(searched.network).loss
    searched.network.mask(None)
    assert alone - held.judge(searched.network).loss == found.rises[last]


def test_what_was_measured_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = tiny_subject(tmp_path)
    with Ledger(tmp_path / "a", {}) as ledger:
        work = ablate(searched, ledger)
        while len(ledger.results) < 4:
            next(work)
        work.close()
    assert WHOLE in ledger.results
    seen: list[int] = []
    judge = CachedSplit.judge
    monkeypatch.setattr(CachedSplit, "judge", lambda s, n: (seen.append(1), judge(s, n))[1])
    found = ablated(searched, tmp_path / "a")
    assert len(seen) == len(searched.structure.edges()) + 1 - 4
    monkeypatch.undo()
    assert found == ablated(searched, tmp_path / "b")


def test_held_clips_are_judged_as_the_subject_judges(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    searched.network.train()
    held, usual = CachedSplit(searched).judge(searched.network), searched.judge(searched.network)
    assert searched.network.training
    assert (held.loss, held.accuracy, held.recalls) == (usual.loss, usual.accuracy, usual.recalls)


def test_a_split_without_clips_is_refused(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    searched.data.val.labels.clear()  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"val split of tiny has no clip.*\n.*--val-share"):
        CachedSplit(searched)


# What is silent is what pruning would remove -----------------------------------------------------


def logits_without(network: Network, mask: Mask, streams: Any) -> Tensor:
    network.mask(mask)
    try:
        with torch.no_grad():
            return network(streams)
    finally:
        network.mask(None)


def test_silencing_a_connection_is_pruning_it() -> None:
    """Bit for bit where nothing gates; up to rounding where soft peers became fixed ones."""
    dead = differ = compared = 0
    for seed in range(16):
        structure = random_tiny(random.Random(seed)).with_settings(flow_iterations=1)
        network = stirred(Network(structure, 3, learn_connections=True, seed=seed), seed)
        learned = network.learned_structure()
        streams = random_streams(network, clip=(2, 17, 16), batch=1, seed=seed)
        weights = learned.weights()
        for edge in [e for e in learned.edges() if weights[e] is not None][:4]:
            keep = set(learned.edges()) - {edge}
            pruned = prune(learned, keep, peers_kept=soft_everywhere(learned))
            if pruned.repairs:
                continue
            child = Network(pruned.structure, 3, seed=0).eval()
            inherit(child, network, pruned)
            silent = logits_without(network, soft_mask(soft_closure(learned, keep)), streams)
            with torch.no_grad():
                wanted = child(streams)
            if learned.network.attention is Attention.PEER:
                torch.testing.assert_close(silent, wanted, rtol=1e-4, atol=1e-5)
            else:
                assert torch.equal(silent, wanted), (seed, edge)
            compared += 1
            dead += bool(pruned.dead)
            naive = Mask(frozenset(keep), frozenset(network.plan.finals))
            differ += not torch.allclose(logits_without(network, naive, streams), wanted, rtol=1e-3)
    assert compared > 30
    assert dead > 5
    assert differ > 3, "without the closure, dead branches speak: this test must be able to fail"


def test_a_silent_connection_does_not_silence_its_source_as_a_peer(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    closure = soft_closure(searched.structure, set(searched.structure.edges()) - {Edge(0, 2)})
    assert 0 in closure.nodes
    only = {e for e in searched.structure.edges() if e.source != 0}
    assert 0 in soft_closure(searched.structure, only).nodes, "it gates as a peer"
    plain = searched.structure.with_settings(attention=Attention.NONE)
    assert 0 not in soft_closure(plain, only).nodes


def test_without_its_only_way_to_the_head_a_network_answers_nothing(tmp_path: Path) -> None:
    """One stem, one block: silence the connection and the logits are zero."""
    structure = drawn((0, 1), {1: {0: 0.7}, 2: {1: 0.6}}, stems=[Modality.RGB])
    searched = searched_of(stirred(Network(structure, 2, learn_connections=True, seed=1)), tmp_path)
    found = ablated(searched, tmp_path / "a")
    loss = searched.judge(searched.network).loss
    assert found.rises[Edge(1, 2)] == pytest.approx(math.log(2) - loss, abs=1e-6)


# Scores ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair() -> Structure:
    return drawn((0, 1), {2: {0: 0.9, 1: 0.2}, 3: {0: 0.3, 2: 0.6}})


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_scores_are_never_negative_and_follow_the_rise(rises: list[float]) -> None:
    structure = drawn((0, 1), {2: {0: 0.9, 1: 0.2}, 3: {0: 0.3, 2: 0.6}})
    found = dict(zip(structure.edges(), rises, strict=True))
    scores = scores_of(structure, found)
    assert min(scores.values()) >= 0
    for one in found:
        for other in found:
            if max(found[one], 0) > max(found[other], 0) + NOTHING:
                assert scores[one] > scores[other]


def test_where_nothing_matters_the_weights_decide(pair: Structure) -> None:
    scores = scores_of(pair, dict.fromkeys(pair.edges(), -0.1))
    assert scores[Edge(0, 2)] / scores[Edge(1, 2)] == pytest.approx(0.9 / 0.2)


def test_a_loss_that_is_no_number_stays_one(pair: Structure) -> None:
    scores = scores_of(pair, dict.fromkeys(pair.edges(), math.nan))
    assert all(math.isnan(score) for score in scores.values())
