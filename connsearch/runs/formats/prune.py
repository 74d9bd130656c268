"""``prune.json``: what makes a directory a pruned network."""

from __future__ import annotations

from typing import ClassVar

from connsearch.runs.formats.config import Facts, Settings
from connsearch.runs.formats.form import Form, OpenForm
from connsearch.runs.formats.importance import ImportanceSummary
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.splits import SplitName


class BeforeAfter(Form):
    """A count before and after pruning."""

    before: int
    after: int


class GateAgreementRecord(Form):
    """What temporal gates decide, clip by clip; see ``models.exactness.GateAgreement``."""

    equal: bool
    gates: int
    decisions: int
    opened: int


class ExactnessRecord(Form):
    """How far a pruned network is from its masked original; see ``models.exactness``."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"gates"})

    equal: bool
    max_abs_difference: float
    max_abs_logit_difference: float | None = None
    first_difference: int | None = None
    nodes: int | None = None
    largest_logit: float | None = None
    clip: list[int] | tuple[int, ...] = []
    batch: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None
    gates: GateAgreementRecord | None = None


class ReachedRecord(Form):
    """A budget and what came of it; see ``pruning.solve.Reached``."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"spread"})

    budget: str
    limit: float
    value: float
    whole: float | None = None
    smallest: float
    largest: float
    spread: float | None = None


class NodeCosts(Form):
    """What a node of the unpruned structure costs, and what is left of that.

    Attributes:
        node: its number there; None is the head.
        kind: rgb, flow, object, block or head.
        macs: multiply-accumulates of a clip.
        macs_left: after pruning; None: the node is gone.
        parameters: that learn.
        parameters_left: after pruning; None: the node is gone.
        peer_only: whether it gates others and no final node depends on it over the connections that
            stay; without another peer in its place it would have stayed for that.
    """

    node: int | None
    kind: str
    macs: int
    macs_left: int | None
    parameters: int
    parameters_left: int | None
    peer_only: bool = False


class PeerRecord(Form):
    """A node that gates, and its learned coefficient."""

    node: int
    coefficient: float


class RegatedRecord(Form):
    """A connection that its strongest peers do not gate any more; see ``pruner.Substitute``.

    Attributes:
        source: of the connection.
        target: of the connection.
        before: the stronger peers that are gone.
        after: the peers that gate it now; empty: it lost its gate.
    """

    source: int
    target: int
    before: list[PeerRecord]
    after: list[PeerRecord]


class FollowingRecord(Form):
    """The next larger network within reach; see ``pruning.reached.Following``."""

    what: str
    values: dict[str, int]
    over: dict[str, float]


class PruningSettings(OpenForm):
    """How was pruned; all: the fields of ``PruneOptions``."""


class PruneRecord(Form):
    """``prune.json`` of a pruned network.

    Attributes:
        command: that wrote it.
        run: what was pruned: a run, or a structure.
        nodes: how many.
        connections: how many.
        parameters: how many.
        macs: multiply-accumulates of a clip.
        clip: frames, height and width of that clip.
        exactness: the comparison with the masked original.
        removed: source and target of every connection that went.
        dead: nodes that went.
        repairs: connections put back, as sentences.
        substitutes: peers that others took the place of, as sentences.
        regated: the same connections, with the peers before and after.
        opened: connections that lost their temporal gate, as sentences.
        costs: what every node of the unpruned structure costs, and the head, and what is left.
        changes: what else changed, as sentences.
        metrics: by split, if the statistics were recomputed.
        scores: what it was pruned by, where that was measured.
        budget: what came of each budget, by name.
        following: what stood next, where a budget forbids it.
        pruning: how was pruned.
        recalibrated: training clips the batch-norm statistics were set from; 0: none.
        settings: of the run it comes from.
        facts: of that run.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"scores", "following", "opened"})

    command: str = "prune"
    run: str = ""
    nodes: BeforeAfter
    connections: BeforeAfter
    parameters: BeforeAfter
    macs: BeforeAfter
    clip: list[int] = []
    exactness: ExactnessRecord | None = None
    removed: list[list[int]] = []
    dead: list[int] = []
    repairs: list[str] = []
    substitutes: list[str] = []
    opened: list[str] = []
    regated: list[RegatedRecord] = []
    costs: list[NodeCosts] = []
    changes: list[str] = []
    metrics: dict[SplitName, Metrics] = {}
    scores: ImportanceSummary | None = None
    budget: dict[str, ReachedRecord] = {}
    following: FollowingRecord | None = None
    pruning: PruningSettings = PruningSettings()
    recalibrated: int | None = None
    settings: Settings = Settings()
    facts: Facts = Facts()
