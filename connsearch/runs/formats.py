"""The forms of the JSON files of a run: what must be in them, and of which kind.

What a newer or an older version adds is let through; what is read here must be right.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


LossName = Literal["auto", "cross_entropy", "binary_cross_entropy"]

_Count = Annotated[int, Field(ge=0)]
_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class DataSettings(_Form):
    """How clips are cut, as far as it is read without their data set."""

    source: str = ""
    frames: Annotated[int, Field(ge=1, le=4096)] = 1
    size: Annotated[int, Field(ge=1, le=4096)] = 1


class TrainingSettings(_Form):
    """How the network was trained, as far as it is read without training."""

    loss: LossName = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None


class Settings(_Form):
    """The settings of a command."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()


class Facts(_Form):
    """What was found out about the data."""

    data: str = ""
    classes: list[str] = []
    first_weights: str = ""


class Environment(_Form):
    """What a run computes with."""

    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    threads: Annotated[int, Field(ge=1, le=4096)]
    versions: dict[str, Any] = {}


class Rungs(_Form):
    """The steps at which a child of an evolution says how well it does."""

    at: list[int] = []


class Inherited(_Form):
    """What a child of an evolution started from."""

    parent: int | None = Field(alias="from")


class Transplanted(_Form):
    """How much of a child came from its parent."""

    share: float


class Recorded(_Form):
    """What ``config.json`` and ``prune.json`` both say."""

    settings: Settings = Settings()
    facts: Facts = Facts()


class Config(Recorded):
    """``config.json`` of a run."""

    connsearch: str
    command: str
    environment: Environment | None = None
    rungs: Rungs = Rungs()
    inherited: bool | Inherited | None = None
    transplanted: Transplanted = Transplanted(share=0.0)

    @model_validator(mode="after")
    def _begun(self) -> Config:
        """What is settled when a run begins stands there together, or not at all."""
        given = {"environment", "facts"} & self.model_fields_set
        if len(given) == 1 or (given and self.environment is None):
            raise ValueError("environment and facts of a run that has begun stand together")
        return self


class Alarm(_Form):
    """Weights that a search is not sure of."""

    kind: str
    what: str
    edges: list[list[int]]
    of: int


class Quarantined(_Form):
    """A clip that could not be read."""

    split: str
    name: str
    reason: str
    step: int | None = None


class Result(_Form):
    """``result.json`` of a finished run."""

    metrics: dict[str, dict[str, Any]]
    """By split; see ``Metrics.from_json``."""
    steps: _Count | None = None
    seconds: _Number | None = None
    digest: str | None = None
    alarms: list[Alarm] = []
    quarantine: list[Quarantined] = []


class Tally(_Form):
    """Right answers of the running epoch."""

    epoch: _Count
    hits: _Count
    clips: _Count


class State(_Form):
    """What a checkpoint keeps beside tensors, and what decides what happens next."""

    tally: Tally
    quarantine: list[Annotated[list[str | int | bool], Field(min_length=5, max_length=5)]]
    ended: str | None
    hooks: dict[str, dict[str, Any]] = {}
    guide: dict[str, Any] = {}
    """What the hooks of a search kept together, in runs of before."""
    structure: dict[str, Any] | None = None
    """The learned structure, where it is one."""
    model: dict[str, Any] | None = None
    """The model, where it is no structure."""


class Notes(_Form):
    """What a checkpoint keeps that decides nothing."""

    seconds: _Number
    logs: dict[str, _Count]
