"""What an evolution can be asked for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from connsearch.evolution.options import EvolutionOptions, StopOptions
from connsearch.flags import Flag
from connsearch.oneshot.options import SearchOptions
from connsearch.workflows.settings.run import RunSettings

_OF_THIS_WORKER = frozenset({"stop", "storage", "name", "worker", "lease"})
"""Settings that differ between workers, or between one start of a worker and the next."""


class EvolveSettings(RunSettings):
    """What :func:`~connsearch.workflows.evolve.evolve` can be asked for."""

    NAMED: ClassVar[tuple[str, ...]] = ("structure",)
    HIDDEN: ClassVar[frozenset[str]] = RunSettings.HIDDEN | {
        "training.over_connect",
        "training.warm_start",
        "training.post",
        "training.gated_connections",
        "tensorboard",
    }

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """Start structure: its name, a structure file, or an earlier run."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where to keep the study: sqlite:///FILE, postgresql+psycopg://..., mysql+pymysql://...,
    grpc://HOST:PORT or a journal file; by default a journal file in the run directory."""
    name: str | None = None
    """Name of the study in its storage; by default that of the run directory."""
    worker: str | None = None
    """Name of this worker in tables; by default its machine and process."""
    lease: float = Field(default=60.0, ge=1, allow_inf_nan=False)
    """A worker that has sent no sign of life for this many seconds counts as dead; a process that
    died on this machine is noticed at once."""
    simulate: Annotated[str | None, Flag(metavar="FITNESS")] = None
    """Use a simulated fitness and train nothing: planted, table:FILE, or with settings, such as
    planted:noise=0.02,seconds=1."""
    evolution: EvolutionOptions = EvolutionOptions()
    stop: StopOptions = StopOptions()
    training: SearchOptions = SearchOptions.of(epochs=8)  # names of default directories ask for it

    def settings(self) -> dict[str, Any]:
        """Returns everything that decides the result, as JSON values."""
        values = super().settings()
        return {key: value for key, value in values.items() if key not in _OF_THIS_WORKER}
