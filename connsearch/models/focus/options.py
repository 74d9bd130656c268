"""Options of a training that builds a focus model. Free of torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from connsearch.flags import Flag, flag
from connsearch.settings.nesting import Options


class FocusOptions(Options, title="focus model"):
    """What a focus model is built from (adafocus, adafocus-mn2-r50 ...; docs/focus_networks.md)."""

    glance: Annotated[str | None, Flag(metavar="NAME|RUN|FILE")] = None
    """Network that glances at whole frames: a name of `connsearch models`, a structure file, or the
    directory of a run, a pruned network or converted weights, whose weights it then has."""
    local: Annotated[str | None, Flag(metavar="NAME|RUN|FILE")] = None
    """Network that looks closely at windows of the frames; named likewise."""
    patch: int | None = Field(default=None, ge=1, le=4096)
    """Height and width of a window in pixels, at most --size (published: patch_size)."""
    segments: int | None = Field(default=None, ge=1, le=4096)
    """Frames of a clip, one from each of N equal parts of the video: --frames N --sampler segments
    (published: num_segments)."""
    window: Literal["frame", "clip", "track"] | None = None
    """A window for every frame, one for all frames of a clip, or one that moves evenly between
    frames that were glanced at. Local networks that see frames together need clip or track."""
    places: Literal["policy", "centre", "random"] | None = None
    """Who chooses the windows: the policy; centre and random are baselines that cost as much
    (published: random_patch)."""
    policy_hidden: int | None = Field(default=None, ge=1, le=8192)
    """Width of the policy (published: hidden_state_dim)."""
    neurons: int | None = Field(default=None, ge=1, le=8192)
    """Width of the layer that joins both networks before the running maximum (published: 4096)."""
    glance_size: int | None = Field(default=None, ge=1, le=4096)
    """Height and width that frames are resized to before the glance network sees them (published:
    glance_size); by default it sees them as they are."""
    glance_frames: int | None = Field(default=None, ge=1, le=4096)
    """Frames of a clip that are glanced at, evenly spread; by default all of them."""

    @field_validator("glance", "local", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        place = getattr(value, "directory", value)  # of a run that is given as a value
        return os.fspath(place) if isinstance(place, os.PathLike) else place

    @property
    def parts(self) -> Mapping[str, str]:
        """The networks that are named, by what they are to be."""
        named = {"glance": self.glance, "local": self.local}
        return {part: target for part, target in named.items() if target is not None}

    @property
    def given(self) -> list[str]:
        """The options that were given, as the command line has them."""
        return [flag(name) for name, value in self.model_dump().items() if value is not None]

    @property
    def model_settings(self) -> dict[str, Any]:
        """The settings of the model that were given, but for its networks, by name."""
        left_out = {"glance", "local", "segments"}
        values = self.model_dump(exclude=left_out)
        return {name: value for name, value in values.items() if value is not None}
