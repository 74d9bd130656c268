"""A window that glides through a clip: an answer after the glance, and one after the look.

For local networks that see frames together, such as searched structures and 3D networks: their
layers over time, and flow, need a window that does not jump.

Shape letters: B clips, T frames, G frames that are glanced at, t places in time, C channels, H W
pixels, P pixels of a window, D numbers of a vector, K classes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import torch
from torch import Tensor

from connsearch.errors import DataError
from connsearch.models.count import macs_of_steps
from connsearch.models.features import Features
from connsearch.models.focus.focus import FocusModel, Look
from connsearch.models.focus.parts import empty_features
from connsearch.models.focus.streams import resized_streams, whole_streams, windows_of
from connsearch.models.model import LossTerm, Predictions
from connsearch.models.pixels import rgb_clips
from connsearch.nn.crop import corners_of
from connsearch.nn.glance_then_look import GlanceThenLook
from connsearch.nn.track import TrackPolicy, between, evenly_spread


class FocusByTrack(FocusModel):
    """Glances at frames of a clip, then looks at a window that moves evenly between their places.

    Every place depends on all glances. Before the look there is an answer from the glances alone,
    so that a clip may stop there.

    Attributes:
        glanced: the frames that are glanced at.
        joined: makes both answers.
        exits: 2.
    """

    exits = 2
    classifier = ("joined.heads", "glance_head.1", "local_head.1")
    rates: Mapping[str, float] = {**FocusModel.rates, "joined": 5.0}

    def _build(self) -> None:
        settings = self.settings
        self.glanced = evenly_spread(settings.frames, settings.glance_frames or settings.frames)
        self.policy = TrackPolicy(
            self._glances.map_channels, self._map_size(), settings.policy_width
        )
        self.joined = GlanceThenLook(
            self._glances.feature_size,
            self._looks.feature_size,
            settings.neurons,
            self.num_classes,
            dropout=settings.dropout,
        )
        if settings.places == "random":
            self.register_buffer("table", torch.rand(2, 2))
        self.table: Tensor

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        """Maps clips to the answers after the glance and after the look.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)`` in [-1, 1], frames in the order of time; and what
                else its networks read.

        Raises:
            DataError: a stream is missing, or of another shape or type; or, in training, there is
                one clip, whose features no batch normalisation can normalise.
            TrainingError: a place is not finite.
        """
        frames = self._checked(streams)
        seen = self._seen(streams)
        whole = whole_streams(streams, self._looks)
        if not self.training:
            answers_B2K, _ = self._looked(whole, seen, self._places(seen, frames))
            return Predictions(answers_B2K[:, -1], per_step=answers_B2K)
        return self.learned(whole, seen, self._passes(seen, frames))

    def learned(
        self, whole: Mapping[str, Tensor], seen: Features, passes: Mapping[str, Tensor]
    ) -> Predictions:
        """Returns answers and the terms of the loss for windows at given places.

        Args:
            whole: the streams of the local network, of whole frames.
            seen: what the glance network saw.
            passes: places ``(B, T, 2)`` by name; the answer is that of the last.
        """
        weight = 1 / len(passes)
        terms = [LossTerm("glance", self.glance_head(seen.vector))]
        answers_B2K = None
        for name, places_BT2 in passes.items():
            answers_B2K, looked_BtD = self._looked(whole, seen, places_BT2)
            terms.append(LossTerm(name, answers_B2K, weight))
            terms.append(LossTerm(f"{name} local", self.local_head(looked_BtD), weight))
        assert answers_B2K is not None, "there is a pass at least"
        return Predictions(answers_B2K[:, -1], per_step=answers_B2K, terms=tuple(terms))

    def steps(self, streams: Mapping[str, Tensor]) -> Generator[Tensor, Tensor, None]:
        """Yields the answers ``(A, K)`` after the glance, then after the look."""
        frames = self._checked(streams)
        seen = self._seen(streams)
        glance_AD = seen.vector.mean(1)
        answers_AK, found_AN = self.joined.glanced(glance_AD)
        goes_on_A = yield answers_AK
        if not goes_on_A.all():
            streams = {name: stream[goes_on_A] for name, stream in streams.items()}
            seen = Features(seen.map[goes_on_A], seen.vector[goes_on_A])
            glance_AD, found_AN = glance_AD[goes_on_A], found_AN[goes_on_A]
        whole = whole_streams(streams, self._looks)
        looked_AtD = self._look_at(whole, self._places(seen, frames))
        yield self.joined.looked(glance_AD, looked_AtD.mean(1), found_AN)

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        """Returns multiply-accumulates of one clip until each exit; see ``models.early_exit``."""
        glance, whole = macs_of_steps(self, shapes)
        if not training_heads:
            return glance, whole
        settings, side = self.settings, shapes["rgb"][2]
        heads = [
            empty_features(part, frames, size).vector.numel() * self.num_classes
            for part, frames, size in (
                (self.glance, len(self.glanced), settings.glance_size or side),
                (self.local, settings.frames, settings.patch),
            )
        ]
        return glance + heads[0], whole + sum(heads)

    def look(self, streams: Mapping[str, Tensor]) -> Look:
        """Returns where it looks in clips, in evaluation; a step is a frame.

        All steps have the last answer: there is none between the frames.
        """
        frames = self._checked(streams)
        seen = self._seen(streams)
        places_BT2 = self._places(seen, frames)
        whole = whole_streams(streams, self._looks)
        answers_B2K, _ = self._looked(whole, seen, places_BT2)
        corners_BT2 = self._corners(places_BT2, whole)
        sides_BT2 = torch.full_like(corners_BT2, float(self.settings.patch))
        answers_BTK = answers_B2K[:, -1:].expand(-1, frames, -1)
        return Look(torch.cat([corners_BT2, sides_BT2], 2), tuple(range(frames)), answers_BTK)

    def _checked(self, streams: Mapping[str, Tensor]) -> int:
        clips, _, frames, height, width = rgb_clips(streams).shape
        self._check_clip(frames, height, width)
        if self.training and clips == 1:
            raise DataError(
                f"{self.name}: one clip alone cannot be normalised in training\n"
                "  cure: another --batch-size, so that no batch has one clip (the last of an epoch "
                "is what is left)"
            )
        return frames

    def _seen(self, streams: Mapping[str, Tensor]) -> Features:
        """What the glance network sees in the frames it is shown."""
        if len(self.glanced) < self.settings.frames:
            chosen = torch.tensor(self.glanced, device=streams["rgb"].device)
            streams = {name: x.index_select(2, chosen) for name, x in streams.items()}
        return self._glances.features(resized_streams(streams, self.settings.glance_size))

    def _passes(self, seen: Features, frames: int) -> dict[str, Tensor]:
        """The places of all windows of a step of the training, by the name of their pass."""
        places_BT2 = self._places(seen, frames)
        passes = {self.settings.places: places_BT2}
        if self.settings.places == "policy" and self.settings.random_pass:
            passes = {"random": self._random(places_BT2, frames), **passes}
        return passes

    def _places(self, seen: Features, frames: int) -> Tensor:
        """Places ``(B, T, 2)``; what the policy learns changes nothing about the glance network."""
        maps_BCthw = seen.map.detach()
        if self.settings.places == "policy":
            self._check_map(maps_BCthw)
            return between(self.policy(maps_BCthw).float(), frames)
        centre = maps_BCthw.new_full((len(maps_BCthw), frames, 2), 0.5, dtype=torch.float32)
        if self.settings.places == "centre":
            return centre
        if self.training:
            return self._random(centre, frames)
        return between(self.table[None], frames).expand(len(maps_BCthw), -1, -1)

    @staticmethod
    def _random(like: Tensor, frames: int) -> Tensor:
        """From a random place to another one, evenly."""
        ends_B22 = torch.rand((len(like), 2, 2), device=like.device)
        return between(ends_B22, frames)

    def _corners(self, places_BT2: Tensor, whole: Mapping[str, Tensor]) -> Tensor:
        height, width = next(iter(whole.values())).shape[3:]
        patch = self.settings.patch
        return corners_of(places_BT2, (height, width), (patch, patch))

    def _look_at(self, whole: Mapping[str, Tensor], places_BT2: Tensor) -> Tensor:
        """What the local network sees in the windows, ``(B, t, D)``."""
        patch = self.settings.patch
        corners_BT2 = self._corners(places_BT2, whole)
        return self._looks.features(windows_of(whole, corners_BT2, (patch, patch))).vector

    def _looked(
        self, whole: Mapping[str, Tensor], seen: Features, places_BT2: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The answers ``(B, 2, K)`` for windows at places, and what the local network saw."""
        looked_BtD = self._look_at(whole, places_BT2)
        glance_BD = seen.vector.mean(1)
        first_BK, found_BN = self.joined.glanced(glance_BD)
        last_BK = self.joined.looked(glance_BD, looked_BtD.mean(1), found_BN)
        return torch.stack([first_BK, last_BK], 1), looked_BtD
