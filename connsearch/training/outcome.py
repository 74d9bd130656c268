"""What a training has come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connsearch.models.document import ModelDocument
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.result import ChoiceRecord
from connsearch.runs.run import Run


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """Where a training ended: evaluations by split, what was learned, steps, what was bad.

    ``skipped_steps`` counts those of an fp16 training in which nothing was learned; ``choice`` says
    which state was kept, if the best was asked for.
    """

    metrics: dict[str, Metrics]
    model: ModelDocument
    steps: int
    seconds: float
    digest: str
    quarantine: list[dict[str, Any]]
    skipped_steps: int | None = None
    choice: ChoiceRecord | None = None

    def report(self, run: Run) -> dict[str, Any]:
        """Returns the numbers for ``result.json``."""
        return {
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
            "warnings": list(run.warnings),
            "quarantine": self.quarantine,
            **({} if self.skipped_steps is None else {"skipped_steps": self.skipped_steps}),
            **({"advice": [*run.advice]} if run.advice else {}),
            **({} if self.choice is None else {"choice": self.choice}),
        }
