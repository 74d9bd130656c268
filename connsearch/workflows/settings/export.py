"""What an export can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings
from connsearch.workflows.settings.sizes import Size


class ExportSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.export.export` can be asked for."""

    target: Annotated[str, Flag(positional=True)]
    """The directory of a search, a training or a pruning; for --format published also the name or
    the file of a structure."""
    format: Literal["torch", "onnx", "published"] = "onnx"
    """onnx needs the extra export (pip install 'connsearch[export]'); torch is a .pt2 file of
    torch.export; published is the list format of the AssembleNet code, which has the wiring and no
    weights of filters; what it cannot hold is listed."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Where the files go; by default export/FORMAT in the run."""
    clip: Annotated[tuple[Size, Size, Size] | None, Flag(metavar="T H W")] = None
    """Frames, height and width of the clips; by default those of the run."""
    flow_input: Annotated[bool, Flag(switch=True)] = False
    """Take flow as an input; otherwise it is computed inside, from RGB."""
    tolerance: float = Field(default=1e-4, gt=0, le=1)
    """The largest difference allowed, as a share of the largest logit."""
