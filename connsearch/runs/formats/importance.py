"""What ``prune --scores`` leaves in ``importance``: every connection with weight and score."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.ledger import WholeUnit
from connsearch.runs.formats.splits import SplitName
from connsearch.runs.formats.tables import Row


class ImportanceRow(Row):
    """A connection: its weight, its score, and who keeps it.

    Attributes:
        source: where it comes from.
        target: where it leads to.
        weight: that was learned.
        score: that was measured.
        rise: of the loss without it.
        drop: of the accuracy, or of mAP in multi-label data, without it.
        kept_by_weight: by a pruning by weights.
        open_rate: share of the clips of val for which its temporal gate was open (of a connection
            with one, in a pruning by gates alone).
        kept_by_ablation: by one by these scores, of one kind or ...
        kept_by_perturbation: ... of another ...
        kept_by_gate: ... or of the third.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        {"rise", "drop", "open_rate", "kept_by_ablation", "kept_by_perturbation", "kept_by_gate"}
    )

    source: int
    target: int
    weight: float | None = None
    score: float | None = None
    rise: float | None = None
    drop: float | None = None
    open_rate: float | None = None
    kept_by_weight: bool
    kept_by_ablation: bool | None = None
    kept_by_perturbation: bool | None = None
    kept_by_gate: bool | None = None

    @property
    def kept_by_score(self) -> bool | None:
        """Whether a pruning by these scores keeps it."""
        kinds = (self.kept_by_ablation, self.kept_by_perturbation, self.kept_by_gate)
        return next((kept for kept in kinds if kept is not None), None)


class ImportanceSummary(Form):
    """``importance/summary.json``, and ``scores`` of ``prune.json``.

    Attributes:
        kind: ablation, perturbation or gate.
        run: the searched network.
        split: on which it was measured.
        whole: the whole network (ablation alone).
        rows: every connection.
        disagreements: those that weights and scores do not both keep.
        step: at which open rates were counted (gate alone).
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"step"})

    kind: str = ""
    run: str = ""
    split: SplitName = "val"
    whole: WholeUnit | None = None
    rows: list[ImportanceRow] = []
    disagreements: list[ImportanceRow] = []
    step: int | None = None

    @field_validator("whole", mode="before")
    @classmethod
    def _not_measured(cls, found: Any) -> Any:
        """An empty object, in files of before, says that nothing was measured."""
        return found or None
