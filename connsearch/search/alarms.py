"""What a search did not decide: weights in the middle, weights that never moved, dead gradients.

A weight of 0.5 says "no evidence", not "half as important". Published structures contain ten such
connections (all eight of node 9 of AssembleNet++-50 among them), so it is worth an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.prune.scores import name_edges

if TYPE_CHECKING:
    from connsearch.train.logits import LogitHistory

UNDECIDED = (0.4, 0.6)
"""A post-sigmoid weight strictly inside says neither yes nor no."""

STILL = 0.01
"""A weight closer than this to where it started never moved."""

UNIFORM = 0.95
"""Peers whose mixture has more than this share of the largest entropy are near-uniform."""

Kind = Literal["undecided", "never moved", "no gradient", "near-uniform peers"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of doubt and every connection it holds for, of how many."""

    kind: Kind
    edges: tuple[Edge, ...]
    of: int
    what: Literal["connection weights", "peer mixtures"] = "connection weights"

    def __str__(self) -> str:
        explanation = {
            "undecided": f"between {UNDECIDED[0]} and {UNDECIDED[1]}",
            "never moved": f"within {STILL} of where they started",
            "no gradient": "never had a gradient, so nothing was learned about them",
            "near-uniform peers": f"entropy above {UNIFORM:.0%} of the largest",
        }[self.kind]
        listed = name_edges(self.edges)
        return f"{len(self.edges)} of {self.of} {self.what} {self.kind} ({explanation}): {listed}"


def structure_alarms(structure: Structure, *, initial: float = 0.5) -> tuple[Alarm, ...]:
    """Returns the alarms that the stored weights and peers of a structure give by themselves.

    Args:
        structure: with learned weights; free ones and those without a weight do not count.
        initial: where every weight started.
    """
    weights = {e: c.weight for e, c in structure.connections() if isinstance(c.weight, float)}
    peers = {e: c.peers for e, c in structure.connections() if len(c.peers) > 1}
    first = dict.fromkeys(weights, initial)
    return _raised(
        _about_weights(first, weights), [_about("near-uniform peers", _uniform(peers), peers)]
    )


def alarms(history: LogitHistory) -> tuple[Alarm, ...]:
    """Returns the alarms of a search: of its last values, its movement and its gradients."""
    # A mixture of one peer has nothing to learn.
    peers = {e: now for e, now in history.last_peers.items() if len(now) > 1}
    still = [e for e, now in peers.items() if _is_still(history.first_peers[e], now)]
    idle = [e for e in _zero(history.peer_gradients) if e in peers]
    return _raised(
        _about_weights(history.first, history.last),
        [
            _about("no gradient", _zero(history.gradients), history.gradients),
            _about("near-uniform peers", _uniform(peers), peers),
            _about("never moved", still, peers, peers=True),
            _about("no gradient", idle, peers, peers=True),
        ],
    )


def entropy_share(coefficients: Sequence[float]) -> float:
    """Returns the entropy of a mixture over the largest possible: 1 is uniform, 0 one of them.

    >>> entropy_share([0.25, 0.25, 0.25, 0.25]), entropy_share([1.0, 0.0])
    (1.0, 0.0)
    """
    if len(coefficients) < 2:
        return 0.0
    entropy = -sum(c * math.log(c) for c in coefficients if c > 0)
    return abs(entropy / math.log(len(coefficients)))


def _about_weights(first: Mapping[Edge, float], last: Mapping[Edge, float]) -> list[Alarm]:
    low, high = UNDECIDED
    undecided = [e for e, w in last.items() if low < w < high]
    still = [e for e, w in last.items() if abs(w - first[e]) < STILL]
    return [_about("undecided", undecided, last), _about("never moved", still, last)]


def _about(
    kind: Kind, edges: Sequence[Edge], among: Mapping[Edge, object], *, peers: bool = False
) -> Alarm:
    of_peers = peers or kind == "near-uniform peers"
    what = "peer mixtures" if of_peers else "connection weights"
    return Alarm(kind, tuple(sorted(edges, key=lambda e: (e.target, e.source))), len(among), what)


def _raised(*groups: Sequence[Alarm]) -> tuple[Alarm, ...]:
    return tuple(alarm for group in groups for alarm in group if alarm.edges)


def _uniform(peers: Mapping[Edge, Sequence[Peer]]) -> list[Edge]:
    return [e for e, ps in peers.items() if entropy_share([p.coefficient for p in ps]) > UNIFORM]


def _zero(gradients: Mapping[Edge, float]) -> list[Edge]:
    return [edge for edge, largest in gradients.items() if largest == 0.0]


def _is_still(first: Sequence[Peer], now: Sequence[Peer]) -> bool:
    pairs = zip(first, now, strict=True)
    return all(abs(a.coefficient - b.coefficient) < STILL for a, b in pairs)
