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
    """The directory of a search, a training or a pruned network; with --format published also the
    name or file of a structure."""
    format: Literal["torch", "onnx", "published"] = "onnx"
    """onnx needs the extra export (pip install 'connsearch[export]'); torch is a .pt2 file of
    torch.export; published is the list format of the AssembleNet code, which has the wiring and no
    weights of filters; what it cannot hold is listed."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the files; by default RUN/export/FORMAT."""
    clip: Annotated[tuple[Size, Size, Size] | None, Flag(metavar="T H W")] = None
    """Frames, height and width of the clips; by default those of the run."""
    flow_input: Annotated[bool, Flag(switch=True)] = False
    """Make flow an input of the exported network; by default the network computes it from RGB."""
    tolerance: float = Field(default=1e-4, gt=0, le=1)
    """Largest allowed difference from the original network, as a share of the largest logit."""
