"""Networks of images, applied to clips frame by frame.

The answer of a clip is the mean of its frames' logits, as in temporal segment networks
(arXiv 1608.00859); each frame is seen by itself, unless channels are shifted between neighbouring
frames (TSM, arXiv 1811.08383).

Shape letters: B clips, T frames, N images (B T of them where they are frames), C channels, H W
pixels, h w places of a feature map, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from torch import Tensor, nn

from connsearch.models.document import ModelDocument
from connsearch.models.features import Features
from connsearch.models.model import Model
from connsearch.models.pixels import normalised, one_number, rgb_clips
from connsearch.models.settings import Share, Spread
from connsearch.nn.images import frames_as_images, note_frames
from connsearch.nn.layers import dense
from connsearch.nn.layout import lay_out, of_images
from connsearch.nn.seeded import seeded

STRIDE = 32
"""Pixels of a frame for each place of a feature map, in height and in width."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, for pixels of 0 to 1."""
CLIP = (8, 224, 224)
"""Frames, height and width that costs are given for."""


class ImageSettings(BaseModel):
    """What all networks of images are asked for.

    Attributes:
        dropout: drop rate before the classifier, for every frame by itself.
        mean: of red, green and blue, for pixels of 0 to 1: clips, which come in [-1, 1], are
            normalised by it inside the network. The default leaves them as they are; weights of
            ImageNet expect ``IMAGENET_MEAN``.
        std: spread, likewise.
        temporal_shift: an eighth of the channels of the next frame, and an eighth of the one
            before, are what blocks see of a frame (see each kind).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dropout: float = Field(default=0.0, strict=True, ge=0, lt=1)
    mean: tuple[Share, Share, Share] = (0.5, 0.5, 0.5)
    std: tuple[Spread, Spread, Spread] = (0.5, 0.5, 0.5)
    temporal_shift: bool = Field(default=False, strict=True)

    @model_serializer(mode="wrap")
    def _as_before(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the shift where there is none: earlier documents stay as they were."""
        found = written(self)
        return (
            found
            if self.temporal_shift
            else {k: v for k, v in found.items() if k != "temporal_shift"}
        )


class ImageModel(Model):
    """A network of images, frame by frame; a kind of them says its layers.

    First values as published: kernels He-normal by fan-out (of all channels, also where each has a
    kernel of its own), scales 1, shifts 0, classifier N(0, .01) and 0.

    Args:
        settings: what it is made of.
        num_classes: number of logits.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of clips; features and kernels have that of images which belongs to
            it.

    Attributes:
        feature_size: channels of a feature map, and numbers of the vector of a frame.
        temporal: whether frames depend on their neighbours: with a shift.
    """

    modalities = ("rgb",)
    temporal: bool = False
    kind: str
    feature_size: int

    def __init__(
        self,
        settings: ImageSettings,
        num_classes: int,
        *,
        name: str,
        seed: int | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
    ) -> None:
        super().__init__()
        self.settings, self.num_classes, self.name = settings, num_classes, name
        self.memory_format, self.temporal = memory_format, settings.temporal_shift
        with seeded(seed):
            self.feature_size = self._build()
            self.dropout = nn.Dropout(settings.dropout)
            self.head = dense(self.feature_size, num_classes)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        lay_out(self, memory_format)

    def _build(self) -> int:
        """Makes all layers before the classifier; returns the channels they end with."""
        raise NotImplementedError

    def _features(self, x_NCHW: Tensor) -> Tensor:
        """Maps normalised images to ``(N, feature_size, h, w)``."""
        raise NotImplementedError

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Maps clips to logits ``(B, K)``, the mean over their frames.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)`` in [-1, 1], any T, H and W; others are not read.

        Raises:
            DataError: there is no ``rgb``, or it is of another shape or type; or, in training, a
                single frame so small that a channel ends as one number, which no batch
                normalisation can normalise.
        """
        clips_B3THW = rgb_clips(streams).contiguous(memory_format=self.memory_format)
        clips, _, frames, height, width = clips_B3THW.shape
        if self.training:
            _refuse_one_number(clips * frames, height, width)
        self._note(frames)
        features_NC = self.feature_map(frames_as_images(clips_B3THW)).mean((2, 3))
        logits_NK = self.head(self.dropout(features_NC))
        return logits_NK.unflatten(0, (clips, frames)).mean(1)

    def _note(self, frames: int) -> None:
        """Tells layers that ask for it how many frames the clips have that come next."""
        if self.training or self.temporal:
            note_frames(self, frames)

    @property
    def map_channels(self) -> int:
        """Channels of a feature map: as many as the vector has numbers."""
        return self.feature_size

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns maps and vectors of every frame; see :class:`FeatureModel`.

        Raises:
            DataError: there is no ``rgb``, or it is of another shape or type.
        """
        clips_B3THW = rgb_clips(streams).contiguous(memory_format=self.memory_format)
        clips, _, frames = clips_B3THW.shape[:3]
        self._note(frames)
        maps_NChw = self.feature_map(frames_as_images(clips_B3THW))
        vectors_ND = maps_NChw.mean((2, 3))
        maps_BTChw = maps_NChw.unflatten(0, (clips, frames))
        return Features(maps_BTChw.transpose(1, 2), vectors_ND.unflatten(0, (clips, frames)))

    def feature_map(self, x_N3HW: Tensor) -> Tensor:
        """Maps images, in [-1, 1], to ``(N, feature_size, h, w)``; h is ceil(H / 32).

        For networks that are built on this one, without a shift: frames come from
        ``nn.images.frames_as_images``, the mean over h and w is the vector that the classifier
        reads.
        """
        x_N3HW = x_N3HW.contiguous(memory_format=of_images(self.memory_format))
        return self._features(normalised(x_N3HW, self.settings.mean, self.settings.std))

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.model_dump(mode="json")}
        return ModelDocument(self.kind, self.name, settings)


def _refuse_one_number(images: int, height: int, width: int) -> None:
    if images == 1 and max(height, width) <= STRIDE:
        larger = f"--frames 2; or a --size of more than {STRIDE} pixels"
        raise one_number(f"one frame and {height}x{width} pixels", "", larger)
