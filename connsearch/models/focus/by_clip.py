"""One window for all frames of a clip (AdaFocusV2 for clips, with or without shift in time).

For local networks that see frames together, such as searched structures, 3D networks and those with
a temporal shift: the window stays where it is.

Shape letters: B clips, T frames that are looked at, t places in time, S steps with a window (1, or
T), E exits, C channels, H W pixels, P pixels of a window, D numbers of a vector, K classes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from connsearch.errors import DataError
from connsearch.models.count import macs_of_steps
from connsearch.models.features import Features
from connsearch.models.focus.focus import FocusModel, Look
from connsearch.models.focus.parts import empty_features
from connsearch.models.focus.streams import (
    local_streams,
    resized_streams,
    whole_streams,
)
from connsearch.models.focus.windows import cut, size_penalty, windows_at
from connsearch.models.model import LossTerm, Predictions
from connsearch.models.pixels import refuse_one_vector, rgb_clips
from connsearch.nn.focus_policy import ClipPolicy
from connsearch.nn.glance_then_look import GlanceThenLook
from connsearch.nn.places_by_clip import places_by_clip
from connsearch.nn.sum_of_networks import SumOfNetworks, small_dense
from connsearch.nn.track import TrackPolicy, evenly_spread


class Glanced(NamedTuple):
    """What is known of clips after the glance.

    Attributes:
        answer: (B, K); None: there is none before the look.
        kept: what the answer after the look needs of it, each ``(B, ...)``.
    """

    answer: Tensor | None
    kept: tuple[Tensor, ...]


class FocusByClip(FocusModel):
    """Glances at frames of a clip, then looks at the same window of all frames.

    With heads ``sum`` (published) the answer is the sum of both networks'. Its classifiers learn
    alone: each network learns by a classifier of its own, which only a training needs and which
    shares its dropout, and the policy by that of the local network. With heads ``running_max``
    there is an answer from the glance alone, too, so that a clip may stop there.

    Attributes:
        glanced: the frames that are glanced at.
        joined: makes the answers.
        exits: 1, or 2.
    """

    least_clips = 2
    random_places = 1
    """Places that a random window is drawn by."""
    joined: GlanceThenLook | SumOfNetworks

    def _build(self) -> None:
        settings = self.settings
        self.glanced = evenly_spread(settings.frames, settings.glance_frames or settings.frames)
        self.policy = self._new_policy()
        self.own_frames = {} if settings.local_frames is None else {"focus": settings.local_frames}
        widths = self._glances.feature_size, self._looks.feature_size
        if settings.heads == "sum":
            self.exits = 1
            self.joined = SumOfNetworks(*widths, self.num_classes)
            for head, width in zip((self.glance_head, self.local_head), widths, strict=True):
                head[1] = small_dense(width, self.num_classes)
            self.classifier = ("joined.glance", "joined.local", "glance_head.1", "local_head.1")
            self.rates = {"glance": 0.5, "glance_head": 0.5, "joined.glance": 0.5, "policy": 0.01}
        else:
            self.exits = 2
            self.joined = GlanceThenLook(
                *widths, settings.neurons, self.num_classes, dropout=settings.dropout
            )
            self.classifier = ("joined.heads", "glance_head.1", "local_head.1")
            self.rates = {**FocusModel.rates, "joined": 5.0}

    def _new_policy(self) -> ClipPolicy | TrackPolicy:
        """Returns the policy: maps ``(B, C, t, h, w)`` to places ``(B, G, 2)``."""
        settings = self.settings
        size = settings.glance_size or settings.size
        frames = empty_features(self.glance, len(self.glanced), size).map.shape[2]
        return ClipPolicy(
            self._glances.map_channels,
            self._map_size(),
            frames,
            settings.policy_width,
            self._actions,
        )

    def _steps(self, places_BG2: Tensor, frames: int) -> Tensor:
        """The places ``(B, S, 2)`` of windows in T frames, by those of the policy or drawn ones."""
        return places_BG2

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        """Maps clips to their answers.

        Args:
            streams: ``rgb`` ``(B, 3, frames, H, W)`` in [-1, 1], frames in the order of time; what
                else its networks read; and ``focus`` where the local network has frames of its
                own, ``(B, 3, T, H, W)``. Without that it looks at those of ``rgb``.

        Raises:
            DataError: a stream is missing, or of another shape or type; or, in training, there is
                one clip, whose features no batch normalisation can normalise.
            TrainingError: a place is not finite.
        """
        frames = self._checked(streams)
        seen = self._seen(streams)
        whole = self._whole(streams)
        if not self.training:
            places_BS2 = self._places(seen, streams["rgb"], frames)
            answers_BEK = self._answers(whole, seen, places_BS2)
            return Predictions(answers_BEK[:, -1], per_step=answers_BEK)
        return self.learned(whole, seen, self._passes(seen, streams["rgb"], frames))

    def learned(
        self, whole: Mapping[str, Tensor], seen: Features, passes: Mapping[str, Tensor]
    ) -> Predictions:
        """Returns answers and the terms of the loss for windows at given places.

        Args:
            whole: the streams of the local network, of whole frames.
            seen: what the glance network saw.
            passes: places ``(B, S, 2)`` by name, deformable windows four numbers each; the answer
                is that of the last.
        """
        weight = 1 / len(passes)
        glance_BtD = self._dropped(self.glance_head, seen.vector)
        glanced = self._after_glance(glance_BtD)
        terms = [LossTerm("glance", self._trained(self.glance_head, glance_BtD))]
        answers_BEK = None
        for name, found_BtD in self._looked(whole, passes).items():
            vectors_BtD = self._dropped(self.local_head, found_BtD)
            answers_BEK = self._after_look(glanced, vectors_BtD)
            terms.append(LossTerm(name, answers_BEK, weight))
            local_BSK = self._trained(self.local_head, vectors_BtD)
            terms.append(LossTerm(f"{name} local", local_BSK, weight))
            terms += self._guided(name, seen, passes[name], _frame(whole), weight)
        assert answers_BEK is not None, "there is a pass at least"
        penalty = size_penalty(passes[list(passes)[-1]], self.settings)
        return Predictions(
            answers_BEK[:, -1], per_step=answers_BEK, terms=tuple(terms), penalty=penalty
        )

    def steps(self, streams: Mapping[str, Tensor]) -> Generator[Tensor, Tensor, None]:
        """Yields the answers ``(A, K)``: with two exits after the glance, then after the look."""
        frames = self._checked(streams)
        seen = self._seen(streams)
        glanced = self._after_glance(self._dropped(self.glance_head, seen.vector))
        if glanced.answer is not None:
            goes_on_A = yield glanced.answer
            if not goes_on_A.all():
                streams = {name: stream[goes_on_A] for name, stream in streams.items()}
                seen = Features(seen.map[goes_on_A], seen.vector[goes_on_A])
                kept = tuple(x[goes_on_A] for x in glanced.kept)
                glanced = glanced._replace(answer=glanced.answer[goes_on_A], kept=kept)
        places_AS2 = self._places(seen, streams["rgb"], frames)
        found_AtD = self._look_at(self._whole(streams), places_AS2)
        vectors_AtD = self._dropped(self.local_head, found_AtD)
        yield self._after_look(glanced, vectors_AtD)[:, -1]

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        """Returns multiply-accumulates of one clip until each exit; see ``models.early_exit``."""
        if self.own_frames and "focus" not in shapes:
            channels, _, height, width = shapes["rgb"]
            shapes = {**shapes, "focus": (channels, self.own_frames["focus"], height, width)}
        costs = macs_of_steps(self, shapes)
        if not training_heads:
            return costs
        settings, side = self.settings, shapes["rgb"][2]
        glance, local = (
            empty_features(part, frames, size).vector.numel() * self.num_classes
            for part, frames, size in (
                (self.glance, len(self.glanced), settings.glance_size or side),
                (self.local, shapes.get("focus", shapes["rgb"])[1], settings.patch),
            )
        )
        glance += self._guide_macs
        return (*(cost + glance for cost in costs[:-1]), costs[-1] + glance + local)

    def look(self, streams: Mapping[str, Tensor]) -> Look:
        """Returns where it looks in clips, in evaluation; a step is a frame that is looked at.

        All steps have the last answer: there is none between the frames.
        """
        frames = self._checked(streams)
        seen = self._seen(streams)
        places_BS2 = self._places(seen, streams["rgb"], frames)
        whole = self._whole(streams)
        answers_BEK = self._answers(whole, seen, places_BS2)
        found = windows_at(places_BS2, _frame(whole), self.settings)
        return Look(
            found.boxes(self.settings.patch).expand(-1, frames, -1),
            tuple(range(frames)),
            answers_BEK[:, -1:].expand(-1, frames, -1),
            "focus" if "focus" in streams else "rgb",
        )

    def _checked(self, streams: Mapping[str, Tensor]) -> int:
        """Refuses clips of another form; returns how many frames are looked at."""
        clips, _, frames, height, width = rgb_clips(streams).shape
        self._check_clip(frames, height, width)
        if self.training:
            refuse_one_vector(clips, f"{self.name}: one clip")
        if "focus" not in streams:
            return frames
        found, *sides = rgb_clips({"rgb": streams["focus"]}).shape[2:]
        wanted = self.settings.local_frames or found
        if found != wanted or min(sides) < self.settings.patch:
            side = self.settings.patch
            raise DataError(
                f"{self.name} looks at windows of {side} pixels in {wanted} frames (stream focus), "
                f"the clips have {found} of {sides[0]}x{sides[1]}\n"
                f"  cure: --focus-frames {wanted}, and a --size of {side} at least"
            )
        return found

    def _seen(self, streams: Mapping[str, Tensor]) -> Features:
        """What the glance network sees in the frames it is shown."""
        streams = {name: x for name, x in streams.items() if name != "focus"}
        if len(self.glanced) < self.settings.frames:
            chosen = torch.tensor(self.glanced, device=streams["rgb"].device)
            streams = {name: x.index_select(2, chosen) for name, x in streams.items()}
        return self._glances.features(resized_streams(streams, self.settings.glance_size))

    def _whole(self, streams: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The streams of the local network, of whole frames."""
        return whole_streams(local_streams(streams), self._looks)

    def _passes(self, seen: Features, clips: Tensor, frames: int) -> dict[str, Tensor]:
        """The places of all windows of a step of the training, by the name of their pass."""
        places_BS2 = self._places(seen, clips, frames)
        passes = {self.settings.places: places_BS2}
        if self.settings.places == "policy" and self.settings.random_pass:
            passes = {"random": self._random(places_BS2, frames), **passes}
        return passes

    def _places(self, seen: Features, clips: Tensor, frames: int) -> Tensor:
        """Places ``(B, S, 2)``; what the policy learns changes nothing about the glance network."""
        maps_BCthw = seen.map.detach()
        if self.settings.places == "policy":
            self._check_map(maps_BCthw)
            return self._steps(self.policy(maps_BCthw), frames)
        if self.settings.places == "centre":
            drawn = maps_BCthw.new_full((1, self.random_places, 2), 0.5, dtype=torch.float32)
        elif self.training:
            return self._random(maps_BCthw, frames)
        else:
            drawn = places_by_clip(clips, self.random_places)
        return self._steps(drawn, frames).expand(len(maps_BCthw), -1, -1)

    def _random(self, like: Tensor, frames: int) -> Tensor:
        drawn = torch.rand((len(like), self.random_places, 2), device=like.device)
        return self._steps(drawn, frames)

    def _looked(
        self, whole: Mapping[str, Tensor], passes: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """What the local network sees in the windows of each pass, ``(B, t, D)``."""
        many = len(passes)
        if self.settings.joint_passes and many > 1:
            again = {name: torch.cat([x] * many) for name, x in whole.items()}
            found = self._look_at(again, torch.cat(self._alike(passes, _frame(whole))))
            return dict(zip(passes, found.chunk(many), strict=True))
        return {name: self._look_at(whole, places) for name, places in passes.items()}

    def _look_at(self, whole: Mapping[str, Tensor], places_BS2: Tensor) -> Tensor:
        """What the local network sees in the windows, ``(B, t, D)``."""
        return self._looks.features(cut(whole, self._pixels(places_BS2), self.settings)).vector

    def _answers(self, whole: Mapping[str, Tensor], seen: Features, places_BS2: Tensor) -> Tensor:
        """The answers ``(B, E, K)`` for windows at places."""
        glanced = self._after_glance(self._dropped(self.glance_head, seen.vector))
        vectors_BtD = self._look_at(whole, places_BS2)
        return self._after_look(glanced, self._dropped(self.local_head, vectors_BtD))

    def _dropped(self, head: nn.Sequential, vectors_BtD: Tensor) -> Tensor:
        """What a network has seen; of heads ``sum``, dropped out once for both of its heads."""
        return head[0](vectors_BtD) if isinstance(self.joined, SumOfNetworks) else vectors_BtD

    def _trained(self, head: nn.Sequential, vectors_BtD: Tensor) -> Tensor:
        """What a network learns by, ``(B, S, K)``."""
        if isinstance(self.joined, SumOfNetworks):
            return head[1](vectors_BtD).mean(1, keepdim=True)
        return head(vectors_BtD)

    def _after_glance(self, vectors_BtD: Tensor) -> Glanced:
        if isinstance(self.joined, SumOfNetworks):
            return Glanced(None, (self.joined.glanced(vectors_BtD),))
        glance_BD = vectors_BtD.mean(1)
        answer_BK, found_BN = self.joined.glanced(glance_BD)
        return Glanced(answer_BK, (glance_BD, found_BN))

    def _after_look(self, glanced: Glanced, vectors_BtD: Tensor) -> Tensor:
        """The answers ``(B, E, K)``."""
        if isinstance(self.joined, SumOfNetworks):
            return (glanced.kept[0] + self.joined.looked(vectors_BtD)).unsqueeze(1)
        assert glanced.answer is not None, "there are two exits"
        glance_BD, found_BN = glanced.kept
        last_BK = self.joined.looked(glance_BD, vectors_BtD.mean(1), found_BN)
        return torch.stack([glanced.answer, last_BK], 1)


def _frame(whole: Mapping[str, Tensor]) -> tuple[int, int]:
    """Height and width of the frames."""
    height, width = next(iter(whole.values())).shape[3:]
    return height, width
