"""What a focus model is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connsearch.models.settings import Width

Side = Annotated[int, Field(strict=True, ge=1, le=4096)]
"""Pixels."""
Part = str | Mapping[str, Any]
"""The name of a network or a structure, or its model document."""


class FocusSettings(BaseModel):
    """What a focus model is made of.

    Attributes:
        glance: the network that sees whole frames.
        local: the network that sees windows.
        window: one for every ``frame``; one for all frames of a ``clip``; or a ``track``, which
            moves evenly between places at the frames that are glanced at.
        heads: of clip and track: ``running_max`` answers after the glance and after the look;
            ``sum`` (published) answers once, with the sum of both networks.
        glance_frames: how many frames of a clip are glanced at, evenly spread; None: all.
        frames: T of a clip (published: ``num_segments``).
        local_frames: how many frames of its own the local network has, in the stream ``focus``;
            where there is no such stream it sees those of ``rgb``. Not with a window for every
            frame.
        size: height and width of the frames, by which the policy is built.
        glance_size: of the frames as the glance network sees them; None: as they are.
        gated: whether the temporal gates of its parts decide; None: those of each part as the
            document of that part says.
        patch: height and width of a window (published: ``patch_size``).
        places: who chooses the windows: the policy; ``centre`` and ``random`` are the baselines
            of it that cost as much.
        order: in which frames are looked at: so that the first few cover the clip, or as they come.
        policy_hidden: width of the policy (published: ``hidden_state_dim``); None: 2048 as
            published, of a clip 1024 as published, of a track 128.
        neurons: width of the shared layer of the classifier (published: 4096).
        dropout: drop rate before every classifier.
        random_pass: learn from random windows, too, in every step.
        joint_passes: both kinds of windows go through the local network and the classifier as one
            batch; otherwise (published) one after the other, and batch norms see them apart.
        deformable: the policy chooses the height and the width of a window, too; it is resampled to
            ``patch`` (Uni-AdaFocus). Windows of other places have the side ``patch``.
        patch_min: the smallest height and width of a deformable window; the largest are those of
            the frame; None: ``patch`` (published: 96).
        guidance: the policy learns by the same windows of the map that the glance network has seen,
            and no longer by their pixels (Uni-AdaFocus: deep-feature guidance).
        size_term: times the mean of (scale - 1)^2 is added to the loss; scale is 0 at
            ``patch_min`` and 1 at the frame (published: 1 ActivityNet, 0.75 Mini-Kinetics, 0.5
            Something-Something, 0.25 Jester).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    glance: Part = "mobilenet_v2"
    local: Part = "resnet50"
    window: Literal["frame", "clip", "track"] = "frame"
    heads: Literal["running_max", "sum"] = "running_max"
    glance_frames: int | None = Field(default=None, strict=True, ge=1, le=4096)
    frames: int = Field(default=16, strict=True, ge=1, le=4096)
    local_frames: int | None = Field(default=None, strict=True, ge=1, le=4096)
    size: Side = 224
    glance_size: Side | None = None
    gated: bool | None = Field(default=None, strict=True)
    patch: Side = 128
    places: Literal["policy", "centre", "random"] = "policy"
    order: Literal["coverage", "time"] = "coverage"
    policy_hidden: Width | None = None
    neurons: Width = 4096
    dropout: float = Field(default=0.2, strict=True, ge=0, lt=1)
    random_pass: bool = Field(default=True, strict=True)
    joint_passes: bool = Field(default=False, strict=True)
    deformable: bool = Field(default=False, strict=True)
    patch_min: Side | None = None
    guidance: bool = Field(default=False, strict=True)
    size_term: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)

    @property
    def smallest(self) -> int:
        """Pixels of the smallest side of a deformable window."""
        return self.patch_min or self.patch

    @property
    def policy_width(self) -> int:
        """The width of the policy."""
        return self.policy_hidden or {"frame": 2048, "clip": 1024, "track": 128}[self.window]

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.patch > self.size:
            own = self.patch == type(self).model_fields["patch"].default
            usual, half = " (the usual number)" if own else "", max(1, self.size // 2)
            raise ValueError(
                f"--patch: a window has {self.patch} pixels{usual}, a frame has {self.size} "
                "(--size); windows are at most as large as frames\n"
                f"  cure: --patch {half} (or --model-options patch={half}), or --size {self.patch}"
            )
        if self.glance_frames is not None:
            if self.glance_frames > self.frames:
                raise ValueError(
                    f"glance_frames: read {self.glance_frames}; a clip has {self.frames} frames"
                )
            if self.window == "frame":
                raise ValueError(
                    "glance_frames: a window in every frame needs a glance at it; leave it out, or "
                    "--window clip or track"
                )
        if self.window == "frame" and self.heads == "sum":
            raise ValueError(
                "heads: a window in every frame has an answer after each; --window clip or track "
                "for the sum of both networks"
            )
        if self.window == "frame" and self.local_frames is not None:
            raise ValueError(
                "local_frames: a window in every frame needs a glance at it; leave out "
                "--focus-frames, or --window clip or track"
            )
        if not self.deformable:
            given = {"patch_min": self.patch_min is not None, "size_term": self.size_term > 0}
            for name in (name for name, is_given in given.items() if is_given):
                raise ValueError(
                    f"{name}: windows have one size; leave it out, or deformable=true as well"
                )
        if self.smallest > self.patch:
            raise ValueError(
                f"patch_min: read {self.patch_min}; windows at drawn places have {self.patch} "
                "pixels, so it is at most that (--patch)"
            )
        if self.places != "policy" and (self.deformable or self.guidance):
            name = "deformable" if self.deformable else "guidance"
            raise ValueError(
                f"{name}: is for windows that a policy chooses; leave it out, or --places policy"
            )
        return self
