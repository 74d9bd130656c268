"""Events of long work: frozen values, yielded in order. Nothing here prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.formats.advice import Advice
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.result import Result


@dataclass(frozen=True, slots=True)
class Speeds:
    """Clips a second of the parts of a step or of an evaluation; None: not measured.

    Attributes:
        read: waiting for the clips.
        forward: from clips to the loss.
        backward: from the loss to the gradients; an evaluation has none.
    """

    read: float | None = None
    forward: float | None = None
    backward: float | None = None


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One optimiser step is done.

    Attributes:
        step: steps done so far, this one included (resumed ones too).
        epoch: the running epoch, from 0.
        steps_per_epoch: batches of this epoch.
        total_steps: steps of the whole run.
        loss: training loss of this batch.
        accuracy: share of right answers in this epoch so far, in [0, 1]; in multi-label data any
            class of a clip is right, and clips without one do not count.
        clips_per_second: training speed, smoothed over the last steps.
        learning_rate: of the filters, in this step.
        epochs: of the whole run.
        shape: of this batch, (clips, channels, frames, height, width).
        speeds: of the newest step that was measured; None: there was none yet.
    """

    step: int
    epoch: int
    steps_per_epoch: int
    total_steps: int
    loss: float
    accuracy: float
    clips_per_second: float
    learning_rate: float
    epochs: int
    shape: tuple[int, int, int, int, int]
    speeds: Speeds | None = None


@dataclass(frozen=True, slots=True)
class EvaluationEvent:
    """A split was evaluated, after the batch-norm statistics were recalibrated.

    Attributes:
        epoch: after which it was, from 0.
        split: its name.
        metrics: what was found.
        step: steps done by then.
        speeds: of reading and forward passes.
    """

    epoch: int
    split: str
    metrics: Metrics
    step: int = 0
    speeds: Speeds | None = None


@dataclass(frozen=True, slots=True)
class ConnectionsEvent:
    """Every connection weight (post-sigmoid) and peer coefficient after ``step``."""

    step: int
    weights: Mapping[Edge, float]
    peers: Mapping[Edge, Sequence[Peer]] = field(default_factory=dict[Edge, Sequence[Peer]])


@dataclass(frozen=True, slots=True)
class GatesEvent:
    """How often each temporal gate was open for the training clips since the last of these.

    Attributes:
        step: steps done.
        deciding: gates decide; otherwise all always fuse, and it was counted what they would do.
        counts: by the name of a gate, for how many clips it was open, and of how many; without
            those that see one frame, which are always open.
    """

    step: int
    deciding: bool
    counts: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CheckpointEvent:
    """Everything up to ``step`` is safely on disk."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class WarningEvent:
    """A warning for the user; the work continues."""

    message: str


@dataclass(frozen=True, slots=True)
class AdviceEvent:
    """What would make a training better; told before its first step, or after its last one."""

    advice: Advice


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """A note for the user."""

    message: str


@dataclass(frozen=True, slots=True)
class WorkBegan:
    """A piece of long work begins: until its :class:`WorkEnded` a display may show a bar.

    Attributes:
        what: it works on, as people call it, such as ``videos`` or ``trainings``.
    """

    what: str


@dataclass(frozen=True, slots=True)
class WorkEnded:
    """The newest work that has not ended yet is over: done, or left because of an error."""


@dataclass(frozen=True, slots=True)
class CountEvent:
    """So many things of one kind are done.

    Attributes:
        done: so far, from 1.
        total: how many there are.
        what: they are, as people call them.
        state: what else is known by now; may be empty.
    """

    done: int
    total: int
    what: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class ResultEvent:
    """The end: the model with what was learned, and the evaluation of each opened split.

    Attributes:
        model: the result; of a structure, with learned weights and peers written in.
        metrics: by split name (``val``, ``test``).
        path: the result's document; its weights are in the same folder.
        report: the run's ``result.json`` (alarms, steps, seconds ...).
    """

    model: ModelDocument
    metrics: Mapping[str, Metrics]
    path: Path | None = None
    report: Result = field(default_factory=lambda: Result(metrics={}))

    @property
    def structure(self) -> Structure:
        """The structure of the result; that of another kind of model is a programming error."""
        assert self.model.structure is not None, f"a {self.model.kind} has no structure"
        return self.model.structure


Event = (
    StepEvent
    | EvaluationEvent
    | ConnectionsEvent
    | GatesEvent
    | CheckpointEvent
    | WarningEvent
    | AdviceEvent
    | NoteEvent
    | WorkBegan
    | WorkEnded
    | CountEvent
    | ResultEvent
)
