"""What steers a search: schedules, penalties, an early end; all of it survives an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connsearch.graph.cost import cost
from connsearch.graph.spec import Edge
from connsearch.models.structure import Network
from connsearch.oneshot.expected_cost import ExpectedCost
from connsearch.oneshot.hooks.annealing import relaxation
from connsearch.oneshot.hooks.discreteness_penalty import indecision
from connsearch.oneshot.hooks.early_stop import EarlyStop
from connsearch.oneshot.options import METHODS, Relaxed, SearchOptions
from connsearch.oneshot.ramp import ramp
from connsearch.oneshot.search import search_space
from connsearch.oneshot.stability import Ranking, agreement
from connsearch.pruning.pruner import prune
from connsearch.runs.events import NoteEvent, StepEvent
from connsearch.runs.files import load_weights
from connsearch.settings.nesting import field_at, leaves
from connsearch.training.options import TrainOptions
from tests.nn.helpers import fusion_of, starter
from tests.pruning.gated import gated_by_hand
from tests.training.test_resume import everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

CLIP = (4, 32, 32)


def supernet(**changes: Any) -> Network:
    space = search_space(starter(**changes), SearchOptions.of(method="assemblenet"))
    return Network(space, 3, learn_connections=True, seed=0)


def set_logits(network: Network, value: float) -> None:
    with torch.no_grad():
        for parameter in network.connection_parameters():
            parameter.fill_(value)


def test_the_published_method_is_one_word_away() -> None:
    assert SearchOptions.of(method="assemblenet").relaxation.relaxed == Relaxed()
    assert SearchOptions().relaxation.relaxed == METHODS["connsearch"]
    mixed = SearchOptions.of(method="assemblenet", temperature=0.5).relaxation.relaxed
    assert mixed == replace(Relaxed(), temperature=0.5)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"temperature": 0.0}, "greater than 0"),
        ({"temperature": 1.5}, "less than or equal to 1"),
        ({"path_dropout": 1.0}, "less than 1"),
        ({"hard_share": 0.0}, "greater than 0"),
        ({"macs_penalty": -1.0}, "greater than or equal to 0"),
        ({"method": "assemblenet", "discreteness_weight": 1.0}, "without --discreteness-penalty"),
        ({"method": "assemblenet", "stable": 0.9}, "without --patience"),
        ({"level": "trilevel"}, "'single' or 'bilevel'"),
    ],
)
def test_settings_that_say_nothing_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SearchOptions.of(**wrong)


@given(st.integers(2, 500), st.floats(0, 0.95))
def test_a_ramp_starts_late_and_ends_at_one(total: int, start: float) -> None:
    values = [ramp(step, total, start=start) for step in range(total)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1)
    assert all(v == 0 for step, v in enumerate(values) if step / (total - 1) <= start)


def test_relaxation_begins_published_and_ends_as_asked() -> None:
    options = Relaxed(temperature=0.1, path_dropout=0.4)
    first, last = relaxation(options, 0, 50), relaxation(options, 49, 50)
    assert (first.temperature, first.path_dropout) == (1.0, 0.0)
    assert last.temperature == pytest.approx(0.1)
    assert last.path_dropout == pytest.approx(0.4)


@pytest.mark.parametrize("kind", ["zero_one", "entropy"])
def test_indecision_is_one_in_the_middle_and_falls_to_both_sides(kind: str) -> None:
    network = supernet()
    found: list[float] = []
    for logit in (0.0, 1.0, -1.0, 8.0):
        set_logits(network, logit)
        found.append(indecision(network, kind).item())
    assert found[0] == pytest.approx(1.0)
    assert found[1] == pytest.approx(found[2], abs=1e-5)
    assert 1 > found[1] > found[3]
    assert found[3] < 0.02
    set_logits(network, 0.5)
    indecision(network, kind).backward()
    for parameter in network.connection_parameters():
        assert parameter.grad is not None
        assert (parameter.grad < 0).all()  # going down moves a weight above 0.5 up


def test_expected_cost_is_one_when_all_stay_and_the_pruned_cost_when_all_is_decided() -> None:
    network = supernet()
    expected = ExpectedCost(network, CLIP)
    set_logits(network, 40.0)
    assert expected(network).item() == pytest.approx(1.0, abs=1e-5)
    kept = [e for e in network.structure.edges() if e.source in (0, 5, 7, 9) or e.target == 5]
    with torch.no_grad():
        for target, fusion in network._fusions():  # pyright: ignore[reportPrivateUsage]
            assert fusion.logits is not None
            for place, source in enumerate(fusion.learned):
                fusion.logits[place] = 40.0 if Edge(source, target) in kept else -40.0
    # Gates and peers are not part of the expectation, so they are left out of what it should be.
    plain = network.structure.with_settings(attention="none")
    pruned = prune(network.learned_structure().with_settings(attention="none"), kept)
    whole = cost(plain, num_classes=3, clip=CLIP).macs
    gone = whole - cost(pruned.structure, num_classes=3, clip=CLIP).macs
    everything_macs = cost(network.structure, num_classes=3, clip=CLIP).macs
    assert 1 - expected(network).item() == pytest.approx(gone / everything_macs, rel=0.12)


@pytest.mark.parametrize("gone", [Edge(2, 5), Edge(3, 4), Edge(0, 5)])
def test_expected_cost_knows_what_a_gated_connection_costs(gone: Edge) -> None:
    """With the connection go its gate and its own projection, exactly as in the pruned network."""
    structure = gated_by_hand()
    network = Network(structure, 3, learn_connections=True, seed=0)
    set_logits(network, 40.0)
    expected = ExpectedCost(network, CLIP)
    assert expected(network).item() == pytest.approx(1.0, abs=1e-5)
    fusion = fusion_of(network, gone.target)
    assert fusion.logits is not None
    with torch.no_grad():
        fusion.logits[fusion.learned.index(gone.source)] = -40.0
    left = prune(structure, set(structure.edges()) - {gone}).structure
    costs = [cost(one, num_classes=3, clip=CLIP).macs for one in (left, structure)]
    assert expected(network).item() == pytest.approx(costs[0] / costs[1], abs=1e-6)


def test_expected_cost_pulls_every_weight_down() -> None:
    network = supernet()
    set_logits(network, 0.0)
    ExpectedCost(network, CLIP)(network).backward()
    for parameter in network.connection_parameters():
        assert parameter.grad is not None
        assert (parameter.grad >= 0).all()
    assert any((p.grad > 0).any() for p in network.connection_parameters() if p.grad is not None)


RANKS = st.lists(st.integers(-30, 30).map(float), min_size=2, max_size=6, unique=True)


@given(RANKS)
def test_agreement_is_one_with_itself_and_minus_one_with_its_reverse(logits: list[float]) -> None:
    here = Ranking({4: tuple(logits)})
    assert agreement(here, here) == 1
    assert agreement(here, Ranking({4: tuple(-x for x in logits)})) == -1
    scaled = Ranking({4: tuple(2 * x + 1 for x in logits)})
    assert agreement(here, scaled) == 1
    assert Ranking.from_json(here.to_json()) == here


def test_an_unmoved_search_ends_early_and_a_moving_one_does_not() -> None:
    network = supernet()
    hook = EarlyStop(Relaxed(patience=2), network, 2)
    assert [hook.epoch_done(step, 10) for step in (1, 2, 4)] == [None] * 3
    reason = hook.epoch_done(5, 10)
    assert reason is not None
    assert "stable for 2 epochs" in reason
    with torch.no_grad():
        for parameter in network.connection_parameters():
            parameter.mul_(-1)
    assert hook.epoch_done(6, 10) is None
    other = EarlyStop(Relaxed(patience=2), network, 2)
    other.restore({}, hook.state())
    assert other.state() == hook.state()


EVERYTHING: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.2},
    "dropout": {"path_dropout": 0.5, "anneal_start": 0.0},
    "hard": {"hard_share": 0.5},
    "discreteness": {
        "discreteness_penalty": "entropy",
        "macs_penalty": 0.5,
        "anneal_start": 0.2,
    },
    "normalised": {"normalise_inputs": True},
    "early": {"patience": 1, "stable": 0.01, "anneal_start": 0.3},
    "bilevel": {"level": "bilevel"},
    "gates": {"post": "srtg", "gated_connections": "all", "gate_start": 0.4},
}

FIRST = {"over_connect", "warm_start", "method"}
"""Options that every recorded search has."""

OWN = {
    path[-1]: field_at(SearchOptions, path)
    for path in leaves(SearchOptions)
    if path[0] not in TrainOptions.model_fields
}
TRIED = (
    FIRST
    | {"discreteness_weight"}
    | {option for changes in EVERYTHING.values() for option in changes}
)
EVERYTHING |= {n: {n: f.examples[0]} for n, f in OWN.items() if n not in TRIED and f.examples}


def test_every_option_is_tried_and_not_given_in_earlier_runs() -> None:
    tried = TRIED | set(EVERYTHING)
    assert {*OWN} - tried == set(), "Field(examples=[value]) says what it is tried with"
    late = {name for name in {*OWN} - FIRST if OWN[name].default is not None}
    assert late == set(), "what earlier runs do not record is None unless it is given"


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> None:
    def tiny_halves(data: TinyData, *, seed: int) -> TinyData:
        data.connections = TinyClips(10, seed=4, options=data.options)
        return data

    monkeypatch.setattr("connsearch.oneshot.search.with_halves", tiny_halves)


@pytest.mark.usefixtures("halves")
@pytest.mark.parametrize("name", list(EVERYTHING))
def test_an_interrupted_search_ends_like_the_whole_one(tmp_path: Path, name: str) -> None:
    changes = {"connection_lr": 0.1, **EVERYTHING[name]}
    result_of(tiny_search(tmp_path / "whole" / "run", **changes))
    directory = tmp_path / "parts" / "run"
    for stop in (2, 7):
        steps_until(tiny_search(directory, **changes), stop)
    result_of(tiny_search(directory, **changes))
    assert everything(directory) == everything(tmp_path / "whole" / "run")


@pytest.mark.usefixtures("halves")
@pytest.mark.parametrize("name", [n for n in EVERYTHING if n != "early"])
def test_every_option_changes_what_is_found(tmp_path: Path, name: str) -> None:
    plain = result_of(tiny_search(tmp_path / "plain", connection_lr=0.1))
    other = result_of(tiny_search(tmp_path / "other", connection_lr=0.1, **EVERYTHING[name]))
    assert plain.structure.weights() != other.structure.weights()


def test_temperature_is_in_the_logits_that_are_kept(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = result_of(tiny_search(run, connection_lr=0.1, temperature=0.1))
    network = Network(result.structure, 2, learn_connections=True)
    network.load_state_dict(load_weights(run / "learned.safetensors"))
    assert network.learned_structure().weights() == result.structure.weights()


def test_an_early_end_is_said_and_stays(tmp_path: Path) -> None:
    events = list(tiny_search(tmp_path / "run", **EVERYTHING["early"]))
    steps = max(e.step for e in events if isinstance(e, StepEvent))
    assert steps < 16
    assert any(isinstance(e, NoteEvent) and "ended after step" in e.message for e in events)
    assert result_of(iter(events)).report.steps == steps


@pytest.mark.usefixtures("halves")
def test_in_two_levels_each_half_teaches_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips of the connection half without any class information leave the filters as they are."""
    seen: dict[str, set[int]] = {"filters": set(), "connections": set()}
    original = TinyClips.clip

    def spy(self: TinyClips, key: Any) -> Any:
        if key.augment:
            half = "connections" if len(self) == 10 else "filters"
            seen[half].add(key.index)
        return original(self, key)

    monkeypatch.setattr(TinyClips, "clip", spy)
    result_of(tiny_search(tmp_path / "run", level="bilevel"))
    assert seen == {"filters": set(range(14)), "connections": set(range(10))}
