"""What a study of stability can be asked for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from connsearch.flags import Flag
from connsearch.oneshot.options import SearchOptions
from connsearch.pruning.options import PruneOptions
from connsearch.workflows.settings.run import RunSettings


class StabilitySettings(RunSettings):
    """What :func:`~connsearch.workflows.stability.stability` can be asked for."""

    NAMED: ClassVar[tuple[str, ...]] = ("structure",)

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """The name of a structure (see `connsearch inspect`), a structure file, or an earlier run."""
    searches: int = Field(default=4, ge=2, le=1000)
    """Number of searches, with the seeds --seed, --seed + 1 and so on."""
    training: SearchOptions = SearchOptions()
    pruning: PruneOptions = PruneOptions()

    def settings(self) -> dict[str, Any]:
        """Returns everything that decides a search, as JSON values."""
        values = super().settings()
        return {k: v for k, v in values.items() if k not in ("searches", "pruning")}
