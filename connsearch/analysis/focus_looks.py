"""Where a focus model looks in clips, and when it stops.

Shape letters: N clips, S steps, K classes, H W pixels.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.data.loading.loader import Loader
from connsearch.errors import DataError
from connsearch.models.early_exit import EarlyExit, confidence
from connsearch.models.focus.focus import FocusModel, Look
from connsearch.models.model import as_predictions
from connsearch.nn.precision import autocast
from connsearch.training.evaluate import Compute, evaluating
from connsearch.training.losses import Loss

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

TOP = 3
"""So many classes of every answer are kept."""


@dataclass(frozen=True, slots=True)
class Stops:
    """When clips stop.

    Attributes:
        thresholds: one for each exit; that of the last is not read.
        kind: of confidence; see ``models.early_exit``.
    """

    thresholds: tuple[float, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class ClipLook:
    """Where a model has looked in one clip.

    Attributes:
        index: of the clip in its data set.
        labels: of the clip; empty: not known.
        windows: (S, 4), top, left, height and width in pixels.
        classes: (S, up to 3), the likeliest classes after each step, the first before the others.
        values: their probabilities.
        steps: windows it has looked at when it stops; S without thresholds.
    """

    index: int
    labels: tuple[int, ...]
    windows: Numbers
    classes: Whole
    values: Numbers
    steps: int


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a model has looked in the clips of a data set.

    Attributes:
        clips: in the order of the data set.
        order: (S,), the place in time of each frame.
        frame: height and width of a frame.
        faults: why clips cannot be read, by index.
        frames: (S, 3, H, W) in [-1, 1], of the clips whose frames were asked for, by index.
    """

    clips: Sequence[ClipLook]
    order: tuple[int, ...]
    frame: tuple[int, int]
    faults: Mapping[int, str]
    frames: Mapping[int, Tensor] = field(default_factory=dict[int, Tensor])


def look_through(
    model: FocusModel,
    loader: Loader,
    *,
    loss: Loss,
    compute: Compute,
    keep: Sequence[int] = (),
    stops: Stops | None = None,
) -> Generator[int, None, Looked]:
    """Yields how many clips were gone through; returns where the model has looked in them.

    Every clip is seen through its first view, as in an evaluation with one.

    Args:
        model: is put into evaluation mode for as long as this takes.
        loader: of the clips.
        loss: of the training; it converts logits to probabilities.
        compute: device and precision.
        keep: indices of the clips whose frames are wanted.
        stops: when clips stop; None: at the end.

    Raises:
        DataError: none of the clips can be read.
    """
    clips: list[ClipLook] = []
    faults: dict[int, str] = {}
    frames: dict[int, Tensor] = {}
    order, frame, done = (), (0, 0), 0
    wanted = frozenset(keep)
    dataset = loader.dataset
    with evaluating(model), closing(_batches(loader)) as batches:
        for batch in batches:
            faults |= {fault.index: fault.reason for fault in batch.faults}
            if batch.streams:
                look, ends_B = _look(model, batch, compute, stops)
                shown_B3SHW = _shown(model, batch)[:, :, list(look.frames)]
                order, frame = look.frames, tuple(shown_B3SHW.shape[3:])
                for place, index in enumerate(batch.indices.tolist()):
                    labels = tuple(dataset.records[index].labels)
                    clips.append(_clip(index, labels, look, place, int(ends_B[place]), loss))
                    if index in wanted:
                        frames[index] = shown_B3SHW[place].transpose(0, 1).clone()
            done += len(batch.labels) + len(batch.faults)
            yield min(done, len(dataset))
    if not clips:
        raise DataError(
            f"none of {len(dataset)} clips can be read\n  {next(iter(faults.values()))}"
        )
    return Looked(clips, order, (frame[0], frame[1]), faults, frames)


def _batches(loader: Loader) -> Generator[Batch]:
    yield from loader.batches()


@torch.inference_mode()
def _look(
    model: FocusModel, batch: Batch, compute: Compute, stops: Stops | None
) -> tuple[Look, Tensor]:
    """Where it looks in a batch, on the CPU, and how many windows each clip has looked at."""
    streams = {n: x.to(compute.device, non_blocking=True) for n, x in batch.streams.items()}
    with autocast(compute.device, compute.precision):
        found = model.look(streams)
        answers_BEK = found.answers
        exits = model.exits if isinstance(model, EarlyExit) else answers_BEK.shape[1]
        if stops is not None and exits != answers_BEK.shape[1]:
            answers = as_predictions(model(streams)).per_step
            assert answers is not None, "it can stop early"
            answers_BEK = answers
    look = Look(found.windows.double().cpu(), found.frames, found.answers.double().cpu())
    steps = len(found.frames)
    ends_B = torch.full((len(look.windows),), steps)
    if stops is not None:
        ends_B = _ends(answers_BEK.double().cpu(), stops, steps)
    return look, ends_B


def _ends(answers_BEK: Tensor, stops: Stops, steps: int) -> Tensor:
    """How many windows each clip has looked at when it stops.

    Where there is an exit after every window, that is its number. A model with fewer exits answers
    after its glance alone, before any window, and then after all of them.
    """
    clips, exits = answers_BEK.shape[:2]
    if len(stops.thresholds) != exits:
        raise DataError(
            f"the thresholds are for {len(stops.thresholds)} exits, the network has {exits}\n"
            "  cure: solve them again: connsearch early-exit RUN"
        )
    ends_B = torch.full((clips,), steps)
    for number in reversed(range(exits - 1)):
        sure_B = confidence(answers_BEK[:, number], stops.kind) >= stops.thresholds[number]
        ends_B[sure_B] = number + 1 if exits == steps else 0
    return ends_B


def _shown(model: FocusModel, batch: Batch) -> Tensor:
    """The frames that windows are cut from, in the order of time."""
    return batch.streams["rgb"]


def _clip(
    index: int, labels: tuple[int, ...], look: Look, place: int, ends: int, loss: Loss
) -> ClipLook:
    probabilities_SK = loss.probabilities(look.answers[place])
    found = probabilities_SK.sort(dim=1, descending=True, stable=True)
    return ClipLook(
        index,
        labels,
        look.windows[place].numpy(),
        found.indices[:, :TOP].numpy(),
        found.values[:, :TOP].numpy(),
        ends,
    )
