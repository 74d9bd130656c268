"""What a network offers to one that is built on it: feature maps and vectors, and what they are.

Shape letters: B clips, C channels of a map, D numbers of a vector, T frames, t places in time that
a network ends with, h w places of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.model import Model, Wrapped, one_stream


class Features(NamedTuple):
    """What a network has seen in clips, before its classifier.

    Attributes:
        map: (B, C, t, h, w).
        vector: (B, t, D), what the classifier reads, at every place in time by itself: its mean
            over t, classified, gives the logits of a network that averages over time, and the
            mean of what the classifier says of each those of one that averages answers.
    """

    map: Tensor
    vector: Tensor


@runtime_checkable
class FeatureModel(Protocol):
    """A network that others can be built on, as glance or local network of a focus model.

    Its classifier is not needed: :func:`without_classifier` takes it out.

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


class OwnFeatures(Wrapped):
    """A module of one's own that others can be built on, as a model.

    Args:
        module: besides what :class:`~connsearch.models.model.Wrapped` asks for, it has a method
            ``features``, called like the module itself, which returns the map
            ``(B, C, t, h, w)``, or map and vector ``(B, t, D)``; and ``feature_size``, D. It may
            have ``map_channels`` (by default D) and ``temporal`` (by default true: whether the
            features of a frame depend on others).
        stream: as :class:`~connsearch.models.model.Wrapped` takes it, and so on.

    Raises:
        SettingsError: it lacks one of them.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        stream: str | None = "rgb",
        name: str | None = None,
        classifier: Sequence[str] = (),
    ) -> None:
        super().__init__(module, stream=stream, name=name, classifier=classifier)
        size = getattr(module, "feature_size", None)
        if not isinstance(size, int) or not callable(getattr(module, "features", None)):
            raise SettingsError(
                f"{self.name}: offers no features to build on\n  allowed: a module with a method "
                "`features`, which returns a map (B, C, t, h, w), and with its `feature_size`, C"
            )
        self.modalities = ("rgb",) if stream is None else (stream,)
        self.feature_size = size
        self.map_channels = int(getattr(module, "map_channels", size))
        self.temporal = bool(getattr(module, "temporal", True))

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns what the module gives; where that is a map alone, with its mean over h and w.

        Raises:
            SettingsError: it has another form than its attributes say.
        """
        given = streams if self.stream is None else one_stream(streams, self.stream)
        read: Callable[..., Tensor | tuple[Tensor, Tensor]] = self.module.features  # pyright: ignore[reportAssignmentType]
        found = read(given)
        if isinstance(found, Tensor):
            found = (found, found.mean((3, 4)).transpose(1, 2)) if found.ndim == 5 else (found,) * 2
        seen = Features(*found)
        (map_, vector), clips = seen, next(iter(streams.values())).shape[0]
        places = (clips, *vector.shape[1:2])
        if (map_.ndim, *map_.shape[:3]) != (5, clips, self.map_channels, *places[1:]) or (
            vector.shape != (*places, self.feature_size)
        ):
            raise SettingsError(
                f"{self.name}: its features have the shapes {tuple(map_.shape)} and "
                f"{tuple(vector.shape)}\n  allowed: a map ({clips}, {self.map_channels}, t, h, w) "
                f"and a vector ({clips}, t, {self.feature_size})"
            )
        return seen


def feature_model(part: nn.Module, whose: str) -> tuple[Model, FeatureModel]:
    """Returns a module without its classifier, as a model and as one that others can be built on.

    Args:
        part: a model, or a module of one's own (:class:`OwnFeatures`); changed in place.
        whose: the option that names it, for the message.

    Raises:
        SettingsError: it offers no features.
    """
    model = part if isinstance(part, Model) else OwnFeatures(part)
    return without_classifier(model), require_features(model, whose)


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
            "method `features` (docs/focus_networks.md)"
        )
    return model


def without_classifier(model: Model) -> Model:
    """Returns a model whose classifier, which nothing reads, is taken out; changed in place."""
    for name in model.classifier:
        model.set_submodule(name, nn.Identity())
    return model
