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
from connsearch.data.records import listed
from connsearch.errors import DataError
from connsearch.models.early_exit import Stops, confidence
from connsearch.models.focus.by_clip import FocusByClip
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
class ClipLook:
    """Where a model has looked in one clip.

    Attributes:
        index: of the clip in its data set.
        labels: of the clip; empty: not known.
        windows: (S, 4), top, left, height and width in pixels.
        classes: (E, up to 3), the likeliest classes of each answer, the first before the others.
        values: their probabilities.
        exit: which answer is the last, because the clip stops there, from 0.
    """

    index: int
    labels: tuple[int, ...]
    windows: Numbers
    classes: Whole
    values: Numbers
    exit: int


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a model has looked in the clips of a data set.

    Attributes:
        clips: in the order of the data set.
        order: (S,), the place in time of each frame.
        answered: (E,), how many windows were looked at when each answer is given: 1, 2, ... S; or
            0 (after the glance alone) and S, where all are looked at together.
        frame: height and width of a frame.
        stream: whose frames they are.
        faults: why clips cannot be read, by index.
        glanced: which of the frames are glanced at before the look; empty: each is when its window
            is chosen, or others are.
        frames: (S, 3, H, W) in [-1, 1], of the clips whose frames were asked for, by index.
    """

    clips: Sequence[ClipLook]
    order: tuple[int, ...]
    answered: tuple[int, ...]
    frame: tuple[int, int]
    stream: str
    faults: Mapping[int, str]
    glanced: tuple[int, ...] = ()
    frames: Mapping[int, Tensor] = field(default_factory=dict[int, Tensor])

    @property
    def one_by_one(self) -> bool:
        """Whether there is an answer after every window."""
        return self.answered == tuple(range(1, len(self.order) + 1))

    def steps(self, clip: ClipLook) -> int:
        """Returns how many windows of a clip were looked at when it stops."""
        return self.answered[clip.exit]


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
    order, answered, glanced, frame, stream, done = (), (), (), (0, 0), "rgb", 0
    wanted = frozenset(keep)
    dataset = loader.dataset
    with evaluating(model), closing(_batches(loader)) as batches:
        for batch in batches:
            faults |= {fault.index: fault.reason for fault in batch.faults}
            if batch.streams:
                look, answers_BEK = _look(model, batch, compute)
                exits_B = _exits(answers_BEK, stops)
                shown_B3SHW = batch.streams[look.stream][:, :, list(look.frames)]
                order, frame, stream = look.frames, tuple(shown_B3SHW.shape[3:]), look.stream
                answered = _answered(model, len(order), answers_BEK.shape[1])
                glanced = _glanced(model, stream)
                for place, index in enumerate(batch.indices.tolist()):
                    found = loss.probabilities(answers_BEK[place]).sort(
                        dim=1, descending=True, stable=True
                    )
                    clips.append(
                        ClipLook(
                            index,
                            tuple(dataset.records[index].labels),
                            look.windows[place].numpy(),
                            found.indices[:, :TOP].numpy(),
                            found.values[:, :TOP].numpy(),
                            int(exits_B[place]),
                        )
                    )
                    if index in wanted:
                        frames[index] = shown_B3SHW[place].transpose(0, 1).clone()
            done += len(batch.labels) + len(batch.faults)
            yield min(done, len(dataset))
    if not clips:
        raise DataError(
            f"none of {len(dataset)} clips can be read\n{listed(list(faults.values()))}"
        )
    return Looked(clips, order, answered, (frame[0], frame[1]), stream, faults, glanced, frames)


def _batches(loader: Loader) -> Generator[Batch]:
    yield from loader.batches()


@torch.inference_mode()
def _look(model: FocusModel, batch: Batch, compute: Compute) -> tuple[Look, Tensor]:
    """Where it looks in a batch, and all its answers ``(B, E, K)``, on the CPU."""
    streams = {n: x.to(compute.device, non_blocking=True) for n, x in batch.streams.items()}
    with autocast(compute.device, compute.precision):
        found = model.look(streams)
        answers = found.answers
        if model.settings.window != "frame":  # all windows together, and an answer before them
            answers = as_predictions(model(streams)).per_step
            answers = found.answers[:, -1:] if answers is None else answers
    windows = found.windows.double().cpu()
    return found._replace(windows=windows), answers.double().cpu()


def _answered(model: FocusModel, steps: int, answers: int) -> tuple[int, ...]:
    """How many windows were looked at when each answer is given."""
    if model.settings.window == "frame":
        return tuple(range(1, steps + 1))
    return (0, steps) if answers == 2 else (steps,)


def _glanced(model: FocusModel, stream: str) -> tuple[int, ...]:
    """The frames that are glanced at before the look, if they are of the same stream."""
    return tuple(model.glanced) if isinstance(model, FocusByClip) and stream == "rgb" else ()


def _exits(answers_BEK: Tensor, stops: Stops | None) -> Tensor:
    """At which answer each clip stops.

    Raises:
        DataError: the thresholds are for another number of answers.
    """
    clips, exits = answers_BEK.shape[:2]
    exits_B = torch.full((clips,), exits - 1)
    if stops is None:
        return exits_B
    if len(stops.thresholds) not in (exits - 1, exits):
        raise DataError(
            f"there are thresholds for {len(stops.thresholds) + 1} exits, and the network has "
            f"{exits}\n  cure: solve them again: connsearch early-exit RUN"
        )
    for number in reversed(range(exits - 1)):
        sure_B = confidence(answers_BEK[:, number], stops.kind) >= stops.thresholds[number]
        exits_B[sure_B] = number
    return exits_B
