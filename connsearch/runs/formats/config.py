"""``config.json`` of a run: what was asked for, and what it computes with on which data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, model_validator

from connsearch.runs.formats.form import Form, GivenForm, OpenForm
from connsearch.settings.earlier import migrated_settings

LossName = Literal["auto", "cross_entropy", "binary_cross_entropy"]


class SourceSettings(OpenForm):
    """Where clips come from."""

    source: str = ""


class ClipSettings(OpenForm):
    """How clips are cut."""

    frames: Annotated[int, Field(ge=1, le=4096)] = 8
    size: Annotated[int, Field(ge=1, le=4096)] = 32


class DataSettings(OpenForm):
    """The data, as far as it is read without opening it; all: ``DataOptions``."""

    source: SourceSettings = SourceSettings()
    clips: ClipSettings = ClipSettings()


class LossSettings(OpenForm):
    """What was minimised."""

    loss: LossName = "auto"


class ComputeSettings(OpenForm):
    """On what it was computed."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None


class TrainingSettings(OpenForm):
    """How the network was trained, as far as it is read without training; all: its options."""

    loss: LossSettings = LossSettings()
    compute: ComputeSettings = ComputeSettings()


class Settings(OpenForm):
    """The settings of a command, as far as they are read; all: the fields of the command.

    Those of an earlier version are put into their groups first.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="before")
    @classmethod
    def _in_groups(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return migrated_settings(cast("Mapping[str, Any]", value))


class SplitRecord(Form):
    """A list of clips: how many, and the hash of them."""

    clips: int
    hash: str


class RateRecord(Form):
    """Parameters that learn with a share of the learning rate.

    Attributes:
        group: what they are called together.
        factor: on the learning rate; 0: they are frozen.
        tensors: how many there are.
        parameters: how many numbers are in them.
    """

    group: str
    factor: float
    tensors: int
    parameters: int


class Facts(GivenForm):
    """Facts about the data, and the digest of the first weights.

    Attributes:
        data: the fingerprint of the data.
        reading: by which version's rules lists and clips come out of the files.
        fingerprint: what the fingerprint is made of; not recorded: names and sizes alone.
        classes: their names, in the order of the classifier.
        multi_label: whether a clip can have several classes, or none; not recorded: it cannot, or
            the run is of an earlier version.
        first_weights: digest of the first weights.
        halves: in a bilevel search the hashes of the lists before they were halved.
        class_weights: of every class in the training loss, where they are weighted.
        gate_start: the share of the training after which temporal gates decide, or ``none``; not
            recorded: the network has none.
        rates: what learns at which share of the learning rate, where not all do at the same.
    """

    data: str = ""
    reading: int | None = None
    fingerprint: str | None = None
    classes: list[str] = []
    multi_label: bool | None = None
    first_weights: str = ""
    halves: dict[str, Any] | None = None
    class_weights: dict[str, float] | None = None
    gate_start: float | Literal["none"] | None = None
    rates: list[RateRecord] | None = None


class Environment(Form):
    """What a run computes with."""

    device: Literal["cpu", "cuda"]
    precision: Literal["fp32", "bf16", "fp16"]
    threads: Annotated[int, Field(ge=1, le=4096)]
    processor: Any = None
    platform: Any = None
    versions: dict[str, Any] = {}


class Recorded(Form):
    """The common part of ``config.json`` and ``prune.json``."""

    settings: Settings = Settings()
    facts: Facts = Facts()


class ChildRecord(Form):
    """Which child of an evolution a run judges.

    Attributes:
        number: of the child.
        evaluation: how often it was judged before.
        nodes: its rows, as published.
        kinds: further facts of single nodes and connections, as a structure document has them.
        posts: likewise.
        temporal_strides: likewise.
        gates: likewise.
        rungs: shares of the search after which it says how well it does.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"kinds", "posts", "temporal_strides", "gates"})

    number: int
    evaluation: int
    nodes: list[Any]
    kinds: dict[str, str] = {}
    posts: dict[str, str] = {}
    temporal_strides: dict[str, int] = {}
    gates: list[str] = []
    rungs: list[float]


class Inherited(Form):
    """What a child of an evolution started from: its parent's number, or why from nothing."""

    parent: int | None = Field(alias="from")
    why: str | None = None


class InheritedRecord(Form):
    """How much of a child came from its parent, and the account of it."""

    share: float
    account: str = ""


class RungSteps(Form):
    """The steps at which a child of an evolution says how well it does."""

    at: list[int] = []


class LatencyRecord(Form):
    """How long one forward pass takes; see ``models.latency.Latency``."""

    seconds: float
    spread: float | None = None
    passes: int | None = None
    clip: list[int] = []
    batch: int | None = None
    device: str | None = None
    threads: int | None = None
    precision: str | None = None
    noisy: bool | None = None


class FromEpoch(Form):
    """Where a run goes on from.

    Attributes:
        run: the directory of the other run, as it was named.
        epoch: epochs that it had done.
        digest: of the state that was taken over.
    """

    run: str
    epoch: Annotated[int, Field(ge=1)]
    digest: str


class Config(Recorded):
    """``config.json`` of a run.

    Attributes:
        run_schema: of the file, ``schema`` in it.
        connsearch: the version that began the run.
        command: that began it.
        settings: what it was asked for.
        facts: about the data.
        environment: what it computes with.
        splits: the lists of clips, by name.
        contents: the marks by which a changed file of the data is named.
        child: of an evolution, where the run judges one.
        rungs: its rungs.
        inherited: what it started from; a training of an analysis: whether it did.
        transplanted: how much came with that.
        latency: of its network, where an evolution asks for it.
        from_epoch: where it goes on from, if it does not begin with the first epoch.
    """

    run_schema: Any = Field(None, alias="schema")
    connsearch: str
    command: str
    environment: Environment | None = None
    splits: dict[str, SplitRecord] = {}
    contents: dict[str, Any] | None = None
    child: ChildRecord | None = None
    rungs: RungSteps = RungSteps()
    inherited: bool | Inherited | None = None
    transplanted: InheritedRecord = InheritedRecord(share=0.0)
    latency: LatencyRecord | None = None
    from_epoch: FromEpoch | None = None

    @model_validator(mode="after")
    def _begun(self) -> Config:
        """Environment and facts are recorded together when a run starts, or not at all."""
        given = {"environment", "facts"} & self.model_fields_set
        if len(given) == 1 or (given and self.environment is None):
            raise ValueError("a run has environment and facts together, or neither")
        return self
