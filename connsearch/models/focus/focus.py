"""What focus models have in common: their parts, where they look, how much of the rate each learns.

Shape letters: B clips, T frames, C channels, H W pixels, S steps, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from connsearch.models.count import without_numbers
from connsearch.models.document import ModelDocument
from connsearch.models.features import FeatureModel, require_features
from connsearch.models.focus.parts import build_part, map_size, part_document
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.model import Model, model_of
from connsearch.nn.layers import dense
from connsearch.nn.layout import lay_out
from connsearch.nn.seeded import seeded

KIND = "adafocus"


class Look(NamedTuple):
    """Where a model has looked, and what it answered.

    Attributes:
        windows: (B, S, 4), in pixels of the frame: top, left, height, width.
        frames: (S,), the frame (its place in time) of each window.
        answers: (B, S, K), after each step.
    """

    windows: Tensor
    frames: tuple[int, ...]
    answers: Tensor


class FocusModel(Model):
    """A glance network, a local network, a policy between them and what joins their features.

    Args:
        settings: what it is made of.
        num_classes: K.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of clips.

    Attributes:
        glance: the glance network, without classifier.
        local: the local network, likewise.
        policy: chooses the windows.
        glance_head: classifies what the glance network has seen of a frame, in training alone.
        local_head: likewise for a window.
    """

    modalities = ("rgb",)
    rates: Mapping[str, float] = {"glance": 0.5, "glance_head": 0.5, "policy": 0.1}

    def __init__(
        self,
        settings: FocusSettings,
        num_classes: int,
        *,
        name: str = KIND,
        seed: int | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
    ) -> None:
        super().__init__()
        self.num_classes, self.name = num_classes, name
        glance = part_document(settings.glance, "glance")
        local = part_document(settings.local, "local")
        parts = {"glance": glance.to_json(), "local": local.to_json()}
        self.settings = settings.model_copy(update=parts)
        self.memory_format = memory_format
        with seeded(seed):
            self.glance = build_part(glance, "glance")
            self.local = build_part(local, "local")
            self.glance_head = self._head(self._glances.feature_size)
            self.local_head = self._head(self._looks.feature_size)
            self._build()
        lay_out(self, memory_format)

    @property
    def _glances(self) -> FeatureModel:
        """The glance network as what it is here for."""
        return require_features(self.glance, "glance")

    @property
    def _looks(self) -> FeatureModel:
        """The local network, likewise."""
        return require_features(self.local, "local")

    def _head(self, width: int) -> nn.Sequential:
        return nn.Sequential(nn.Dropout(self.settings.dropout), dense(width, self.num_classes))

    def _build(self) -> None:
        """Makes the policy and what joins the features."""
        raise NotImplementedError

    def _map_size(self) -> tuple[int, int]:
        """Height and width of the feature map of the glance network."""
        size = self.settings.glance_size or self.settings.size
        empty = require_features(model_of(without_numbers(self.glance)), "glance")
        return map_size(empty, self.settings.frames, size)

    def look(self, streams: Mapping[str, Tensor]) -> Look:
        """Returns where it looks in clips, in evaluation."""
        raise NotImplementedError

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.model_dump(mode="json")}
        return ModelDocument(KIND, self.name, settings)
