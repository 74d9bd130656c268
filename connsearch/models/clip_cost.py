"""What an answer to one clip costs, with the heads that only a training needs and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from connsearch.graph.cost import cost
from connsearch.models.count import count
from connsearch.models.early_exit import EarlyExitModel
from connsearch.models.model import Model


class ClipCost(NamedTuple):
    """Multiply-accumulates of one clip, without the representation flow.

    Attributes:
        macs: of the answer, after all steps where there are several.
        training: of the same and the heads that only a training needs, which published figures
            count; None: there are none.
    """

    macs: int
    training: int | None = None


def clip_cost(model: Model, streams: Mapping[str, Tensor], classes: int) -> ClipCost | None:
    """Returns what an answer to one clip costs; None: nobody can count it.

    Args:
        model: any; it stays as it is.
        streams: of one clip; only shape and type are read.
        classes: outputs of the classifier.
    """
    structure = model.describe().structure
    if structure is not None:
        frames, height, width = streams["rgb"].shape[2:]
        return ClipCost(cost(structure, num_classes=classes, clip=(frames, height, width)).macs)
    if isinstance(model, EarlyExitModel):
        shapes = {name: tuple(stream.shape[1:]) for name, stream in streams.items()}
        macs = model.exit_costs(shapes)[-1]
        training = model.exit_costs(shapes, training_heads=True)[-1]
        return ClipCost(macs, training if training > macs else None)
    try:
        return ClipCost(count(model, streams).macs)
    except (NotImplementedError, RuntimeError):  # a module of one's own that asks for numbers
        return None
