"""What a step of a training learns from its clips: predictions, a loss, and gradients."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.utils.hooks import RemovableHandle

from connsearch.data.loading.batches import Batch
from connsearch.errors import SettingsError
from connsearch.models.model import Model, Predictions
from connsearch.seeds import derive
from connsearch.training.curriculum import CyclicClips, StepClips
from connsearch.training.evaluate import Compute
from connsearch.training.hooks import Hook
from connsearch.training.losses import Loss, right_answers
from connsearch.training.optimisers import Optimisers
from connsearch.training.speed import Laps
from connsearch.training.terms import TermCounts, losses_of


@dataclass(slots=True)
class Learned:
    """What was seen of the clips of a step, before their gradients are used.

    Attributes:
        clips: how many there were.
        hits: right first answers.
        five: clips of which one of the first five answers is right.
        asked: of so many clips.
        loss: the mean over all clips that count.
        counted: how many those are.
        shape: (channels, frames, height, width) of the last of them.
        rate: their factor on the learning rate.
        terms: of the loss.
    """

    clips: int = 0
    hits: int = 0
    five: int = 0
    asked: int = 0
    loss: float = 0.0
    counted: float = 0.0
    shape: tuple[int, int, int, int] = (0, 0, 0, 0)
    rate: float = 1.0
    terms: TermCounts = field(default_factory=TermCounts)

    def add(self, batch: Batch, logits: Tensor) -> None:
        """Counts a batch."""
        right = right_answers(logits, batch)
        channels, frames, height, width = next(iter(batch.streams.values())).shape[1:5]
        self.clips += len(batch.labels)
        self.hits += right.first
        self.five += right.five
        self.asked += right.asked
        self.shape, self.rate = (channels, frames, height, width), batch.rate


class Lesson:
    """Computes the gradients of every step for the optimisers.

    The clips of a step may come in several batches. Their gradients are added up, each batch by the
    clips in it that count, so that their sum is the gradient of one large batch; batch norm alone
    has the statistics of each batch for itself. Penalties of hooks are added once a step.

    Args:
        network: what learns.
        optimisers: they separate filters and logits, and may scale the loss.
        loss: the quantity to minimise.
        compute: device and precision.
        seed: of everything random in a step.
        smoothing: share of the target that is spread over all classes.
        hooks: they may add to the loss.
        apart: clips that teach the logits of connections alone; None: each batch teaches both.
        total: steps of the whole training.
        classes: how many logits there must be.
        laps: measures forward and backward passes; by default nothing does.
    """

    def __init__(
        self,
        network: Model,
        optimisers: Optimisers,
        loss: Loss,
        compute: Compute,
        *,
        seed: int,
        smoothing: float,
        hooks: Sequence[Hook] = (),
        apart: CyclicClips | None = None,
        total: int,
        classes: int,
        laps: Laps | None = None,
    ) -> None:
        self.laps = laps or Laps()
        self.network, self.optimisers, self.loss, self.compute = network, optimisers, loss, compute
        self.seed, self.smoothing = seed, smoothing
        self.hooks, self.apart, self.total = tuple(hooks), apart, total
        self.classes = classes

    def learn(self, clips: StepClips, step: int) -> Learned:
        """Returns what was seen of the clips of a step, after their gradients are there.

        Raises:
            FloatingPointError: a loss is not finite, and it is not scaled.
        """
        penalty = self._penalty(step)
        if self.apart is None:
            return self._gradients(clips, step, "step", penalty=penalty)
        filters, logits = self.optimisers.filters, self.optimisers.logits
        learned = self._gradients(clips, step, "step", into=filters)
        with self.laps.paused():
            apart = self.apart.clips(step)
            self._gradients(apart, step, "connections", into=logits, penalty=penalty)
        return learned

    def _penalty(self, step: int) -> Tensor | None:
        """What the hooks add to the loss of this step; None: nothing."""
        asked = [hook.penalty(step, self.total) for hook in self.hooks]
        parts = [penalty for penalty in asked if penalty is not None]
        return torch.stack(parts).sum() if parts else None

    def _gradients(
        self,
        clips: StepClips,
        step: int,
        purpose: str,
        *,
        into: list[Tensor] | None = None,
        penalty: Tensor | None = None,
    ) -> Learned:
        """Adds the gradients of a step to the given parameters, or to all."""
        seen, laps = Learned(), self.laps
        for place, batch in enumerate(clips.batches):
            # windows at random places are each clip's own, as in one large batch
            own = (place,) if place and self.network.by_terms else ()
            with laps.part("forward"), self._dropout(purpose, step, place):
                loss = self._loss(batch, derive(self.seed, purpose, step, *own), seen)
            laps.clips += len(batch.labels)
            counts = self.loss.divisor(batch)
            seen.counted += counts
            if clips.parts == 1:
                seen.loss = loss.item()
                with laps.part("backward"):
                    self.optimisers.backward(loss if penalty is None else loss + penalty, into)
                return seen
            with laps.part("backward"):
                self.optimisers.backward(loss * (counts / clips.clips), into)
            seen.loss += loss.item() * counts
        seen.loss /= seen.counted or 1.0
        if seen.counted not in (0.0, clips.clips):
            self.optimisers.multiply(clips.clips / seen.counted, into)
        if penalty is not None:
            self.optimisers.backward(penalty, into)
        return seen

    def _loss(self, batch: Batch, seed: int, seen: Learned) -> Tensor:
        """The loss of a batch. The only place with random numbers of torch's own (dropout)."""
        devices = [torch.cuda.current_device()] if self.compute.device == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            found = self.compute.predictions(self.network, batch)
        _require_classes(found.logits, self.classes)
        seen.add(batch, found.logits.detach())
        return self._whole(found, batch, seen)

    def _whole(self, found: Predictions, batch: Batch, seen: Learned) -> Tensor:
        """The loss of all that a network answered to a batch; its terms are counted."""

        def one(logits_BK: Tensor) -> Tensor:
            return self.loss.training(logits_BK, batch, smoothing=self.smoothing)

        if found.terms:
            losses = losses_of(found.terms, one)
            parts = [loss * term.weight for loss, term in zip(losses, found.terms, strict=True)]
            seen.terms.add(found, losses, batch, self.loss.divisor(batch))
        else:
            parts = [one(logits) for logits in (found.logits, *found.auxiliary)]
        loss = sum(parts[1:], parts[0])
        return loss if found.penalty is None else loss + found.penalty

    @contextmanager
    def _dropout(self, purpose: str, step: int, place: int) -> Generator[None]:
        """Inside, each batch of a step but the first has numbers of its own in dropout layers.

        Everything else that is random (the connections left out in a search) stays the same for
        all clips of a step, as in one large batch.
        """
        handles: list[RemovableHandle] = []
        if place:
            calls = count()

            def seeded(*_: object) -> None:
                torch.manual_seed(derive(self.seed, purpose, step, place, next(calls)))

            handles = [
                layer.register_forward_pre_hook(seeded)
                for layer in self.network.modules()
                if isinstance(layer, _DropoutNd)
            ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _require_classes(logits: Tensor, classes: int) -> None:
    """Refuses a network that does not answer for the classes of the data.

    Raises:
        SettingsError: its logits have another form.
    """
    if logits.ndim != 2 or logits.shape[1] != classes:
        raise SettingsError(
            f"the network returns logits {tuple(logits.shape)}, the data has {classes} classes\n"
            f"  allowed: (clips, {classes})"
        )
