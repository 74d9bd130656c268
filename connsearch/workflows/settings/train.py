"""What a training can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator

from connsearch.flags import Flag
from connsearch.models.exit_options import ALL, ExitOptions
from connsearch.models.focus.options import FocusOptions
from connsearch.runs.recorded import recorded_data
from connsearch.settings.nesting import merged
from connsearch.settings.pairs import pairs, values_of
from connsearch.training.options import TrainOptions
from connsearch.workflows.settings.folds import FoldedSettings, self_divided


class TrainSettings(FoldedSettings):
    """What :func:`~connsearch.workflows.train.train` can be asked for."""

    NAMED: ClassVar[tuple[str, ...]] = ("target", "from_scratch", "folds")

    target: Annotated[str, Flag(positional=True)]
    """The directory of a pruned network or a run (training continues from its weights), or the name
    or file of a structure, or the name of another model, such as r3d_18 (trained from scratch);
    `connsearch models` lists all names."""
    from_scratch: Annotated[bool, Flag(switch=True)] = False
    """Start from new weights; keep the wiring with its connection weights, or the settings of the
    model."""
    model_options: Annotated[tuple[str, ...] | None, Flag(metavar="NAME=VALUE ...", rare=True)] = (
        None
    )
    """Settings of a model by name that are to differ from its usual ones, or with --from-scratch
    from those of the run, such as: --model-options stem_pool=false expansion=4
    (docs/models.md)."""
    focus: FocusOptions = FocusOptions()
    depth: ExitOptions = ExitOptions()
    training: TrainOptions = TrainOptions()

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns what is recorded; ``segments`` says frames and sampler of the clips, too."""
        start = super().recorded(values)
        segments = values["focus"]["segments"]
        if segments is None:
            return start
        return merged(start, {"data": {"clips": {"frames": segments, "sampler": "segments"}}})

    def in_the_name(self) -> dict[str, Any]:
        """Returns the settings that the name tells: with exits after all levels, these too."""
        named = super().in_the_name()
        return {**named, "depth": {"exits": ALL}} if self.depth.exits == ALL else named

    @model_validator(mode="after")
    def _as_many_frames(self) -> TrainSettings:
        segments, frames = self.focus.segments, self.data.clips.frames
        if segments not in (None, frames):
            raise ValueError(
                f"--segments {segments} and --frames {frames}: the frames of a clip are one of "
                "each segment; leave one of the two out"
            )
        return self

    @field_validator("model_options", mode="before")
    @classmethod
    def _in_one_spelling(cls, value: object) -> object:
        return pairs(value) if value else None

    def options_of_model(self) -> dict[str, Any]:
        """Returns the settings of the model that were asked for, by name."""
        return values_of(self.model_options or ())

    @classmethod
    def inherited(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the data settings of the run the target comes from."""
        return self_divided(recorded_data(values["target"]), values)
