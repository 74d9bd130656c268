"""What a network offers to one that is built on it: feature maps and vectors, and what they are.

Shape letters: B clips, C channels of a map, D numbers of a vector, T frames, t places in time that
a network ends with, h w places of a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.model import Model


class Features(NamedTuple):
    """What a network has seen in clips, before its classifier.

    Attributes:
        map: (B, C, t, h, w).
        vector: (B, t, D), what the classifier reads, at every place in time by itself.
    """

    map: Tensor
    vector: Tensor


@runtime_checkable
class FeatureModel(Protocol):
    """A network that others can be built on, as glance or local network of a focus model.

    Attributes:
        modalities: names of the streams it reads.
        map_channels: C.
        feature_size: D.
        temporal: whether a frame's features depend on other frames; otherwise t is T, and any
            number of frames in any order may be given.
    """

    modalities: tuple[str, ...]
    map_channels: int
    feature_size: int
    temporal: bool

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns what it sees in clips of any number of frames, and of any size it can train on.

        Args:
            streams: as :meth:`Model.forward` takes them.

        Raises:
            DataError: a stream that it reads is missing or of another form.
        """
        ...


def require_features(model: Model, whose: str) -> FeatureModel:
    """Returns a model as one that others can be built on.

    Args:
        model: any.
        whose: the option that names it, for the message.

    Raises:
        SettingsError: it offers no features.
    """
    if not isinstance(model, FeatureModel):
        raise SettingsError(
            f"{whose}: {model.describe().name} offers no features to build on\n"
            "  allowed: a structure, or a network of `connsearch models`; one of your own with a "
            "method `features` (docs/adafocus.md)"
        )
    return model


def without_classifier(model: Model) -> Model:
    """Returns a model whose classifier, which nothing reads, is taken out; changed in place."""
    for name in model.classifier:
        model.set_submodule(name, nn.Identity())
    return model
