"""A small network that answers after each of a few frames; equal in batches of any size."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import torch
from torch import Tensor, nn

from connsearch.models.document import ModelDocument
from connsearch.models.model import Model, Predictions

STEPS, CLASSES = 3, 4


class Stepwise(Model):
    """Multiplies the mean colours of the frames so far with numbers of each step.

    Attributes:
        computed: clips that were looked at in each step of :meth:`steps` so far.
    """

    def __init__(self, steps: int = STEPS, classes: int = CLASSES, *, seed: int = 0) -> None:
        super().__init__()
        self.exits, self.classes = steps, classes
        given = torch.Generator().manual_seed(seed)
        self.heads = nn.Parameter(3 * torch.randn(steps, classes, 3, generator=given))
        self.computed = [0] * steps

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        answers = [self._answer(streams["rgb"], number) for number in range(self.exits)]
        return Predictions(answers[-1], per_step=torch.stack(answers, 1))

    def _answer(self, clips_B3THW: Tensor, number: int) -> Tensor:
        colours_B3 = clips_B3THW[:, :, : number + 1].mean((2, 3, 4))
        return (colours_B3[:, None] * self.heads[number]).sum(2)

    def steps(self, streams: Mapping[str, Tensor]) -> Generator[Tensor, Tensor, None]:
        clips_A3THW = streams["rgb"]
        for number in range(self.exits):
            self.computed[number] += len(clips_A3THW)
            goes_on_A = yield self._answer(clips_A3THW, number)
            clips_A3THW = clips_A3THW[goes_on_A]

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        return tuple(1_000_000 * (number + 1) for number in range(self.exits))

    def describe(self) -> ModelDocument:
        settings = {"class": "tests.training.stepwise.Stepwise", "classes": self.classes}
        return ModelDocument("module", "stepwise", settings)
