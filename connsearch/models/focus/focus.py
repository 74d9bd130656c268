"""What focus models have in common: their parts, where they look, how much of the rate each learns.

Shape letters: B clips, T frames, C channels, H W pixels, S steps, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError
from connsearch.models.document import ModelDocument
from connsearch.models.features import FeatureModel, Features, require_features
from connsearch.models.focus.parts import build_part, empty_features, part_document
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.focus.streams import empty_streams
from connsearch.models.focus.windows import seen_there, with_scales
from connsearch.models.gates import let_decide, temporal_gates
from connsearch.models.model import LossTerm, Model, ParameterGroups
from connsearch.nn.focus_policy import ClipPolicy, RecurrentPolicy
from connsearch.nn.layers import dense
from connsearch.nn.layout import lay_out
from connsearch.nn.seeded import seeded
from connsearch.nn.track import TrackPolicy

KIND = "adafocus"
PARTS = ("glance", "local")
"""The networks it is built on, by the names of their settings."""


class Look(NamedTuple):
    """Where a model has looked, and what it answered.

    Attributes:
        windows: (B, S, 4), in pixels of the frame: top, left, height, width.
        frames: (S,), the frame (its place in time) of each window.
        answers: (B, S, K), after each step.
        stream: whose frames they are: ``rgb``, or ``focus`` where the local network has its own.
    """

    windows: Tensor
    frames: tuple[int, ...]
    answers: Tensor
    stream: str = "rgb"


class FocusModel(Model):
    """A glance network, a local network, a policy between them and what joins their features.

    Args:
        settings: what it is made of.
        num_classes: K.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of clips.
        parts: modules that are the glance and the local network, by these names, in place of what
            the settings name; changed in place. Where one is no network of ours
            (``models.features.OwnFeatures``), only your own code can build this network again.

    Attributes:
        modalities: names of the streams it reads; ``flow`` is computed.
        glance: the glance network, without classifier.
        local: the local network, likewise.
        policy: chooses the windows.
        glance_head: classifies what the glance network has seen of a frame, in training alone.
        local_head: likewise for a window.
        guide_head: with ``guidance``, classifies what the glance network has seen of the windows;
            the policy learns by it, and nothing else needs it. Else None.
    """

    windowed = ("local",)
    by_terms = True
    rates: Mapping[str, float] = {"glance": 0.5, "glance_head": 0.5, "policy": 0.1}

    def __init__(
        self,
        settings: FocusSettings,
        num_classes: int,
        *,
        name: str = KIND,
        seed: int | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
        parts: Mapping[str, nn.Module] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.num_classes, self.name = num_classes, name
        own = {part: parts.get(part) for part in PARTS}
        glance = part_document(settings.glance, "glance", own["glance"])
        local = part_document(settings.local, "local", own["local"])
        found = {"glance": glance.to_json(), "local": local.to_json()}
        self.settings = settings.model_copy(update=found)
        self.memory_format = memory_format
        with seeded(seed):
            self.glance = build_part(glance, "glance", own["glance"])
            self.local = build_part(local, "local", own["local"])
            self.modalities = tuple(self.empty_clip((1, 1, 1)))
            self.glance_head = self._head(self._glances.feature_size)
            self.local_head = self._head(self._looks.feature_size)
            self._build()
            self.guide_head = self._guide() if settings.guidance else None
        if self.settings.gated is not None:
            let_decide(self, gated=self.settings.gated)
        self.decides_by_default = any(
            part.decides_by_default for part in (self.glance, self.local) if temporal_gates(part)
        )
        lay_out(self, memory_format)

    @property
    def _glances(self) -> FeatureModel:
        """The glance network as what it is here for."""
        return require_features(self.glance, "glance")

    @property
    def _looks(self) -> FeatureModel:
        """The local network, likewise."""
        return require_features(self.local, "local")

    def parameter_groups(self) -> ParameterGroups:
        """Returns what decides in its parts (free connections, peers) apart from all others."""
        logits = [*self.glance.parameter_groups().logits, *self.local.parameter_groups().logits]
        own = set(logits)
        return ParameterGroups(
            [p for p in self.parameters() if p not in own and p.requires_grad], logits
        )

    def gate_name(self, path: str) -> str:
        """Returns the part that a temporal gate is in, and how it is called there.

        Such as ``local node 8`` or ``glance stage2.0``.
        """
        part, _, inside = path.partition(".")
        if part not in PARTS:
            return super().gate_name(path)
        named = self.glance if part == "glance" else self.local
        return f"{part} {named.gate_name(inside)}"

    def _head(self, width: int) -> nn.Sequential:
        return nn.Sequential(nn.Dropout(self.settings.dropout), dense(width, self.num_classes))

    def _guide(self) -> nn.Module:
        """The classifier the policy learns by.

        Raises:
            SettingsError: the map of the glance network is the same everywhere.
        """
        if self._map_size() == (1, 1):
            raise SettingsError(
                f"guidance: {self.glance.describe().name} ends with a map of one place, by which "
                "no window differs from another\n  cure: larger frames (--size, --glance-size), or "
                "guidance=false"
            )
        self.classifier = (*self.classifier, "guide_head")
        return dense(self._glances.map_channels, self.num_classes)

    def _pixels(self, places_BSA: Tensor) -> Tensor:
        """Places as pixels are cut there: what has guidance does not learn by them."""
        return places_BSA if self.guide_head is None else places_BSA.detach()

    def _guided(
        self, name: str, seen: Features, places_BSA: Tensor, frame: tuple[int, int], weight: float
    ) -> tuple[LossTerm, ...]:
        """The term by which places of a pass are guided, if there is one."""
        if self.guide_head is None:
            return ()
        found_BC = seen_there(seen.map, places_BSA, frame, self.settings)
        logits_BK = self.guide_head(found_BC.to(seen.map.dtype))
        return (LossTerm(f"{name} guide", logits_BK.unsqueeze(1), weight),)

    def _alike(self, passes: Mapping[str, Tensor], frame: tuple[int, int]) -> list[Tensor]:
        """The places of passes with as many numbers each."""
        if not self.settings.deformable:
            return list(passes.values())
        return [
            with_scales(places, frame, self.settings) if places.shape[2] == 2 else places
            for places in passes.values()
        ]

    @property
    def _actions(self) -> int:
        """Numbers that the policy gives for a window."""
        return 4 if self.settings.deformable else 2

    @property
    def _guide_macs(self) -> int:
        """Multiply-accumulates of the classifier that only a training needs for its guidance."""
        return 0 if self.guide_head is None else self._glances.map_channels * self.num_classes

    policy: RecurrentPolicy | ClipPolicy | TrackPolicy

    def _build(self) -> None:
        """Makes the policy and what joins the features."""
        raise NotImplementedError

    def empty_clip(self, clip: tuple[int, int, int]) -> dict[str, Tensor]:
        """Returns a clip of (T, H, W) of every stream that it reads, on the meta device."""
        counts = {"rgb": clip[0], **self.own_frames}
        asked = {n: torch.empty(1, 3, t, *clip[1:], device="meta") for n, t in counts.items()}
        return asked | empty_streams(self._glances, *clip) | empty_streams(self._looks, *clip)

    def _map_size(self) -> tuple[int, int]:
        """Height and width of the feature map of the glance network."""
        settings = self.settings
        size = settings.glance_size or settings.size
        found = empty_features(self.glance, settings.glance_frames or settings.frames, size)
        height, width = found.map.shape[3:]
        return height, width

    def _check_clip(self, frames: int, height: int, width: int) -> None:
        """Refuses clips of another form than it was built for.

        Raises:
            DataError: another number of frames, or frames smaller than a window.
        """
        settings = self.settings
        if frames != settings.frames:
            raise DataError(
                f"{self.name} looks at {settings.frames} frames, the clips have {frames}\n"
                f"  cure: --frames {settings.frames}, or a network for {frames} (--segments)"
            )
        if min(height, width) < settings.patch:
            raise DataError(
                f"{self.name} looks at windows of {settings.patch} pixels, the frames have "
                f"{height}x{width}\n  cure: a larger --size, or a smaller --patch"
            )

    def _check_map(self, map_: Tensor) -> None:
        """Refuses maps of another size than the policy was built for.

        Raises:
            DataError: they are.
        """
        found, wanted = tuple(map_.shape[-2:]), self.policy.map_size
        if found != wanted:
            raise DataError(
                f"{self.name}: its policy reads maps of {wanted[0]}x{wanted[1]}, and these frames "
                f"leave {found[0]}x{found[1]}\n  cure: frames of {self.settings.size} pixels "
                "(--size, --eval-size), or a --glance-size, by which all frames are glanced at "
                "alike"
            )

    def look(self, streams: Mapping[str, Tensor]) -> Look:
        """Returns where it looks in clips, in evaluation."""
        raise NotImplementedError

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.model_dump(mode="json")}
        return ModelDocument(KIND, self.name, settings)
