"""How the study of an evolution can be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connsearch.flags import Flag
from connsearch.workflows.settings.base import WorkflowSettings


class EvolveServeSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.evolve_serve.evolve_serve` can be asked for."""

    run: Annotated[Path, Flag(positional=True)]
    """The directory of an evolution."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where its study is kept, if that is not in the directory: as in the command that began it."""
    host: str = "localhost"
    """The address to listen at; 0.0.0.0 for all addresses of this machine."""
    port: int = Field(default=13000, ge=1, le=65535)
    """Port to listen on."""
