"""A window in every frame, and an answer after each (AdaFocusV2 for untrimmed videos).

Shape letters: B clips, T frames, C channels, H W pixels, P pixels of a window, D numbers of a
vector, K classes; frames stand in the order in which they are looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import torch
from torch import Tensor

from connsearch.errors import SettingsError
from connsearch.models.count import macs_of_steps
from connsearch.models.features import Features
from connsearch.models.focus.focus import FocusModel, Look
from connsearch.models.focus.streams import resized_streams
from connsearch.models.focus.windows import cut, size_penalty, windows_at
from connsearch.models.model import LossTerm, Predictions
from connsearch.models.pixels import refuse_one_vector, rgb_clips
from connsearch.nn.focus_policy import RecurrentPolicy
from connsearch.nn.frame_order import coverage_order
from connsearch.nn.places_by_clip import places_by_clip
from connsearch.nn.running_max import RunningMax
from connsearch.nn.spread import spread


class FocusByFrame(FocusModel):
    """Glances at every frame, looks at one window of it, and answers again after each.

    A place and an answer depend only on frames that were looked at before, so that it can stop at
    any. Where the glance network sees frames together (``temporal``), all of them are glanced at
    before the first answer, which costs that much, and depends on all glances; it looks only at
    the windows of those before.

    Attributes:
        running_max: joins both features to an answer after each frame.
        exits: T.
    """

    classifier = ("running_max.heads", "glance_head.1", "local_head.1")
    rates: Mapping[str, float] = {**FocusModel.rates, "running_max": 5.0}

    def _build(self) -> None:
        settings = self.settings
        if self._looks.temporal:
            raise SettingsError(
                f"local: {self.local.describe().name} sees frames together, and a window in every "
                "frame moves under it\n  cure: --window clip (one for all frames) or track"
            )
        self.order = (
            coverage_order(settings.frames)
            if settings.order == "coverage"
            else list(range(settings.frames))
        )
        self.exits = settings.frames
        self.policy = RecurrentPolicy(
            self._glances.map_channels, self._map_size(), settings.policy_width, self._actions
        )
        width = self._glances.feature_size + self._looks.feature_size
        self.least_clips = 2 if settings.frames == 1 else 1
        self.running_max = RunningMax(
            width, settings.neurons, settings.frames, self.num_classes, dropout=settings.dropout
        )

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        """Maps clips to the answers after every frame.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)`` in [-1, 1], frames in the order of time.

        Raises:
            DataError: there is no ``rgb``, or it is of another shape or type.
            TrainingError: a place is not finite.
        """
        frames_B3THW = self._in_order(streams)
        seen = self._seen(streams, frames_B3THW)
        if not self.training:
            places_BT2, _ = self._places(seen, frames_B3THW)
            answers_BTK, _ = self._looked(frames_B3THW, seen.vector, places_BT2)
            return Predictions(answers_BTK[:, -1], per_step=answers_BTK)
        return self.learned(frames_B3THW, seen, self._passes(seen, frames_B3THW))

    def learned(
        self, frames_B3THW: Tensor, seen: Features, passes: Mapping[str, Tensor]
    ) -> Predictions:
        """Returns answers and the terms of the loss for windows at given places.

        Args:
            frames_B3THW: in the order in which they are looked at.
            seen: what the glance network saw in them.
            passes: places ``(B, T, 2)`` by name, deformable windows four numbers each; the answer
                is that of the first.
        """
        height, width = frames_B3THW.shape[3:]
        names, found = list(passes), list[tuple[Tensor, Tensor]]()
        if self.settings.joint_passes:
            many = len(names)
            answers, looked = self._looked(
                frames_B3THW.repeat(many, 1, 1, 1, 1),
                seen.vector.repeat(many, 1, 1),
                torch.cat(self._alike(passes, (height, width))),
            )
            found = list(zip(answers.chunk(many), looked.chunk(many), strict=True))
        else:
            found = [self._looked(frames_B3THW, seen.vector, passes[name]) for name in names]
        weight = 1 / len(names)
        terms = [LossTerm("glance", self.glance_head(seen.vector))]
        for name, (answers_BTK, looked_BTD) in zip(names, found, strict=True):
            terms.append(LossTerm(name, answers_BTK, weight))
            terms.append(LossTerm(f"{name} local", self.local_head(looked_BTD), weight))
            terms += self._guided(name, seen, passes[name], (height, width), weight)
        first_BTK = found[0][0]
        return Predictions(
            first_BTK[:, -1],
            per_step=first_BTK,
            terms=tuple(terms),
            penalty=size_penalty(passes[names[0]], self.settings),
        )

    def steps(self, streams: Mapping[str, Tensor]) -> Generator[Tensor, Tensor, None]:
        """Yields the answers ``(A, K)`` after every frame; see ``models.early_exit``."""
        frames_B3THW = self._in_order(streams)
        whole = self._seen(streams, frames_B3THW) if self._glances.temporal else None
        state, largest = None, None
        for number in range(self.exits):
            one = slice(number, number + 1)
            frame_A31HW = frames_B3THW[:, :, one]
            if whole is None:
                seen = self._glance(frame_A31HW)
            else:
                seen = Features(whole.map[:, :, one], whole.vector[:, one])
            places_A12, state = self._places(seen, frames_B3THW, state, number)
            looked_A1D = self._look_at(frame_A31HW, places_A12)
            joint_AD = torch.cat([seen.vector, looked_A1D], 2)[:, 0]
            answers_AK, largest = self.running_max.step(joint_AD, number, largest)
            goes_on_A = yield answers_AK
            if not goes_on_A.all():
                frames_B3THW, largest = frames_B3THW[goes_on_A], largest[goes_on_A]
                state = None if state is None else state[:, goes_on_A]
                if whole is not None:
                    whole = Features(whole.map[goes_on_A], whole.vector[goes_on_A])

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        """Returns multiply-accumulates of one clip until each exit; see ``models.early_exit``."""
        heads = 0
        if training_heads:
            heads = (self._glances.feature_size + self._looks.feature_size) * self.num_classes
        if self._glances.temporal:
            costs = macs_of_steps(self, shapes)
        else:  # a frame costs what any other costs
            (one,) = macs_of_steps(self, shapes, first=1)
            costs = tuple(one * number for number in range(1, self.exits + 1))
        once = self._guide_macs if training_heads else 0
        return tuple(cost + number * heads + once for number, cost in enumerate(costs, 1))

    def look(self, streams: Mapping[str, Tensor]) -> Look:
        """Returns where it looks in clips, in evaluation; a step is a frame."""
        frames_B3THW = self._in_order(streams)
        seen = self._seen(streams, frames_B3THW)
        places_BT2, _ = self._places(seen, frames_B3THW)
        answers_BTK, _ = self._looked(frames_B3THW, seen.vector, places_BT2)
        height, width = frames_B3THW.shape[3:]
        found = windows_at(places_BT2, (height, width), self.settings)
        return Look(found.boxes(self.settings.patch), tuple(self.order), answers_BTK)

    def _in_order(self, streams: Mapping[str, Tensor]) -> Tensor:
        """The frames in the order in which they are looked at."""
        clips_B3THW = rgb_clips(streams)
        frames, height, width = clips_B3THW.shape[2:]
        self._check_clip(frames, height, width)
        if self.training:
            refuse_one_vector(len(clips_B3THW) * frames, f"{self.name}: one frame")
        order = torch.tensor(self.order, device=clips_B3THW.device)
        return clips_B3THW.index_select(2, order)

    def _glance(self, frames_B3THW: Tensor) -> Features:
        """What a glance network that sees every frame by itself sees in them."""
        return self._glances.features(
            resized_streams({"rgb": frames_B3THW}, self.settings.glance_size)
        )

    def _seen(self, streams: Mapping[str, Tensor], frames_B3THW: Tensor) -> Features:
        """What the glance network sees of every frame, in the order in which they are looked at.

        Where it ends with fewer places in time than frames, each frame has that of its time.
        """
        if not self._glances.temporal:
            return self._glance(frames_B3THW)
        seen = self._glances.features(resized_streams(streams, self.settings.glance_size))
        frames = (self.settings.frames,)
        order = torch.tensor(self.order, device=seen.map.device)
        return Features(
            spread(seen.map, frames).index_select(2, order),
            spread(seen.vector, frames, first=1).index_select(1, order),
        )

    def _passes(self, seen: Features, shown: Tensor) -> dict[str, Tensor]:
        """The places of all windows of a step of the training, by the name of their pass."""
        places_BT2, _ = self._places(seen, shown)
        passes = {self.settings.places: places_BT2}
        if self.settings.places == "policy" and self.settings.random_pass:
            passes["random"] = torch.rand_like(places_BT2[..., :2])
        return passes

    def _places(
        self, seen: Features, shown: Tensor, state: Tensor | None = None, first: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Places ``(B, T, 2)`` in frames, and the state of the policy behind them.

        Those of deformable windows have four numbers. The gradient stops here: what the policy
        learns changes nothing about the glance network.
        """
        maps_BTChw = seen.map.detach().transpose(1, 2)
        clips, frames = maps_BTChw.shape[:2]
        if self.settings.places == "policy":
            self._check_map(maps_BTChw)
            return self.policy(maps_BTChw, state)
        if self.settings.places == "centre":
            return torch.full((clips, frames, 2), 0.5, device=maps_BTChw.device), None
        if self.training:
            return torch.rand((clips, frames, 2), device=maps_BTChw.device), None
        return places_by_clip(shown, frames, first=first), None

    def _look_at(self, frames_B3THW: Tensor, places_BT2: Tensor) -> Tensor:
        """What the local network sees in the windows, ``(B, T, D)``."""
        windows = cut({"rgb": frames_B3THW}, self._pixels(places_BT2), self.settings)
        return self._looks.features(windows).vector

    def _looked(
        self, frames_B3THW: Tensor, glanced_BTD: Tensor, places_BT2: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The answers ``(B, T, K)`` for windows at places, and what the local network saw."""
        looked_BTD = self._look_at(frames_B3THW, places_BT2)
        return self.running_max(torch.cat([glanced_BTD, looked_BTD], 2)), looked_BTD
