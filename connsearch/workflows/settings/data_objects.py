"""What making object maps can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings

_Side = Annotated[int, Field(ge=1, le=8192)]
_Colour = Annotated[float, Field(ge=-1e3, le=1e3, allow_inf_nan=False)]
_Spread = Annotated[float, Field(gt=0, le=1e3, allow_inf_nan=False)]
_Colours = tuple[_Colour, _Colour, _Colour]
_Spreads = tuple[_Spread, _Spread, _Spread]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of pixels of 0 to 1, as most published segmentation networks expect them."""

_STORED = {"levels", "rate", "start", "frames"}
"""Settings of maps that are stored already."""

_PREDICTED = {
    *("mean", "std", "scale", "output_name", "batch", "device"),
    *("bad_share", "protocol", "videos", "media_fps"),
}
"""Settings of maps that a network makes."""


class DataObjectsSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.data_objects.data_objects` can be asked for."""

    source: Annotated[str, Flag(positional=True, metavar="SOURCE")]
    """A folder of PNG, or an npy or npz file; with --model a data set, as for --data of a
    training."""
    output: Annotated[Path, Flag(short="-o", metavar="PLACE")]
    """The file to write, ending in .npz; with --model a folder, which becomes a data set with
    object maps."""
    model: Annotated[Path | None, Flag(metavar="FILE")] = None
    """A segmentation network in ONNX, run over all videos of the data set. After an interruption,
    rerun the same command to resume."""
    map: Annotated[str | None, Flag(metavar="VALUE:CLASS,...")] = None
    """Class of each stored value, such as 0:0,255:1; all values must be named. By default the
    values are the classes."""
    levels: tuple[float, ...] = ()
    """Boundaries that turn measured values, such as temperatures, into classes: --levels 26 28 30
    makes four classes."""
    rate: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    """Row r of the source was recorded at video frame RATE * r; every frame takes the row nearest
    to it. By default a row is a frame."""
    start: int = Field(default=0, ge=0)
    """Frame of the video at which the clip starts."""
    frames: int | None = Field(default=None, ge=1)
    """Number of frames in the clip; by default as many as there are rows for."""
    size: tuple[_Side, _Side] | None = None
    """Height and width to scale to; by default as stored. Training scales maps itself. With
    --model: what the network sees, if it takes any size; by default a short side of 256 in
    multiples of 32."""
    mean: _Colours = IMAGENET_MEAN
    """With --model: a pixel becomes (PIXEL * SCALE - MEAN) / STD; of red, green and blue. A network
    that takes bytes gets them as they are."""
    std: _Spreads = IMAGENET_STD
    """Spread, likewise. The defaults of both are those of ImageNet."""
    scale: float = Field(default=1 / 255, gt=0, le=1e3, allow_inf_nan=False)
    """Scale of pixels of 0 to 255; by default 1/255."""
    output_name: str | None = None
    """The output of the network to read; by default its first."""
    batch: int = Field(default=8, ge=1, le=1024)
    """Frames at a time, if the network takes any number."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto: on a CUDA device if this onnxruntime has one."""
    bad_share: float = Field(default=0.05, ge=0.0, le=1.0)
    """Largest share of unreadable videos, which are left out and listed; above it no list is
    written."""
    protocol: str | None = None
    """Use this protocol of a published list."""
    videos: Path | None = None
    """Folder of the videos of a list."""
    media_fps: float | None = Field(default=None, ge=1e-3, le=1e6, allow_inf_nan=False)
    """Frame rate of media that do not record one, such as folders of frames."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.map is not None and self.levels:
            raise ValueError("--map renumbers classes, --levels makes them: give one of them")
        if self.model is None and self.output.suffix != ".npz":
            raise ValueError(f"--output {self.output} does not end in .npz")
        if self.model is not None and self.output.suffix == ".npz":
            raise ValueError(f"--output {self.output}: with --model it is a folder")
        idle = _STORED if self.model is not None else _PREDICTED
        usual = {name: type(self).model_fields[name].default for name in idle}
        given = sorted(name for name in idle if getattr(self, name) != usual[name])
        if given:
            when = "with" if self.model is not None else "without"
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"{options}: no effect {when} --model")
        return self
