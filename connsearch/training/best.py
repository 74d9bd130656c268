"""The best state of a network so far, by a number on the validation split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError
from connsearch.models.model import Model
from connsearch.runs.formats.metrics import Metrics, Watch
from connsearch.runs.formats.result import ChoiceRecord
from connsearch.runs.metrics import TOP
from connsearch.training.hooks import Hook
from connsearch.training.options import ChoiceOptions


class KeepBest(Hook):
    """Keeps the weights of the best look at ``val``; of equally good ones the latest.

    A later one has learned for longer, and in a search has decided more. All of it is part of
    every checkpoint, so a killed run keeps the best that it had.

    Args:
        network: whose weights are kept.
        watch: what is compared; None: the headline of the metrics.

    Attributes:
        step: steps done at the best look; None: there was none that could be judged.
    """

    name = "best"

    def __init__(self, network: Model, watch: Watch | None) -> None:
        self._network = network
        self._watch: Watch | None = watch
        self._name: str = watch or ""
        self._looks = 0
        self.step: int | None = None
        self._value, self._last = math.nan, math.nan
        self._tensors: dict[str, Tensor] = {}

    def looked(self, step: int, metrics: Metrics) -> None:
        """Takes note of an evaluation, and of the weights if none was better."""
        self._looks += 1
        self._name = self._watch or metrics.measure
        self._last = metrics.watched(self._watch)
        sign = -1.0 if self._watch == "loss" else 1.0
        if math.isfinite(self._last) and not sign * self._last < sign * self._value:
            self.step, self._value = step, self._last
            weights = self._network.state_dict()
            self._tensors = {n: t.detach().cpu().clone() for n, t in weights.items()}

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The ``state_dict`` of the best look, on the CPU."""
        return self._tensors

    def record(self, steps: int) -> ChoiceRecord:
        """Returns what was chosen from what, for the result.

        Args:
            steps: of the training, all of which were done.
        """
        return ChoiceRecord(
            watch=self._name,
            step=steps if self.step is None else self.step,
            of=steps,
            value=_known(self._value),
            last=_known(self._last),
            looks=self._looks,
        )

    def tensors(self) -> Mapping[str, Tensor]:
        """Returns the weights of the best look."""
        return self._tensors

    def state(self) -> Mapping[str, Any]:
        """Returns which look that was."""
        return {"looks": self._looks, "step": self.step, "value": _known(self._value)}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts back what the two gave."""
        self._looks, self.step = state["looks"], state["step"]
        self._value = math.nan if state["value"] is None else state["value"]
        self._tensors = dict(tensors)


def require_effect(options: ChoiceOptions) -> None:
    """Refuses to watch a number by which nothing is chosen.

    Raises:
        SettingsError: the last state is kept.
    """
    if options.watch is not None and options.keep == "last":
        raise SettingsError(
            f"watch {options.watch} with keep last: has no effect on a single training\n"
            "  cure: --keep best, or leave it out (all numbers are shown and recorded anyway)"
        )


def require_choice(options: ChoiceOptions, data: DataSplits) -> None:
    """Refuses to choose by what evaluations of this data do not have.

    Raises:
        SettingsError: there is no validation split to keep the best by, or no such number.
    """
    if options.keep == "best" and not len(data.val):
        raise SettingsError(
            f"keep best: {data.name} has no validation split to choose by\n"
            "  cure: give it a share (--val-share 0.2) or a list, or --keep last"
        )
    watch, multi = options.watch, data.train.num_classes > 0
    if watch == "balanced_accuracy" and multi:
        raise SettingsError(
            "watch balanced_accuracy: clips of multi-label data have no single class to recall\n"
            "  cure: --watch mAP, the mean over the classes, in which each counts alike"
        )
    if watch == "mAP" and not multi:
        raise SettingsError(
            "watch mAP: belongs to multi-label data\n"
            "  cure: --watch balanced_accuracy, in which each class counts alike, or accuracy"
        )
    classes = len(data.classes)
    if watch == "top5" and (multi or classes <= TOP):
        raise SettingsError(
            f"watch top5: is computed for single-label data with more than {TOP} classes; read: "
            f"{classes} classes{', multi-label' if multi else ''}\n"
            f"  cure: --watch {'mAP' if multi else 'accuracy'}"
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
