"""Seeds give the wirings they gave when there were five makers: of the criterion, compare, the
ranking of sub-networks, and the first children of an evolution. Recorded from that code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from connsearch.analysis.rank_correlation import sample
from connsearch.analysis.wirings import WiringSampler
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.graph.files import load_structure
from connsearch.graph.parse import rows
from connsearch.graph.spec import Attention, Edge
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.options import Mode, PruneOptions
from connsearch.pruning.pruner import prune_by
from tests.analysis.test_wirings import macs, searched

CRITERION = {
    ("starter", (("number", 12), ("seed", 3))): "df1f0bd45d7230f6",
    ("starter", (("seed", 0), ("share", 0.3))): "9a8a072ea50ac6ca",
    ("starter", (("seed", 7), ("share", 0.6))): "bb9b4eee62356038",
    ("assemblenet-50", (("number", 12), ("seed", 3))): "9b74ac98c7767013",
    ("assemblenet-50", (("seed", 0), ("share", 0.3))): "fdfbaf45ed6c1415",
    ("assemblenet-50", (("seed", 7), ("share", 0.6))): "d81ab204d2b28b8d",
    ("assemblenet_plus_lite", (("number", 12), ("seed", 3))): "e23121e4f25ba164",
    ("assemblenet_plus_lite", (("seed", 0), ("share", 0.3))): "e994cc027a0e609f",
    ("assemblenet_plus_lite", (("seed", 7), ("share", 0.6))): "991c0c3cc1628ad4",
}
"""Structure and settings -> digest of what criterion random keeps."""
LOTS: dict[tuple[str, str, Mode, int], str] = {
    ("top_k:2", "none", "pinned", 0): "64498f8c7f539f4e",
    ("top_k:2", "none", "pinned", 5): "1b3163e5d8bc6003",
    ("threshold:0.5", "peer", "published", 0): "3bb8a089d3ec47f1",
    ("threshold:0.5", "peer", "published", 5): "511dc5091a8ec9b6",
}
"""Criterion, attention, mode and seed -> digest of five wirings beside what was found."""
SAMPLES = {
    ("none", 0): "bfe1cae89144a36e",
    ("none", 1): "2e77b6a312f2beff",
    ("peer", 0): "bfe1cae89144a36e",
    ("peer", 1): "2e77b6a312f2beff",
}
"""Attention and seed -> digest of eight sub-networks."""
FOUNDERS = {
    ("starter", 0): "44f9968be8c42ffe",
    ("starter", 1): "b20103b704799d37",
    ("starter", 2): "c86e72302a394739",
    ("assemblenet-50", 0): "6de0d26ca7e986e2",
    ("assemblenet-50", 1): "49c1e3b4cd32415b",
    ("assemblenet-50", 2): "7f434a68eefe60bf",
    ("assemblenet_plus-50", 0): "4cbf5753e18491c3",
    ("assemblenet_plus-50", 1): "7beab0b4fffd718b",
    ("assemblenet_plus-50", 2): "475a6f17d3dcae16",
    ("assemblenet_plus_lite", 0): "98de0a9d6d68b118",
    ("assemblenet_plus_lite", 1): "0b6f7935c71ac2db",
    ("assemblenet_plus_lite", 2): "78852e405ff2f53a",
}
"""Start and seed -> digest of a first child."""


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def listed(edges: Iterable[Edge]) -> list[list[int]]:
    return sorted([edge.source, edge.target] for edge in edges)


@pytest.mark.parametrize(("name", "settings"), CRITERION)
def test_the_criterion_keeps_what_it_kept(name: str, settings: tuple[tuple[str, Any], ...]) -> None:
    structure = searched() if name == "starter" else load_structure(name)
    kept = CRITERIA["random"](**dict(settings))(structure, {})
    assert digest(listed(kept)) == CRITERION[name, settings]


@pytest.mark.parametrize(("criterion", "attention", "mode", "seed"), LOTS)
def test_compare_draws_what_it_drew(criterion: str, attention: str, mode: Mode, seed: int) -> None:
    space = searched(Attention(attention))
    found = prune_by(space, PruneOptions(criterion=criterion, mode=mode))
    drawn = WiringSampler(space, found, mode, macs, 0.3).draw(5, seed=seed)
    assert digest([listed(one.edges) for one in drawn]) == LOTS[criterion, attention, mode, seed]


@pytest.mark.parametrize(("attention", "seed"), SAMPLES)
def test_sub_networks_are_those_they_were(attention: str, seed: int) -> None:
    drawn = sample(searched(Attention(attention)), 8, seed=seed)
    assert digest([listed(one.edges) for one in drawn]) == SAMPLES[attention, seed]


@pytest.mark.parametrize(("name", "seed"), FOUNDERS)
def test_first_children_are_those_they_were(name: str, seed: int) -> None:
    start = load_structure(name)
    assert (
        digest(rows(initial_structure(start, Limits.of(start), Random(seed))))
        == FOUNDERS[name, seed]
    )
