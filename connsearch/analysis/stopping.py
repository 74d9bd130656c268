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

ROUNDS = 5
"""How often clips are timed, all steps and those that are needed in turn."""
_FEWER, _LONG = 3, 30.0
"""So often where one round takes this many seconds or more."""
TOLD = 1.05
"""What is saved has to be this many times less, before it is told how much of that was kept."""


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

    Batch by batch and round by round all steps are computed, and those that are needed, in turn;
    the first batch warms up. There are fewer rounds where one takes long.

    Args:
        network: that can stop early.
        loader: of the split.
        wanted: when clips stop, one for each budget.
        known: exits by these, of every clip that could be read before, by its place.
        costs: of a clip until each exit.
        compute: device and precision.
    """
    assert isinstance(network, EarlyExitModel), "it was asked for thresholds"
    times_WR: list[Floats] = []
    exits: list[list[int]] = [[] for _ in wanted]
    others, rounds = [0] * len(wanted), 0
    size = loader.dataset.loading.batch_size
    with evaluating(network):
        for batch in loader.batches():
            if batch.streams:
                if not rounds:
                    _ways(network, batch, wanted, compute)
                    seconds = _ways(network, batch, wanted, compute)[0][0]
                    whole = seconds * len(loader.dataset) / len(batch.indices)
                    rounds = ROUNDS if whole < _LONG else _FEWER
                found = [_ways(network, batch, wanted, compute, turn % 2) for turn in range(rounds)]
                times_WR.append(np.array([seconds for seconds, _ in found]).T)
                for number, left in enumerate(found[0][1]):
                    exits[number] += left
                    for place, last in zip(batch.indices.tolist(), left, strict=True):
                        others[number] += place in known and known[place][number] != last
            yield from batch.indices.tolist()
    full_R, *early_WR = np.sum(times_WR, 0)
    return [
        _measured(full_R, early_R, places, costs, different, compute, size)
        for early_R, places, different in zip(early_WR, exits, others, strict=True)
    ]


def _ways(
    network: nn.Module, batch: Batch, wanted: Sequence[Stops], compute: Compute, turn: int = 0
) -> tuple[list[float], list[list[int]]]:
    """What a batch takes, all steps and then each budget, and at which exits its clips stop.

    Every second turn goes through them backwards, so that none of them is always the first.
    """
    assert isinstance(network, EarlyExitModel), "it was asked for thresholds"
    seconds, exits = [0.0] * (len(wanted) + 1), [list[int]() for _ in wanted]
    ways = range(len(wanted) + 1)
    for number in reversed(ways) if turn else ways:
        begin = _now(compute)
        if number:
            left = compute.left(network, batch, wanted[number - 1])
        else:
            left = None
            with torch.inference_mode():
                compute.predictions(network, batch)
        seconds[number] = _now(compute) - begin
        if left is not None:
            exits[number - 1] = left.exits.tolist()
    return seconds, exits


def _now(compute: Compute) -> float:
    if compute.device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def _measured(
    full_R: Floats,
    early_R: Floats,
    exits: Sequence[int],
    costs: Sequence[int],
    others: int,
    compute: Compute,
    size: int,
) -> Measured:
    ratio = costs[-1] / mean_cost(np.asarray(exits), costs)
    ups_R = full_R / early_R
    faster = float(np.median(ups_R))
    return Measured(
        clips=len(exits),
        rounds=len(full_R),
        full_seconds=float(np.median(full_R)),
        early_seconds=float(np.median(early_R)),
        speed_up=faster,
        slowest=float(ups_R.min()),
        fastest=float(ups_R.max()),
        cost_ratio=ratio,
        kept=faster / ratio if ratio >= TOLD else None,
        others=others,
        device=compute.device,
        threads=torch.get_num_threads() if compute.device == "cpu" else None,
        batch_size=size,
    )


def stopping(clips: StoppingClips, thresholds: Floats) -> Ints:
    """Returns where the clips stop by these thresholds, (N,) from 0."""
    return exits_of(clips.confidences(), thresholds)
