"""The facts that advice is about: what a training has before it, and what its log says after it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import DataSplits
from connsearch.models.clip_needs import computes_flow, fewest_pixels
from connsearch.models.model import Model
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.tables import MetricsRow
from connsearch.runs.logs import read_table
from connsearch.runs.names import METRICS
from connsearch.runs.run import Run
from connsearch.runs.run_files import RunFiles
from connsearch.training.advice import TrainingCourse, TrainingPlan
from connsearch.training.curriculum import Curriculum
from connsearch.training.gate_advice import gates_course
from connsearch.training.options import BALANCED, TrainOptions

PLANTED = "synthetic:"
"""How the names of built-in data begin."""


def training_plan(
    network: Model, data: DataSplits, options: TrainOptions, curriculum: Curriculum
) -> TrainingPlan:
    """Returns what is known of a training before its first step."""
    frames, size, _ = data.clip
    classes, accumulate = len(data.classes), options.optimiser.accumulate or 1
    return TrainingPlan(
        clips=len(data.train),
        batch=data.options.loading.batch_size * accumulate,
        epochs=options.schedule.epochs,
        steps=curriculum.total,
        limited=options.schedule.steps is not None,
        frames=frames,
        size=size,
        pixels=fewest_pixels(network, clip_without_numbers(data)),
        flow=computes_flow(network),
        planted=data.options.source.source.startswith(PLANTED),
        classes=data.classes,
        train=_by_class(data.train, classes),
        val=_by_class(data.val, classes),
        accumulate=accumulate,
    )


def clip_without_numbers(data: DataSplits) -> dict[str, Tensor]:
    """Returns the streams of one clip on the meta device: their shapes and types."""
    clip = {"rgb": torch.empty(1, 3, *data.clip, device="meta")}
    if data.object_classes:
        shape = (1, data.object_classes, *data.clip)
        clip["object"] = torch.empty(shape, device="meta")
    own = data.options.clips.focus_frames
    if own is not None:
        clip["focus"] = torch.empty(1, 3, own, *data.clip[1:], device="meta")
    return clip


def training_course(
    run: Run, data: DataSplits, options: TrainOptions, metrics: Mapping[str, Metrics], steps: int
) -> TrainingCourse:
    """Returns what is known of a training after its last step, from the log of its run.

    Args:
        run: whose log is complete.
        data: it was trained on.
        options: how.
        metrics: of its last evaluations, by split.
        steps: it took.

    Raises:
        RunError: the log is damaged.
    """
    table = read_table(run.directory / METRICS, MetricsRow, needed=("step", "split", "loss"))
    rows = [row for row in table if row.split == "train" and row.loss is not None]
    last = max((row.epoch or 0 for row in rows), default=0)
    judged = [r for r in rows if r.epoch == last and r.accuracy is not None and r.clips]
    answered = sum(row.clips or 0 for row in judged)
    counts = _by_class(data.train, len(data.classes))
    balance = options.balance
    alike = balance.sampler_weights == BALANCED or balance.class_weights is not None
    known = sum(map(bool, counts))
    most = max(counts, default=0) / max(sum(counts), 1)
    guess = 1 / max(known, 1) if alike else most
    val = metrics.get("val")
    seen = None if val is None else val.gates
    return TrainingCourse(
        losses=[row.loss for row in rows if row.loss is not None],
        answered=0 if data.train.num_classes else answered,
        right=round(sum((row.accuracy or 0.0) * (row.clips or 0) for row in judged)),
        guess=guess,
        val=None if val is None or val.multi_label else (val.accuracy, val.low, val.high),
        epochs=last + 1,
        steps=steps,
        limited=options.schedule.steps is not None,
        gates=None
        if seen is not None and not seen.deciding  # --keep best, of the steps before they did
        else gates_course(
            RunFiles(run.directory).gates,
            0 if seen is None else seen.still,
            0 if val is None else val.clips * val.views,
        ),
    )


def _by_class(clips: ClipDataset, classes: int) -> list[int]:
    """How many clips each class has."""
    counts = clips.counts
    return [counts[label] for label in range(classes)]
