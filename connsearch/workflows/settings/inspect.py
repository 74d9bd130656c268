"""What can be asked about a structure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.graph.spec import Attention
from connsearch.workflows.settings.base import WorkflowSettings
from connsearch.workflows.settings.sizes import Size


class InspectSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.inspect.inspect` can be asked for."""

    structure: Annotated[str | None, Flag(positional=True)] = None
    """The name of a structure, a structure file, a run, a pruned network, or a checkpoint; without
    one, the known names are listed."""
    num_classes: int | None = Field(default=None, ge=1, le=10**6)
    """Number of classes; by default that of the run, else 400."""
    attention: Attention | None = None
    """Use this peer-attention mode instead of the one in the structure."""
    clip: Annotated[tuple[Size, Size, Size] | None, Flag(metavar="T H W")] = None
    """Frames, height and width of a clip, for shapes and MACs; by default those of the run, else 16
    112 112."""
    peers: Annotated[bool, Flag(switch=True)] = False
    """Also show which block attends to which: the mixture of peers of every connection, how decided
    it is, and what the connections of a block agree on."""
