"""A cross-validation as a value: the runs of all folds, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from connsearch.analysis.grouped import GroupedScores, precision_scores, recall_scores
from connsearch.data.records import Record
from connsearch.runs.formats.folds import FoldsRecord
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import summarise, summarise_sets
from connsearch.runs.names import PREDICTIONS, fold
from connsearch.runs.predictions import FoldAnswer, read_predictions
from connsearch.runs.record import RunRecord, open_run


@dataclass(frozen=True)
class FoldsSummary:
    """A finished cross-validation.

    Attributes:
        directory: where everything lies.
        record: all numbers, as ``summary.json`` has them.
    """

    directory: Path
    record: FoldsRecord

    def __repr__(self) -> str:
        """Returns what it is in a few words."""
        return f"<FoldsSummary {str(self.directory)!r}: {self.verdict}>"

    @cached_property
    def runs(self) -> tuple[RunRecord, ...]:
        """The run of each fold; every one can be pruned, evaluated, reported like any other.

        Raises:
            RunError: one of them is gone or damaged.
        """
        return tuple(open_run(self.directory / fold(row.fold)) for row in self.record.rows)

    @cached_property
    def table(self) -> tuple[FoldAnswer, ...]:
        """The answer to every clip by the network that never saw its fold.

        Raises:
            RunError: the file is gone or damaged.
        """
        return tuple(read_predictions(self.directory / PREDICTIONS))

    @property
    def metrics(self) -> Metrics:
        """The numbers of all out-of-fold predictions together."""
        return self.record.pooled

    @property
    def verdict(self) -> str:
        """One sentence: how good, how sure, over what."""
        found = self.record
        known = found.accuracy if found.mAP is None else found.mAP
        interval = "no interval"
        if known.low is not None and known.high is not None:
            interval = f"{known.low:.3f} to {known.high:.3f}"
        value = "unknown" if known.value is None else f"{known.value:.3f}"
        clips = found.pooled.clips
        over = f"{clips} clips"
        if found.groups < clips:
            over += f" in {found.groups} groups"
        return f"{found.measure} {value} [{interval}] over {over}, {found.folds} folds"


def pooled(
    rows: Sequence[FoldAnswer],
    records: Mapping[str, Record],
    unit_of: Mapping[str, str],
    classes: Sequence[str],
    tests: Sequence[Metrics],
    *,
    multi_label: bool,
    seed: int = 0,
) -> tuple[Metrics, GroupedScores]:
    """Returns the numbers of all folds' answers together, and the same with intervals over groups.

    Args:
        rows: an answer each.
        records: of the clips, by name.
        unit_of: what stays together with each, by name.
        classes: class names.
        tests: what each fold found for itself: losses, times, clips that could not be read.
        multi_label: a clip can have several classes, or none.
        seed: of the interval's draws.
    """
    given = [row.log_odds if multi_label else row.probabilities for row in rows]
    scores = torch.tensor([[one[name] for name in classes] for one in given], dtype=torch.float64)
    facts: dict[str, Any] = {
        "classes": classes,
        "loss": _weighted([test.loss for test in tests], tests),
        "seconds": sum(test.seconds_per_clip * test.clips for test in tests),
        "left_out": sum(test.left_out for test in tests),
        "views": max(test.views for test in tests),
    }
    groups = [unit_of[row.clip] for row in rows]
    if multi_label:
        targets = torch.zeros(len(rows), len(classes))
        for place, row in enumerate(rows):
            targets[place, list(records[row.clip].labels)] = 1.0
        sure = precision_scores(targets.numpy(), scores.numpy(), groups, classes, seed=seed)
        return summarise_sets(targets, scores, **facts), sure
    labels = [records[row.clip].label for row in rows]
    numbers = {name: number for number, name in enumerate(classes)}
    answers = [numbers[row.predicted] for row in rows]
    sure = recall_scores(labels, answers, groups, classes, seed=seed)
    return summarise(labels, answers, scores=scores, **facts), sure


def mean_and_spread(scores: Sequence[float]) -> tuple[float | None, float | None]:
    """Returns the mean of the folds' scores and their standard deviation; None: not known."""
    known = [score for score in scores if math.isfinite(score)]
    if not known:
        return None, None
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return float(np.mean(known)), spread


def _weighted(values: Sequence[float], tests: Sequence[Metrics]) -> float:
    """The mean over clips of what is known of each fold's."""
    pairs = [(v, t.clips) for v, t in zip(values, tests, strict=True) if math.isfinite(v)]
    clips = sum(n for _, n in pairs)
    return sum(v * n for v, n in pairs) / clips if clips else math.nan
