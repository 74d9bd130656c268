"""What is minimised, and how its outputs read as probabilities: one class a clip, or any number.

Classes may be weighted, in training alone: a loss that is evaluated knows no weights. Shape
letters: B clips, K classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.runs.formats.config import LossName
from connsearch.runs.metrics import TOP

NO_LABEL = -1
"""The label of a multi-label clip that has no class."""

_LOG_FLOOR = -100.0
"""The least logarithm of a pooled probability, as torch's own binary cross-entropy has it."""


class Loss(ABC):
    """A loss of logits ``(B, K)`` and a batch.

    Args:
        weights_K: of the classes, in training; None: all count alike.
    """

    def __init__(self, weights_K: Tensor | None = None) -> None:
        self._weights_K = weights_K

    @abstractmethod
    def training(self, logits_BK: Tensor, batch: Batch, *, smoothing: float = 0.0) -> Tensor:
        """Returns the mean over the clips that count; 0, with a gradient of 0, if none does."""

    @abstractmethod
    def divisor(self, batch: Batch) -> float:
        """Returns what :meth:`training` divides a sum over the clips by: how many of them count."""

    @abstractmethod
    def summed(self, logits_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns the sum over the clips that count, without smoothing, and how many they are."""

    @abstractmethod
    def probabilities(self, logits_BK: Tensor) -> Tensor:
        """Returns what the network takes every class for, in float64 ``(B, K)``."""

    @abstractmethod
    def log_odds(self, logits_BK: Tensor) -> Tensor:
        """Returns ``log p - log(1 - p)`` of :meth:`probabilities`, in float64 ``(B, K)``.

        It ranks clips that a probability, which ends at 1, no longer tells apart.
        """

    @abstractmethod
    def pooled(self, probabilities_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns what :meth:`summed` does, of probabilities that several views gave together."""


class CrossEntropy(Loss):
    r"""One class a clip, of all classes together: ``-\log softmax(x)_y``.

    A multi-label clip counts as the one class drawn for this visit (the first in evaluation), and
    not at all where it has none. Smoothing spreads its share of the target over all classes.

    Class weights multiply the loss of a clip by the weight of its class, and the mean is over
    clips. torch's own mean is over the weights of the batch: a batch of one class is then not
    weighted at all, and the smaller the batch, the less the weights do. Weights whose mean over the
    clips of an epoch is 1 make both the same over a whole epoch (``training.balance`` scales them).
    What smoothing spreads is weighted like the rest of the clip's loss; torch weighs it class by
    class, so that clips of large classes are pulled towards rare ones.
    """

    def training(self, logits_BK: Tensor, batch: Batch, *, smoothing: float = 0.0) -> Tensor:
        """Returns the mean over the clips with a class; 0, with a gradient of 0, if none has."""
        if bool((batch.labels == NO_LABEL).all()):
            return logits_BK.sum() * 0.0
        labels_B = batch.labels.to(logits_BK.device)
        if self._weights_K is None:
            return F.cross_entropy(
                logits_BK, labels_B, ignore_index=NO_LABEL, label_smoothing=smoothing
            )
        known_B = labels_B != NO_LABEL
        losses_B = F.cross_entropy(
            logits_BK[known_B], labels_B[known_B], reduction="none", label_smoothing=smoothing
        )
        return (losses_B * self._weights_K.to(logits_BK)[labels_B[known_B]]).mean()

    def divisor(self, batch: Batch) -> float:
        """Returns the number of clips with a class."""
        return float((batch.labels != NO_LABEL).sum())

    def summed(self, logits_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns the sum over the clips with a class, and how many they are."""
        labels_B = batch.labels
        total = F.cross_entropy(logits_BK, labels_B, reduction="sum", ignore_index=NO_LABEL)
        return total.item(), int((labels_B != NO_LABEL).sum())

    def probabilities(self, logits_BK: Tensor) -> Tensor:
        """Returns the softmax over the classes."""
        return logits_BK.double().softmax(1)

    def log_odds(self, logits_BK: Tensor) -> Tensor:
        """Returns each logit less the logarithm of the summed exponentials of all others."""
        logits_BK = logits_BK.double()
        others_BK = (-logits_BK.softmax(1)).log1p()  # 1 - p, exact enough for p up to a half
        odds_BK = logits_BK.log_softmax(1) - others_BK
        if logits_BK.shape[1] == 1:  # certain: no clip is likelier than another
            return torch.zeros_like(logits_BK)
        first_B1 = logits_BK.argmax(1, keepdim=True)
        rest_B1 = logits_BK.scatter(1, first_B1, -torch.inf).logsumexp(1, keepdim=True)
        return odds_BK.scatter(1, first_B1, logits_BK.gather(1, first_B1) - rest_B1)

    def pooled(self, probabilities_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns the sum of ``-log p_y`` over the clips with a class, and how many they are."""
        labels_B = batch.labels
        logs_BK = probabilities_BK.log().clamp(min=_LOG_FLOOR)
        total = F.nll_loss(logs_BK, labels_B, reduction="sum", ignore_index=NO_LABEL)
        return total.item(), int((labels_B != NO_LABEL).sum())


class BinaryCrossEntropy(Loss):
    r"""Every class for itself, yes or no: ``-t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))``.

    It is the mean over clips and classes, so that it does not grow with the number of classes.
    Clips of single-label data have one class and no other: one against the rest. Smoothing spreads
    its share of the target over yes and no: a 1 becomes ``1 - s / 2`` and a 0 becomes ``s / 2``.

    Class weights multiply the loss of a class where a clip has it, as ``pos_weight`` of torch's
    BCEWithLogitsLoss does; the mean stays one over clips and classes. With smoothing, torch also
    gives the weight to the ``s / 2`` of clips without the class: of a class with the weight 20 and
    s = 0.1 every other clip would be taught one half.
    """

    def training(self, logits_BK: Tensor, batch: Batch, *, smoothing: float = 0.0) -> Tensor:
        """Returns the mean over clips and classes."""
        targets_BK = _targets(batch, logits_BK)
        smooth_BK = targets_BK * (1 - smoothing) + smoothing / 2
        factors_BK = None
        if self._weights_K is not None:
            factors_BK = 1 + targets_BK * (self._weights_K.to(logits_BK) - 1)
        return F.binary_cross_entropy_with_logits(logits_BK, smooth_BK, weight=factors_BK)

    def divisor(self, batch: Batch) -> float:
        """Returns the number of clips."""
        return float(len(batch.labels))

    def summed(self, logits_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns the sum over the clips of their mean over the classes, and how many they are."""
        targets_BK = _targets(batch, logits_BK)
        mean = F.binary_cross_entropy_with_logits(logits_BK, targets_BK)
        return mean.item() * len(targets_BK), len(targets_BK)

    def probabilities(self, logits_BK: Tensor) -> Tensor:
        """Returns the sigmoid of every class."""
        return logits_BK.double().sigmoid()

    def log_odds(self, logits_BK: Tensor) -> Tensor:
        """Returns the logits: they are the log odds of their sigmoid."""
        return logits_BK.double()

    def pooled(self, probabilities_BK: Tensor, batch: Batch) -> tuple[float, int]:
        """Returns the sum over the clips of their mean over the classes, and how many they are."""
        targets_BK = _targets(batch, probabilities_BK)
        mean = F.binary_cross_entropy(probabilities_BK, targets_BK)
        return mean.item() * len(targets_BK), len(targets_BK)


def is_binary(name: LossName, *, multi_label: bool) -> bool:
    """Returns whether the loss of that name judges every class for itself.

    ``auto`` depends on whether clips can have several classes.
    """
    return multi_label if name == "auto" else name == "binary_cross_entropy"


def choose_loss(name: LossName, *, multi_label: bool, weights_K: Tensor | None = None) -> Loss:
    """Returns the loss of that name, with the weights of the classes in training if there are."""
    kind = BinaryCrossEntropy if is_binary(name, multi_label=multi_label) else CrossEntropy
    return kind(weights_K)


class RightAnswers(NamedTuple):
    """Clips of a batch that were answered rightly.

    Attributes:
        first: by the first answer.
        five: by one of the first five.
        asked: how many have a right answer.
    """

    first: int
    five: int
    asked: int


def right_answers(logits_BK: Tensor, batch: Batch) -> RightAnswers:
    """Returns how many answers are right, and of how many clips.

    In multi-label data any class of the clip is right, and clips without one are not counted. What
    is needed of the logits leaves a GPU in one piece.
    """
    five_BN = logits_BK.topk(min(TOP, logits_BK.shape[1]), 1).indices
    answers_BN = torch.cat([logits_BK.argmax(1, keepdim=True), five_BN], 1).cpu()
    if batch.targets is None:
        right_BN, asked = answers_BN == batch.labels[:, None], len(answers_BN)
    else:
        has_BK = batch.targets > 0
        right_BN, asked = has_BK.gather(1, answers_BN), int(has_BK.any(1).sum())
    return RightAnswers(int(right_BN[:, 0].sum()), int(right_BN[:, 1:].any(1).sum()), asked)


def _targets(batch: Batch, like_BK: Tensor) -> Tensor:
    """Returns 1 where a clip has a class, else 0; of the type and on the device of ``like_BK``."""
    targets_BK = batch.targets
    if targets_BK is None:
        targets_BK = F.one_hot(batch.labels, like_BK.shape[1])
    return targets_BK.to(like_BK)
