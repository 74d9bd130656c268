"""Latency: what is timed, in which order, and what is said about it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.models import latency
from connsearch.models.latency import Latency, latencies, summarise_times, timed_rounds
from connsearch.models.structure import Network
from tests.training.tiny import tiny_structure

CLIP = (2, 16, 16)


def networks(count: int) -> list[Network]:
    return [Network(tiny_structure(), 2, seed=seed) for seed in range(count)]


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=30))
def test_median_and_spread(times: list[float]) -> None:
    middle, spread = summarise_times(times)
    assert sum(t < middle for t in times) <= len(times) / 2 >= sum(t > middle for t in times)
    assert 0 <= spread <= (max(times) - min(times)) / middle + 1e-9


def test_networks_are_timed_in_turn_and_each_begins_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some, seen = networks(3), []

    def note(network: Network, *_: object, **__: object) -> float:
        seen.append(some.index(network))
        return float(len(seen))

    monkeypatch.setattr(latency, "_pass", note)
    rounds = list(timed_rounds(some, clip=CLIP, rounds=3, warm_up=2))
    assert seen[:6] == [0, 0, 1, 1, 2, 2]
    assert seen[6:] == [0, 0, 1, 1, 2, 2, 1, 1, 2, 2, 0, 0, 2, 2, 0, 0, 1, 1]
    assert rounds[1] == [18.0, 14.0, 16.0], "the second of two passes, in the order of networks"


def test_what_was_measured_is_said() -> None:
    (network,) = networks(1)
    network.train()
    (found,) = latencies([network], clip=CLIP, passes=4, warm_up=1, batch=2)
    assert found.seconds > 0
    assert (found.passes, found.clip, found.batch, found.device) == (4, CLIP, 2, "cpu")
    assert (found.threads, found.precision) == (torch.get_num_threads(), "fp32")
    assert network.training, "the mode stays"
    assert found.to_json()["noisy"] == found.noisy


def test_passes_are_in_evaluation_mode() -> None:
    (network,) = networks(1)
    modes: list[tuple[bool, bool]] = []
    network.register_forward_pre_hook(
        lambda module, _: modes.append((module.training, torch.is_inference_mode_enabled()))
    )
    latencies([network], clip=CLIP, passes=1, warm_up=0)
    assert set(modes) == {(False, True)}


@pytest.mark.parametrize(("spread", "noisy"), [(0.05, False), (0.051, True)])
def test_a_wide_spread_is_flagged(spread: float, noisy: bool) -> None:
    found = Latency(0.0123, spread, 20, CLIP, 1, "cpu", 1, "fp32")
    assert found.noisy == noisy
    assert str(found) == f"12.3 ms (spread 5%{', noisy' if noisy else ''})"


def test_precision_reaches_the_network() -> None:
    (network,) = networks(1)
    kinds: list[bool] = []
    network.register_forward_pre_hook(lambda *_: kinds.append(torch.is_autocast_enabled("cpu")))
    (found,) = latencies([network], clip=CLIP, passes=1, warm_up=0, precision="bf16")
    assert found.precision == "bf16"
    assert all(kinds)
