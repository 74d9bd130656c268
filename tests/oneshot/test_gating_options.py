"""``--post`` and ``--gated-connections``: what the search space has of gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import SettingsError
from connsearch.graph.gating import gated_connections, with_gates, with_post
from connsearch.graph.hashing import structure_hash
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention, Edge, NetworkSettings, Post, Structure
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search_space
from connsearch.runs.record import open_run
from tests.nn.helpers import starter
from tests.oneshot.judging import child, fitness, judged, task
from tests.training.tiny import tiny_structure


def space(structure: Structure, **options: Any) -> Structure:
    return search_space(structure, SearchOptions.of(**options))


def posts(structure: Structure) -> set[Post]:
    return {block.post for _, block in structure.blocks()}


def test_without_the_options_a_space_is_as_the_structure_says() -> None:
    plain = starter()
    assert not gated_connections(space(plain))
    assert posts(space(plain)) == {Post.NONE}
    own = with_post(with_gates(plain, "streams"), Post.SR)
    found = space(own)
    assert set(gated_connections(found)) == set(gated_connections(own))
    assert posts(found) == {Post.SR}


def test_what_an_option_says_wins_over_the_structure() -> None:
    own = with_post(with_gates(starter(), "streams"), Post.SR)
    found = space(own, post="none", gated_connections="none")
    assert structure_hash(found) == structure_hash(space(starter()))
    assert posts(space(own, post="srtg")) == {Post.SRTG}
    every = set(gated_connections(space(own, gated_connections="all")))
    firsts = {Edge(block.inputs[0], index) for index, block in own.blocks()}
    assert every == set(space(own).edges()) - firsts


@pytest.mark.parametrize("over_connect", [True, False])
def test_the_rule_is_read_before_everything_is_connected(over_connect: bool) -> None:
    """Node 8 of the starter is a flow block: 2 is its first input, though 0 and 1 come before."""
    found = space(starter(), gated_connections="streams", over_connect=over_connect)
    gated = {edge.source for edge in gated_connections(found) if edge.target == 8}
    inputs = set(found.block(8).inputs)
    assert gated == inputs - {2, 3}
    assert (0 in gated) is over_connect


def chain(*rows: list[Any]) -> Structure:
    settings = NetworkSettings(
        blocks=(1, 1), inner_widths=(8, 8), attention=Attention.NONE, stem_total=8
    )
    return parse_structure(list(rows), family="assemblenet", network=settings)


def test_a_rule_that_gives_no_gate_is_refused() -> None:
    one_stream = chain([-1, 1], [0, [0], 8, 1, 1], [1, [1, 0], 8, 1, 1])
    with pytest.raises(SettingsError, match=r"one stream \(rgb, temporal dilation 1\)") as raised:
        space(one_stream, gated_connections="streams")
    assert "cure: --gated-connections all" in str(raised.value)
    assert gated_connections(space(one_stream, gated_connections="all"))
    apart = chain(
        [-1, 1], [-1, 2], [0, [0], 8, 1, 1], [0, [1], 8, 1, 1], [1, [2], 8, 1, 1], [1, [3], 8, 1, 1]
    )
    with pytest.raises(SettingsError, match=r"none leads from one of its 2 streams to another\n"):
        space(apart, gated_connections="streams", over_connect=False)
    assert gated_connections(space(apart, gated_connections="streams"))
    single = chain([-1, 1], [0, [0], 8, 1, 1], [1, [1], 8, 1, 1])
    with pytest.raises(SettingsError, match="each of its blocks has one input"):
        space(single, gated_connections="all", over_connect=False)
    assert not gated_connections(space(one_stream, gated_connections="none"))


@pytest.mark.parametrize(("post", "begin"), [(Post.NONE, None), (Post.SRTG, 0.5)])
def test_a_child_has_its_own_posts_and_gates_learn_before_they_decide(
    tmp_path: Path, post: Post, begin: float | None
) -> None:
    """--gate-start is of all children: it says nothing of one without gates."""
    born = child(structure=with_post(tiny_structure(), post))
    fit = fitness(tmp_path, gate_start=0.5, steps=2, post="sr", gated_connections="all")
    judged(fit, task(born))
    record = open_run(tmp_path / "0000-0")
    assert posts(record.structure) == {post}
    assert not gated_connections(record.structure)
    assert record.form.facts.gate_start == begin
    assert record.structure.gates_decide is (post is Post.SRTG)
