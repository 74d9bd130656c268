"""The tasks and arms of ``gates_search``: where gates may be in a structure of mixed kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connsearch.analysis.searched_run import free_weights
from connsearch.graph.families import kind_name
from connsearch.graph.gating import with_gates
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Block, Node, Post, Structure
from connsearch.pruning.pruner import prune

STRUCTURE = "mixed_starter"
PLACES = ("start", "top", "mid", "end", "res")


@dataclass(frozen=True)
class Task:
    """What is learned, and for how long.

    Attributes:
        data: options of the data by name; those of real clips get their list from ``--clips``.
        training: options of every training by name; all arms have the same.
        tune: epochs of fine-tuning after a pruning.
        chance: accuracy of a guess.
    """

    data: Mapping[str, Any]
    training: Mapping[str, Any]
    tune: int
    chance: float


TASKS: dict[str, Task] = {
    "order": Task(
        {
            "source": "synthetic:order",
            "frames": 16,
            "size": 24,
            "train_clips": 6,
            "val_clips": 48,
            "test_clips": 48,
        },
        {"batch_size": 8, "epochs": 16, "lr": 5e-3, "eval_every": 8},
        tune=6,
        chance=0.25,
    ),
    "clips": Task(
        {"frames": 16, "size": 40},
        {"batch_size": 8, "epochs": 8, "lr": 3e-3},
        tune=4,
        chance=0.2,
    ),
}
"""``order`` is planted: no frame, and not all frames together, show the class."""


@dataclass(frozen=True)
class Arm:
    """One way to search.

    Attributes:
        start: makes the structure from the mixed one.
        search: options of the search by name.
        scores: what connections are pruned by, each way by itself.
    """

    start: Callable[[Structure], Structure]
    search: Mapping[str, Any]
    scores: tuple[str, ...] = ("weight",)


def as_it_is(structure: Structure) -> Structure:
    """Returns the structure."""
    return structure


def without_gates(structure: Structure) -> Structure:
    """Returns the structure without temporal gates: in kinds, behind blocks, on connections."""

    def changed(node: Node) -> Node:
        if not isinstance(node, Block):
            return node
        connections = tuple(replace(c, gated=False) for c in node.connections)
        kind = None if node.kind is None else ungated(kind_name(structure, node))
        return replace(node, kind=kind, post=Post.NONE, connections=connections)

    return replace(structure, nodes=tuple(changed(node) for node in structure.nodes))


def streams_apart(structure: Structure) -> Structure:
    """Returns the structure without temporal gates, fully connected but between streams.

    Nodes that lead nowhere then are gone: of the mixed structure its RGB stream is left.
    """
    bare = without_gates(structure)
    full = over_connect(bare)
    gated = with_gates(full, "streams", given=bare)
    apart = frozenset(edge for edge, c in gated.connections() if not c.gated)
    return free_weights(prune(full, apart, mode="published").structure)


def ungated(kind: str) -> str:
    """Returns the kind without its gate.

    >>> [ungated(kind) for kind in ("srtg_r3d_basic_mid", "srtg_r3d_basic", "r3d_basic", "full")]
    ['r3d_basic', 'r3d_basic', 'r3d_basic', 'full']
    """
    if not kind.startswith("srtg_"):
        return kind
    bare = kind.removeprefix("srtg_")
    head, _, place = bare.rpartition("_")
    return head if place in PLACES else bare


ARMS: dict[str, Arm] = {
    "mixed, as it is": Arm(as_it_is, {}, ("weight", "gate")),
    "no gates": Arm(without_gates, {}),
    "SR behind every block": Arm(without_gates, {"post": "sr"}),
    "SRTG behind every block": Arm(without_gates, {"post": "srtg"}),
    "gated streams": Arm(without_gates, {"gated_connections": "streams"}, ("weight", "gate")),
    "streams apart": Arm(streams_apart, {"over_connect": False}),
}
"""All have the same blocks, strides, clips and steps; gates decide after 40 % of them. All but the
first begin without the gates of the mixed structure. The last is what gates between streams leave
that never open: the connections they are on are not there."""

BUDGET = "connections<=18"
"""What every search is pruned to, of 47 connections, so that arms are compared at the same size."""

BASELINE, COMPARED = "no gates", "mixed, as it is"
