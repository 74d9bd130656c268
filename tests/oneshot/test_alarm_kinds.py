"""Every kind of alarm says what it means and what helps, once, wherever it is read."""

from __future__ import annotations

from typing import get_args

import pytest

from connsearch.graph.spec import Edge, Peer
from connsearch.oneshot.alarms import ALARMS, COLLAPSED, Alarm, Kind, collapses, has_chosen
from connsearch.oneshot.peers import Mixture

KINDS = get_args(Kind)


def test_every_kind_and_no_other_has_words() -> None:
    assert set(ALARMS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_alarm_says_limit_meaning_and_cure(kind: str) -> None:
    alarm = Alarm(kind, (Edge(0, 2),), 3, node=4)
    assert min(len(alarm.limit), len(alarm.meaning), len(alarm.cure)) > 8
    assert "{" not in alarm.limit
    for words in (alarm.limit, alarm.meaning, f"cure: {alarm.cure}", "1 of 3", "0->2"):
        assert words in str(alarm)
    assert len({(k.limit, k.meaning, k.cure) for k in ALARMS.values()}) == len(ALARMS)


@pytest.mark.parametrize("kind", [*KINDS, "of a later version"])
def test_an_alarm_comes_back_whole_from_its_file(kind: str) -> None:
    alarm = Alarm(kind, (Edge(0, 2), Edge(1, 2)), 3, "peer mixtures", 4)
    assert Alarm.read(alarm.record()) == alarm
    assert Alarm.read(type(alarm.record()).model_validate(alarm.record().to_json())) == alarm
    assert "node" not in Alarm(kind, (), 3).record().to_json()


@pytest.mark.parametrize(("coefficient", "chosen"), [(0.89, False), (0.9, False), (0.901, True)])
def test_one_constant_says_what_has_collapsed(coefficient: float, chosen: bool) -> None:
    """At 0.901 of two peers the entropy is 46 % of the largest: no longer "below 5 %"."""
    assert COLLAPSED == 0.9
    peers = (Peer(0, coefficient), Peer(1, 1 - coefficient))
    mixture = Mixture(Edge(0, 2), peers, 0.5, 1.5)
    assert has_chosen(coefficient) is mixture.chosen is chosen
    found = collapses({Edge(0, 2): peers, Edge(0, 3): peers})
    assert (0 in found) is chosen


def test_weights_without_a_gradient_may_be_behind_gates_that_are_shut() -> None:
    assert "--gate-start" in ALARMS["no gradient"].cure
