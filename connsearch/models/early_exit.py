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
class EarlyExitModel(Protocol):
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
        logits: (B, K) in float32 (float64 stays), of the step at which each stopped.
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


class Stops(NamedTuple):
    """When clips stop.

    Attributes:
        thresholds: of each step but the last: a clip stops from this confidence on. One for the
            last may be there, and is not read: there all clips stop.
        kind: of confidence.
    """

    thresholds: Sequence[float]
    kind: str = "probability"


@torch.inference_mode()
def leave_early(
    model: EarlyExitModel,
    streams: Mapping[str, Tensor],
    thresholds: Sequence[float],
    *,
    kind: str = "probability",
) -> Left:
    """Returns the answer at which each clip stopped; what is not needed is not computed.

    A clip stops at the first step whose confidence is at least its threshold, and at the last. Once
    some have stopped, the others go on as a smaller batch, in which libraries may round the last
    bits of an answer otherwise; a confidence that is no number never stops.

    Args:
        model: in evaluation mode.
        streams: as it takes them; at least one clip.
        thresholds: one for each step; that of the last is not read and may be missing.
        kind: of confidence.

    Raises:
        ValueError: another number of thresholds, an unknown confidence, or a model in training.
    """
    _require(model, thresholds, kind)
    steps = model.steps(streams)
    try:
        return _followed(steps, [*thresholds[: model.exits - 1], -torch.inf], kind)
    finally:
        steps.close()


def _require(model: EarlyExitModel, thresholds: Sequence[float], kind: str) -> None:
    if len(thresholds) not in (model.exits - 1, model.exits):
        raise ValueError(f"{len(thresholds)} thresholds for {model.exits} steps")
    if kind not in CONFIDENCES:
        raise ValueError(f"confidence: read {kind!r}; allowed: {', '.join(CONFIDENCES)}")
    if getattr(model, "training", False):
        raise ValueError("the model is in training mode: call eval() before")


def _followed(steps: Steps, thresholds: Sequence[float], kind: str) -> Left:
    logits_AK = next(steps)
    active_A = torch.arange(len(logits_AK), device=logits_AK.device)
    found_BK = torch.zeros_like(logits_AK, dtype=_kept(logits_AK.dtype))
    exits_B = torch.zeros_like(active_A)
    for number, threshold in enumerate(thresholds):
        stops_A = confidence(logits_AK, kind) >= threshold
        if number == len(thresholds) - 1:
            stops_A = torch.ones_like(stops_A)
        stopped_A = active_A[stops_A]
        found_BK[stopped_A] = logits_AK[stops_A].to(found_BK.dtype)
        exits_B[stopped_A] = number
        active_A = active_A[~stops_A]
        if not len(active_A):
            break
        logits_AK = steps.send(~stops_A)
    return Left(found_BK, exits_B)


def _kept(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype == torch.float64 else torch.float32
