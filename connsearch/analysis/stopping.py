"""Clips of a split that stop early: where, at what cost, and how good their answers are.

Shape letters: N clips, S exits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from connsearch.analysis.early_exit import (
    Floats,
    Ints,
    exits_of,
    mean_cost,
    recall_interval,
)
from connsearch.data.loading.batches import Batch
from connsearch.data.loading.loader import Loader
from connsearch.models.early_exit import EarlyExitModel, Stops, confidence
from connsearch.runs.formats.early_exit import EarlyExitRow, Measured
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.step_answers import StepAnswers
from connsearch.training.evaluate import Compute, evaluating
from connsearch.training.losses import Loss
from connsearch.training.predictions import PooledPredictions

MEASURES = ("accuracy", "balanced_accuracy", "mAP")
"""What a curve can show: of a loss, or of the first five answers, it shows the usual number."""


@dataclass(frozen=True)
class StoppingClips:
    """The clips of a split with their answers of all steps.

    Attributes:
        found: the answers.
        classes: class names.
        loss: of the training; it converts logits to probabilities.
        costs: of a clip until each exit.
        kind: of confidence.
    """

    found: StepAnswers
    classes: Sequence[str]
    loss: Loss
    costs: Sequence[int]
    kind: str

    def confidences(self) -> Floats:
        """Returns how sure each answer is, (N, S)."""
        return confidence(self.found.answers, self.kind).numpy()

    def judged(self, exits_N: Ints) -> Metrics:
        """Returns the metrics of the answers at which clips stop, as an evaluation counts them."""
        found = self.found
        places = torch.arange(len(found.labels))
        logits_NK = found.answers[places, torch.from_numpy(exits_N)]
        sheet = PooledPredictions(self.loss, views=1, pool="mean")
        sheet.add(Batch({}, found.labels, found.indices, found.targets), logits_NK)
        return sheet.metrics(self.classes, seconds=0.0, left_out=len(found.faults))

    def all_at(self, number: int) -> Ints:
        """Returns exits of clips that all stop at one, from 0; -1 is the last."""
        return np.full(len(self.found.labels), number % len(self.costs), np.int64)

    def row(
        self, exits_N: Ints, measure: str, planned: float | None = None, q: float | None = None
    ) -> EarlyExitRow:
        """Returns what clips that stop there cost and how good they are.

        Args:
            exits_N: where each stops.
            measure: of :data:`MEASURES`.
            planned: cost; None: what is realised is what was planned.
            q: of the planned shares.
        """
        metrics = self.judged(exits_N)
        realised = mean_cost(exits_N, self.costs)
        low, high = interval(metrics, measure)
        score = getattr(metrics, measure)
        return EarlyExitRow(
            q=q,
            planned=realised if planned is None else planned,
            realised=realised,
            share=realised / self.costs[-1],
            score=score,
            low=low,
            high=high,
            accuracy=metrics.accuracy,
            mean_exit=float(exits_N.mean()) + 1,
        )


def interval(metrics: Metrics, measure: str) -> tuple[float | None, float | None]:
    """Returns the 95 % interval of a measure: Wilson's, or of a bootstrap; None: it has none."""
    if measure == "accuracy":
        return metrics.low, metrics.high
    if measure == "balanced_accuracy":
        known = {name: value for name, value in metrics.recalls.items() if value is not None}
        low, high = recall_interval(list(known.values()), [metrics.support[name] for name in known])
        return None if math.isnan(low) else low, None if math.isnan(high) else high
    return None, None


def timed(
    network: nn.Module,
    loader: Loader,
    wanted: Sequence[Stops],
    known: Mapping[int, Sequence[int]],
    costs: Sequence[int],
    *,
    compute: Compute,
) -> Generator[int, None, list[Measured]]:
    """Yields the number of each clip that was timed; returns the times of all, one for each budget.

    Batch by batch all steps are computed, then those that are needed; the first batch warms up.

    Args:
        network: that can stop early.
        loader: of the split.
        wanted: when clips stop, one for each budget.
        known: exits by these, of every clip that could be read before, by its place.
        costs: of a clip until each exit.
        compute: device and precision.
    """
    assert isinstance(network, EarlyExitModel), "it was asked for thresholds"
    full, early = 0.0, [0.0] * len(wanted)
    exits: list[list[int]] = [[] for _ in wanted]
    others, warm = [0] * len(wanted), False
    with evaluating(network):
        for batch in loader.batches():
            if batch.streams:
                if not warm:
                    _seconds(network, batch, compute)
                    for stops in wanted:
                        compute.left(network, batch, stops)
                    warm = True
                full += _seconds(network, batch, compute)
                for number, stops in enumerate(wanted):
                    begin = _now(compute)
                    left = compute.left(network, batch, stops)
                    early[number] += _now(compute) - begin
                    found = left.exits.tolist()
                    exits[number] += found
                    for place, last in zip(batch.indices.tolist(), found, strict=True):
                        others[number] += place in known and known[place][number] != last
            yield from batch.indices.tolist()
    size = loader.dataset.loading.batch_size
    return [
        _measured(full, seconds, places, costs, different, compute, size)
        for seconds, places, different in zip(early, exits, others, strict=True)
    ]


def _seconds(network: nn.Module, batch: Batch, compute: Compute) -> float:
    """What all steps of a batch take."""
    begin = _now(compute)
    with torch.inference_mode():
        compute.predictions(network, batch)
    return _now(compute) - begin


def _now(compute: Compute) -> float:
    if compute.device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def _measured(
    full: float,
    early: float,
    exits: Sequence[int],
    costs: Sequence[int],
    others: int,
    compute: Compute,
    size: int,
) -> Measured:
    ratio = costs[-1] / mean_cost(np.asarray(exits), costs)
    return Measured(
        clips=len(exits),
        full_seconds=full,
        early_seconds=early,
        speed_up=full / early,
        cost_ratio=ratio,
        kept=full / early / ratio,
        others=others,
        device=compute.device,
        threads=torch.get_num_threads() if compute.device == "cpu" else None,
        batch_size=size,
    )


def stopping(clips: StoppingClips, thresholds: Floats) -> Ints:
    """Returns where the clips stop by these thresholds, (N,) from 0."""
    return exits_of(clips.confidences(), thresholds)
