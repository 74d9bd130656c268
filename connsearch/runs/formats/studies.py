"""``summary.json`` of what has many runs: several searches, or an evolution."""

from __future__ import annotations

from typing import Any

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.tables import StabilityRow


class EstimateRecord(Form):
    """A number and its 95 % interval; what cannot be known is None."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class StabilitySummary(Form):
    """``summary.json`` of several searches; see ``analysis.stability.Found``."""

    command: str = "stability"
    run: str = ""
    verdict: str = ""
    searches: int
    scores: dict[str, float | None] = {}
    kept: dict[str, int] = {}
    criterion: str = ""
    jaccard: EstimateRecord | None = None
    chance: float | None = None
    p: float | None = None
    consensus: list[list[int]] = []
    repairs: list[str] = []
    rows: list[StabilityRow] = []
    structure: str = ""
    pictures: list[str] = []


class BestChild(Form):
    """One of the best children of an evolution."""

    child: int
    values: list[float]
    evaluations: int
    hash: str


class EvolutionSummary(Form):
    """``summary.json`` of an evolution."""

    command: str = "evolve"
    run: str = ""
    objectives: list[str] = []
    children: int
    judged: int
    ended_early: int
    failed: int
    attempts_failed: int
    refused: dict[str, Any] = {}
    best: list[BestChild] = []
    tables: list[str] = []
