"""What a discretisation gap can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from connsearch.analysis.score_options import LearnedScore
from connsearch.errors import SettingsError, UnknownNameError
from connsearch.flags import Flag
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.options import build_criterion, criterion_at
from connsearch.workflows.settings.base import WorkflowSettings


class GapSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.gap.gap` can be asked for."""

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    shares: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9)
    """Thresholds to compare: values of the first parameter of the criterion (relative: share,
    threshold: minimum, top_k: k)."""
    criterion: str = "relative"
    """Criterion, applied to the scores; other parameters may follow a colon, as in
    random:seed=3."""
    scores: LearnedScore = "weight"
    """What the criterion compares: the learned weight; or gate: the weight times the share of val
    for which the temporal gate of the connection is open."""
    peers: int = Field(default=1, ge=1)
    """Number of peers to keep for each connection (attention mode peer); a small number is part of
    the gap."""
    tune_steps: int = Field(default=50, ge=0)
    """Training steps of the fine-tuned stage, with the learning rates and schedule of the search; 0
    skips this stage."""
    scratch: bool = False
    """Also train each wiring from new weights, for as long as the search."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Seed of the trainings; by default that of the search."""
    limit: float | None = Field(default=None, ge=0, le=1)
    """Largest loss of accuracy from soft to masked; above it the command fails (exit code 1) after
    everything is written."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/gap."""

    @field_validator("criterion")
    @classmethod
    def _known(cls, spec: str) -> str:
        try:
            CRITERIA[spec.partition(":")[0]]
        except UnknownNameError as error:
            raise ValueError(str(error)) from None
        return spec

    @model_validator(mode="after")
    def _usable(self) -> GapSettings:
        if not self.shares:
            raise ValueError("read no shares; give one at least")
        for share in self.shares:
            try:
                build_criterion(criterion_at(self.criterion, share))
            except (SettingsError, UnknownNameError) as error:
                raise ValueError(f"read shares {self.shares}: {error}") from None
        return self
