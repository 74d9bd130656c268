"""``ledger.jsonl``: the settings on the first line, then a finished unit a line."""

from __future__ import annotations

from typing import Any

from connsearch.runs.formats.form import Form, OpenForm


class LedgerHead(Form):
    """The first line: what decides the results; units of other settings never mix."""

    settings: dict[str, Any]


class Unit(Form):
    """The result of a unit, and one sentence about it for people."""

    summary: str = "done"


class LedgerLine(OpenForm):
    """Any later line: the name of a unit beside the fields of its result."""

    unit: str


class GapUnit(Unit):
    """A stage of ``gap``, judged on ``val``."""

    accuracy: float
    low: float
    high: float
    mAP: float | None = None
    loss: float
    clips: int


class CurveUnit(Unit):
    """A network of ``curve``, judged on ``val``."""

    nodes: int
    connections: int
    parameters: int
    macs: int
    accuracy: float
    low: float
    high: float
    score: float
    clips: int
    measure: str


class TimingUnit(Unit):
    """A round of timing of ``curve``: the passes, each with the seconds of every network."""

    seconds: list[list[float]]


class TrainedUnit(Unit):
    """A training of ``compare``, with its score on ``val``."""

    score: float
    connections: int
    macs: int
    parameters: int


class TestedUnit(Unit):
    """The same network on ``test``."""

    __test__ = False  # no test case

    score: float


class RankedUnit(Unit):
    """A sub-network of ``rank-correlation``: its score in the supernet and alone, and its size."""

    supernet: float
    alone: float
    macs: int
    connections: int
    parameters: int


class SearchUnit(Unit):
    """A search of ``stability``."""

    seed: int
    score: float | None = None


class WholeUnit(Unit):
    """The whole network, against which connections are measured."""

    loss: float
    score: float
    clips: int


class ImportanceUnit(Unit):
    """A connection: the loss without it, and what that changed; dead by then: no loss."""

    loss: float | None = None
    rise: float
    drop: float
