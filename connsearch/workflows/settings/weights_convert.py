"""What a conversion of published weights can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from connsearch.flags import Flag
from connsearch.settings.pairs import pairs, values_of
from connsearch.workflows.settings.base import WorkflowSettings
from connsearch.workflows.settings.sizes import Size


class WeightsConvertSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.weights_convert.convert_weights` can be asked for."""

    file: Annotated[str, Flag(positional=True)]
    """A file of weights: .pth, .pth.tar or .pt of torch.save, or .safetensors."""
    model: Annotated[str, Flag(metavar="NAME")]
    """The network they are for, such as r3d_18; `connsearch models` lists all names."""
    publication: Annotated[str | None, Flag(metavar="NAME")] = None
    """Whose names the file has; by default the only publication that fits the network and the
    file."""
    num_classes: int | None = Field(default=None, ge=1, le=10**6)
    """Number of classes; by default as in the file. With another number the classifier of the
    file is left out, and a new one has to be trained."""
    classes: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Names of the classes in the order of the outputs: a text file with one name a line, or JSON:
    a list, or an object of names and numbers. By default they are numbered."""
    entry: Annotated[str | None, Flag(metavar="NAME")] = None
    """The key under which the weights are in the file, such as state_dict_ema; by default
    state_dict, model_state_dict, model or net."""
    partial: Annotated[bool, Flag(switch=True)] = False
    """Take what fits by name and shape, and leave the rest of the network at its first values; by
    default everything must fit."""
    inflate: Literal["mean", "centre"] | None = None
    """The file is of the network over images (resnet50 for r3d_50): its kernels become kernels over
    clips, mean: the same at every frame, or centre: at the middle one, and 0 at the others."""
    model_options: Annotated[tuple[str, ...] | None, Flag(metavar="NAME=VALUE ...")] = None
    """Settings of the network by name that are to differ from its usual ones, such as:
    --model-options stem_pool=false expansion=4 (docs/models.md)."""
    frames: Size | None = None
    """Frames of the clips that the directory is used on; by default what the network was made
    for."""
    size: Size | None = None
    """Height and width of these clips in pixels; by default what the network was made for."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the converted weights; by default runs/weights-FILE."""

    @field_validator("model_options", mode="before")
    @classmethod
    def _in_one_spelling(cls, value: object) -> object:
        return pairs(value) if value else None

    def options_of_model(self) -> dict[str, Any]:
        """Returns the settings of the model that were asked for, by name."""
        return values_of(self.model_options or ())
