"""What a training can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from connsearch.flags import Flag
from connsearch.runs.recorded import recorded_data
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
    training: TrainOptions = TrainOptions()

    @classmethod
    def inherited(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the data settings of the run the target comes from."""
        return self_divided(recorded_data(values["target"]), values)
