"""What a search did not decide: weights in the middle, weights that never moved, dead gradients.

Temporal gates that are open for no clip, or for all of them, decide nothing either.

A weight of 0.5 says "no evidence", not "half as important". Published structures contain ten such
connections (all eight of node 9 of AssembleNet++-50 among them), so it is worth an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.pruning.scores import name_edges, named
from connsearch.runs.formats.result import AlarmRecord
from connsearch.training.gate_advice import NEVER_OPEN, NEVER_SHUT

if TYPE_CHECKING:
    from connsearch.oneshot.logits import LogitHistory

UNDECIDED = (0.4, 0.6)
"""A post-sigmoid weight strictly inside is undecided."""

STILL = 0.01
"""A weight closer than this to where it started never moved."""

UNIFORM = 0.95
"""Peers whose mixture has more than this share of the largest entropy are near-uniform."""

COLLAPSED = 0.9
"""A mixture with more than this on one node has chosen that node and nothing else."""

COLLAPSED_SHARE = 0.8
"""A node that more than this share of the mixtures have chosen, among all that could choose it and
in at least two blocks, gates everything: the attention is not specific."""

WEIGHTS, MIXTURES, GATES = "connection weights", "peer mixtures", "temporal gates"
"""What an alarm is about."""

Kind = Literal[
    "undecided",
    "never moved",
    "no gradient",
    "near-uniform peers",
    "collapsed onto one peer",
    "never open",
    "never shut",
]

_NOUNS = ("no gradient", "near-uniform peers")
"""Kinds of which a sentence needs a "with"."""


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """The texts of one kind of alarm.

    Attributes:
        limit: when it is raised; ``{node}`` is replaced by the node of the alarm.
        meaning: its meaning for the search.
        cure: what usually helps.
    """

    limit: str
    meaning: str
    cure: str


ALARMS: Mapping[str, AlarmKind] = {
    "undecided": AlarmKind(
        f"between {UNDECIDED[0]} and {UNDECIDED[1]}",
        "no evidence for or against: whether they stay is arbitrary",
        "a longer search (--epochs), or a higher --connection-lr",
    ),
    "never moved": AlarmKind(
        f"within {STILL} of where they started",
        "the search gives no evidence about them",
        "a longer search (--epochs); check whether their inputs are similar",
    ),
    "no gradient": AlarmKind(
        "they never had one",
        "nothing was learned about them",
        "check the wiring: their block may not be reached; where gates decide, a later "
        "--gate-start: nothing is learned through a shut gate",
    ),
    "near-uniform peers": AlarmKind(
        f"entropy above {UNIFORM:.0%} of the largest",
        "no peer was chosen",
        "a longer search (--epochs), or another --attention",
    ),
    "collapsed onto one peer": AlarmKind(
        f"more than {COLLAPSED:.0%} on node {{node}}",
        "one node gates nearly everything, so the attention is not specific",
        "a lower --connection-lr, another --seed, or --attention self",
    ),
    "never open": AlarmKind(
        f"for less than {NEVER_OPEN:.0%} of the clips of val",
        "what is behind them adds or changes nothing, and has learned nothing since they decide",
        "prune by --scores gate, which cuts such connections; a later --gate-start gives their "
        "recurrent cells more time to learn, and with --gate-start none they always fuse",
    ),
    "never shut": AlarmKind(
        f"for less than {1 - NEVER_SHUT:.0%} of the clips of val",
        "they tell no clip from another, so they could as well not decide",
        "nothing, if that is what the data is like; --gate-start none is the same without the test",
    ),
}
"""Every ``Kind`` of alarm, with its meaning and cure; defined only here."""

_UNKNOWN = AlarmKind(
    "", "a kind of alarm of another version", "see the documentation of that version"
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of alarm, every connection it applies to, and the number of all.

    Attributes:
        kind: of a file of a newer version it may be another word.
        edges: the connections it applies to.
        of: so many of what it is about.
        what: connection weights, peer mixtures or temporal gates.
        node: the peer that mixtures have collapsed onto, else None.
        gates: names of all temporal gates it applies to; ``edges`` are those of connections.
    """

    kind: str
    edges: tuple[Edge, ...]
    of: int
    what: str = WEIGHTS
    node: int | None = None
    gates: tuple[str, ...] = ()

    @classmethod
    def read(cls, record: AlarmRecord) -> Alarm:
        """Returns the alarm that :meth:`record` has written."""
        edges = tuple(Edge(source, target) for source, target in record.edges)
        gates = tuple(record.gates)
        return cls(record.kind, edges, record.of, record.what, record.node, gates)

    def record(self) -> AlarmRecord:
        """Returns the alarm as written to ``result.json``."""
        further: dict[str, Any] = {} if self.node is None else {"node": self.node}
        further |= {"gates": list(self.gates)} if self.gates else {}
        edges = [list(edge) for edge in self.edges]
        return AlarmRecord(kind=self.kind, what=self.what, edges=edges, of=self.of, **further)

    @property
    def members(self) -> tuple[str, ...]:
        """What it applies to, by name: connections, or temporal gates."""
        return self.gates or tuple(name_edges([edge]) for edge in self.edges)

    @property
    def limit(self) -> str:
        """When it is raised, with its node."""
        return self._known.limit.replace("{node}", str(self.node))

    @property
    def meaning(self) -> str:
        """Its meaning for the search."""
        return self._known.meaning

    @property
    def cure(self) -> str:
        """What usually helps."""
        return self._known.cure

    @property
    def _known(self) -> AlarmKind:
        return ALARMS.get(self.kind, _UNKNOWN)

    @property
    def heading(self) -> str:
        """A short description with the counts.

        >>> Alarm("undecided", (Edge(0, 2),), 3).heading
        '1 of 3 connection weights undecided (between 0.4 and 0.6)'
        """
        limit = f" ({self.limit})" if self.limit else ""
        kind = f"with {self.kind}" if self.kind in _NOUNS else self.kind
        return f"{len(self.members)} of {self.of} {self.what} {kind}{limit}"

    def __str__(self) -> str:
        return f"{self.heading}: {named(self.members)}\n  {self.meaning}\n  cure: {self.cure}"


