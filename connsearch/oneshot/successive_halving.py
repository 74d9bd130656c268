"""Intermediate values of a training, so that a hopeless one can end early."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from connsearch.evolution.child import Rung
from connsearch.runs.events import EvaluationEvent, Event, ResultEvent, StepEvent
from connsearch.runs.formats.metrics import Watch
from connsearch.runs.formats.tables import MetricsRow
from connsearch.runs.logs import read_table
from connsearch.runs.names import METRICS
from connsearch.runs.run import Run
from connsearch.training.schedule import moment


class SuccessiveHalving:
    """Turns evaluations at some moments of a training into rungs.

    A training that is resumed reports its earlier values again: its rungs are the same however
    often it was stopped.

    Args:
        shares: of the training, rising; it has to be evaluated there (``looks`` of ``fit``).
        run: of the training.
        values: from a score on ``val`` to one number per objective.
        watch: the number that is the score; None: accuracy, or mAP of multi-label data.
    """

    def __init__(
        self,
        shares: Sequence[float],
        run: Run,
        values: Callable[[float], tuple[float, ...]],
        *,
        watch: Watch | None = None,
    ) -> None:
        self._shares, self._run, self._values = shares, run, values
        self._watch: Watch | None = watch
        self._next = 0

    def hear(self, event: Event) -> Iterator[Rung]:
        """Yields the rungs that an event of the training leads to."""
        if isinstance(event, StepEvent):
            at = [moment(share, event.total_steps) for share in self._shares]
            self._run.describe("rungs", {"at": at})
            yield from self._passed(event.step)
        elif isinstance(event, ResultEvent):
            yield from self._passed(math.inf)
        elif isinstance(event, EvaluationEvent) and event.split == "val":
            while self._at[self._next :][:1] == [event.step]:
                yield self._rung(event.metrics.watched(self._watch))

    @property
    def _at(self) -> list[int]:
        """The steps of the rungs, once they are known."""
        return self._run.config.get("rungs", {}).get("at", [])

    def _passed(self, step: float) -> Iterator[Rung]:
        """Yields the rungs before a step that an earlier process reached but did not report."""
        waiting = [at for at in self._at[self._next :] if at < step]
        scores = _logged(self._run.directory / METRICS, self._watch) if waiting else {}
        for at in waiting:
            if at in scores:
                yield self._rung(scores[at])
            else:  # the training has no such moment, or ended before it
                self._next += 1

    def _rung(self, score: float) -> Rung:
        self._next += 1
        return Rung(self._next - 1, self._values(score))


def _logged(path: Path, watch: Watch | None) -> dict[int, float]:
    """The scores on ``val`` in a table of metrics, by step."""
    found: dict[int, float] = {}
    for row in read_table(path, MetricsRow, needed=("step", "split", "accuracy")):
        headline = row.accuracy if row.mAP is None else row.mAP
        score: float | None = headline if watch is None else getattr(row, watch)
        if row.split == "val" and score is not None:
            found[row.step] = score
    return found
