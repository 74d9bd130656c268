"""Networks that can stop early: what they answer after each step, and what it costs to get there.

Shape letters: A clips that are not finished, K classes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

Steps = Generator[Tensor, Tensor, None]
"""Yields the answers ``(A, K)`` after each step, and is sent which of these clips go on: bool
``(A,)``, at least one of them. It ends behind the last step, or is closed before."""


@runtime_checkable
class EarlyExit(Protocol):
    """A model that answers after several steps; the last answer is that of its ``forward``.

    In evaluation, the answers of ``steps`` are those of ``Predictions.per_step``, and an answer
    depends on nothing that is computed after it.

    Attributes:
        exits: how many steps there are.
    """

    exits: int

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        """Returns multiply-accumulates of one clip until each exit, increasing.

        Args:
            shapes: of the streams of one clip, ``(C, T, H, W)`` by name.
            training_heads: with those heads that only a training needs.
        """
        ...

    def steps(self, streams: Mapping[str, Tensor]) -> Steps:
        """Returns the steps of clips, one after the other; see :data:`Steps`."""
        ...


class Left(NamedTuple):
    """Where clips stopped.

    Attributes:
        logits: (B, K), of the step at which each stopped.
        exits: (B,), which step that was, from 0.
    """

    logits: Tensor
    exits: Tensor


CONFIDENCES = ("probability", "entropy", "logit")
"""Ways to tell how sure an answer is: the largest softmax probability, the negative entropy of
them, the largest logit."""


def confidence(logits_AK: Tensor, kind: str) -> Tensor:
    """Returns how sure answers are, ``(A,)`` in float64; see :data:`CONFIDENCES`."""
    logits_AK = logits_AK.double()
    if kind == "logit":
        return logits_AK.amax(-1)
    logs_AK = logits_AK.log_softmax(-1)
    if kind == "probability":
        return logs_AK.amax(-1).exp()
    return (logs_AK.exp() * logs_AK).sum(-1)


@torch.inference_mode()
def leave_early(
    model: EarlyExit,
    streams: Mapping[str, Tensor],
    thresholds: Sequence[float],
    *,
    kind: str = "probability",
) -> Left:
    """Returns the answer at which each clip stopped; what is not needed is not computed.

    A clip stops at the first step whose confidence is at least its threshold, and at the last.

    Args:
        model: in evaluation mode.
        streams: as it takes them.
        thresholds: one for each step; that of the last is not read.
        kind: of confidence.
    """
    steps = model.steps(streams)
    logits_AK = next(steps)
    clips = len(logits_AK)
    active_A = torch.arange(clips, device=logits_AK.device)
    found_BK = logits_AK.new_zeros(clips, logits_AK.shape[1])
    exits_B = torch.zeros(clips, dtype=torch.long, device=logits_AK.device)
    for number in range(model.exits):
        last = number == model.exits - 1
        stops_A = confidence(logits_AK, kind) >= thresholds[number]
        if last:
            stops_A = torch.ones_like(stops_A)
        found_BK[active_A[stops_A]] = logits_AK[stops_A]
        exits_B[active_A[stops_A]] = number
        goes_on_A = ~stops_A
        active_A = active_A[goes_on_A]
        if not len(active_A):
            break
        logits_AK = steps.send(goes_on_A)
    steps.close()
    return Left(found_BK, exits_B)
