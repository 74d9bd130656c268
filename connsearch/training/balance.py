"""What a training does about classes with few clips: weights of its loss, turns of its sampler.

Both follow from the training clips and the options; nothing has a state.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from connsearch.data.clips.class_turns import ClassTurns
from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError
from connsearch.training.class_weights import Labels, class_counts, described, given_weights
from connsearch.training.losses import is_binary
from connsearch.training.options import BALANCED, TrainOptions


@dataclass(frozen=True)
class Balance:
    """What the options of a training ask for, worked out for its data.

    Attributes:
        given_K: the weights of the classes as they are defined or stand in the file, ``(K,)``
            float64; None: no class is weighted.
        weights_K: as the loss takes them. For cross-entropy their mean over the clips of an epoch
            is 1, so that they do not change the learning rate that a training needs.
        turns: of the classes among the clips of ``train``; None: an epoch shows each clip once.
        connection_turns: likewise of the half that teaches the connections of a bilevel search.
    """

    given_K: Tensor | None = None
    weights_K: Tensor | None = None
    turns: ClassTurns | None = None
    connection_turns: ClassTurns | None = None

    def facts(self, classes: Sequence[str]) -> dict[str, Any]:
        """Returns what a run records: the weight of every class, where they are weighted."""
        if self.given_K is None:
            return {}
        return {"class_weights": dict(zip(classes, self.given_K.tolist(), strict=True))}


def balance(options: TrainOptions, data: DataSplits) -> Balance:
    """Returns what a training of these options does on this data.

    Weights follow from all training clips, in a bilevel search from both halves together.

    Raises:
        DataError: the file of weights cannot be used.
        SettingsError: all weights of classes that have clips are 0.
    """
    asked = options.balance
    apart = data.connections
    turns = connection_turns = None
    if asked.sampler_weights == BALANCED:
        turns = ClassTurns.of(label_sets(data.train))
        connection_turns = None if apart is None else ClassTurns.of(label_sets(apart))
    if asked.class_weights is None:
        return Balance(turns=turns, connection_turns=connection_turns)
    labels = [*label_sets(data.train), *([] if apart is None else label_sets(apart))]
    binary = is_binary(options.loss.loss, multi_label=data.train.num_classes > 0)
    given = given_weights(asked.class_weights, data.classes, labels, binary=binary)
    mean = 1.0 if binary else _shown(given, labels, in_turns=turns is not None)
    if mean <= 0:
        raise SettingsError(
            f"class_weights {asked.class_weights}: every class with a training clip has the weight "
            "0, so nothing would be learned\n  cure: a weight above 0 for one of them"
        )
    weights = given if math.isclose(mean, 1.0) else given / mean
    return Balance(given, weights, turns, connection_turns)


def label_sets(clips: ClipDataset) -> Labels:
    """Returns the classes of every clip: one, unless the data is multi-label."""
    if clips.num_classes:
        return [record.labels for record in clips.records]
    return [(label,) for label in clips.labels]


def notes(options: TrainOptions, data: DataSplits, found: Balance) -> Iterator[str]:
    """Yields what users should know of it: the weights, and how often classes are shown."""
    if found.given_K is not None and found.weights_K is not None:
        weights = dict(zip(data.classes, found.given_K.tolist(), strict=True))
        scaled = found.given_K is not found.weights_K
        suffix = "; scaled to a mean of 1 over the clips of an epoch" if scaled else ""
        yield f"class weights of the training loss: {described(weights)}{suffix}"
    labels = label_sets(data.train)
    counts = class_counts(labels, len(data.classes))
    if found.turns is not None:
        yield _turns_note(found.turns, labels, data.classes, counts, seed=options.seed)
    empty = [name for name, count in zip(data.classes, counts, strict=True) if not count]
    if empty and (found.turns is not None or found.given_K is not None):
        yield f"without a training clip, so neither weighted nor shown: {', '.join(empty[:12])}" + (
            f" and {len(empty) - 12} more" if len(empty) > 12 else ""
        )


def _turns_note(
    turns: ClassTurns, labels: Labels, classes: Sequence[str], counts: list[float], *, seed: int
) -> str:
    """How often the smallest and the largest class are shown in the first epoch."""
    shown = Counter(
        label for visit in turns.epoch(seed=seed, epoch=0) for label in labels[visit.clip]
    )
    present = [label for label, count in enumerate(counts) if count]
    ends = [min(present, key=counts.__getitem__), max(present, key=counts.__getitem__)]
    said = [f"{classes[label]} (clips: {counts[label]:.0f}) {shown[label]} times" for label in ends]
    return (
        f"sampler_weights balanced: an epoch of {turns.clips} clips draws each of "
        f"{len(turns.members)} classes {turns.clips // len(turns.members)} times or once more; "
        f"the first shows {', '.join(dict.fromkeys(said))}"
    )


def _shown(weights_K: Tensor, labels: Labels, *, in_turns: bool) -> float:
    """Returns the mean weight of what an epoch shows: of its clips, or of its classes in turn."""
    of_clips = [float(weights_K[list(some)].mean()) if some else None for some in labels]
    groups = ClassTurns.of(labels).members if in_turns else (tuple(range(len(labels))),)
    means: list[float] = []
    for members in groups:
        known = [value for i in members if (value := of_clips[i]) is not None]
        if known:
            means.append(sum(known) / len(known))
    return sum(means) / len(means) if means else 0.0
