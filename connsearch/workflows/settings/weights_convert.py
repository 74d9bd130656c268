"""What a conversion of published weights can be asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from connsearch.flags import Flag
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
    model_option: Annotated[tuple[str, ...], Flag(metavar="NAME=VALUE", repeats=True)] = ()
    """A setting of the network that differs from its name's, such as stem_pool=false or
    dropout=0.2; may be given several times."""
    frames: Size | None = None
    """Frames of the clips that the directory is used on; by default what the network was made
    for."""
    size: Size | None = None
    """Height and width of these clips in pixels; by default what the network was made for."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the converted weights; by default runs/weights-FILE."""

    @field_validator("model_option")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not text.partition("=")[0].strip() or "=" not in text:
                raise ValueError(f"read {text!r}; allowed: NAME=VALUE, such as stem_pool=false")
        names = [text.partition("=")[0].strip() for text in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"given twice: {', '.join(twice)}")
        return value

    @property
    def options(self) -> dict[str, Any]:
        """The settings of the network, as values: JSON, or else text."""
        pairs = (text.partition("=") for text in self.model_option)
        return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(text: str) -> Any:
    """A value as people write it: ``false`` and ``False`` are the same.

    >>> _value("False"), _value("0.2"), _value("[1, 2]"), _value("r3d")
    (False, 0.2, [1, 2], 'r3d')
    """
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    try:
        return json.loads(text)
    except ValueError:
        return text