def structure_alarms(structure: Structure, *, initial: float = 0.5) -> tuple[Alarm, ...]:
    """Returns the alarms that the stored weights and peers of a structure give by themselves.

    Args:
        structure: with learned weights; free ones and those without a weight do not count.
        initial: where every weight started.
    """
    weights = {e: c.weight for e, c in structure.connections() if isinstance(c.weight, float)}
    peers = {e: c.peers for e, c in structure.connections() if len(c.peers) > 1}
    first = dict.fromkeys(weights, initial)
    return _raised(_about_weights(first, weights), _about_peers(peers))


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
            *_about_peers(peers),
            _about("never moved", still, peers, peers=True),
            _about("no gradient", idle, peers, peers=True),
        ],
    )


def collapses(peers: Mapping[Edge, Sequence[Peer]]) -> dict[int, tuple[Edge, ...]]:
    """Returns every node that nearly all mixtures have chosen, with those that have.

    Asked are the mixtures that could choose the node; they must belong to two blocks at least, and
    more than ``COLLAPSED_SHARE`` of them must have more than ``COLLAPSED`` on it.

    >>> mixtures = {Edge(0, n): [Peer(0, 0.95), Peer(1, 0.05)] for n in (2, 3)}
    >>> collapses(mixtures)
    {0: (Edge(source=0, target=2), Edge(source=0, target=3))}
    """
    could: dict[int, list[Edge]] = {}
    chose: dict[int, list[Edge]] = {}
    for edge, mixture in peers.items():
        for node, coefficient in mixture:
            could.setdefault(node, []).append(edge)
            if has_chosen(coefficient):
                chose.setdefault(node, []).append(edge)
    return {
        node: tuple(edges)
        for node, edges in sorted(chose.items())
        if len({edge.target for edge in could[node]}) > 1
        and len(edges) > COLLAPSED_SHARE * len(could[node])
    }


def has_chosen(coefficient: float) -> bool:
    """Returns whether a mixture has chosen the node of its largest coefficient, and nothing else.

    >>> has_chosen(0.95), has_chosen(0.9)
    (True, False)
    """
    return coefficient > COLLAPSED


def is_uniform(coefficients: Sequence[float]) -> bool:
    """Returns whether a mixture is so even that no peer was chosen.

    >>> is_uniform([0.5, 0.5]), is_uniform([0.9, 0.1])
    (True, False)
    """
    return entropy_share(coefficients) > UNIFORM


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


def _about_peers(peers: Mapping[Edge, Sequence[Peer]]) -> list[Alarm]:
    could = {n: sum(n in dict(p) for p in peers.values()) for n in collapses(peers)}
    return [
        _about("near-uniform peers", _uniform(peers), peers),
        *(
            Alarm("collapsed onto one peer", in_order(edges), could[node], MIXTURES, node)
            for node, edges in collapses(peers).items()
        ),
    ]


def in_order(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """Returns connections by their target, then by their source."""
    return tuple(sorted(edges, key=lambda e: (e.target, e.source)))


def _about(
    kind: Kind, edges: Sequence[Edge], among: Mapping[Edge, object], *, peers: bool = False
) -> Alarm:
    of_peers = peers or kind == "near-uniform peers"
    what = MIXTURES if of_peers else WEIGHTS
    return Alarm(kind, in_order(edges), len(among), what)


def _raised(*groups: Sequence[Alarm]) -> tuple[Alarm, ...]:
    return tuple(alarm for group in groups for alarm in group if alarm.edges)


def _uniform(peers: Mapping[Edge, Sequence[Peer]]) -> list[Edge]:
    return [e for e, ps in peers.items() if is_uniform([p.coefficient for p in ps])]


def _zero(gradients: Mapping[Edge, float]) -> list[Edge]:
    return [edge for edge, largest in gradients.items() if largest == 0.0]


def _is_still(first: Sequence[Peer], now: Sequence[Peer]) -> bool:
    pairs = zip(first, now, strict=True)
    return all(abs(a.coefficient - b.coefficient) < STILL for a, b in pairs)
