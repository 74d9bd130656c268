"""Settings of training, by concern. Free of torch: the command line reads them before it starts."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from connsearch.flags import Flag
from connsearch.runs.formats.config import LossName
from connsearch.runs.formats.metrics import Watch
from connsearch.settings.nesting import BASIC, Options
from connsearch.training.rate_options import RateOptions

PEAK_RATES = {"adamw": 2e-3, "sgd": 0.05}
"""Default peak learning rate by optimiser."""

DECAY_RATES = {"exponential": 0.96, "steps": 0.1}
"""Default factor by which a schedule lowers the learning rate each time, by its name."""

DECAY_STEPS = 1024
"""Default number of steps between two decays of an exponential schedule."""

WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 1e-4}
"""Default weight decay by optimiser (decoupled for adamw, L2 for sgd)."""


class OptimiserOptions(Options, title="optimiser"):
    """How parameters follow their gradients."""

    optimiser: Literal["adamw", "sgd"] = "adamw"
    """Optimiser of all parameters but connection and peer logits: AdamW, or SGD with momentum."""
    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False, json_schema_extra=BASIC)
    """Peak learning rate; by default 0.002 for adamw and 0.05 for sgd."""
    momentum: float = Field(default=0.9, gt=0, lt=1)
    """Momentum of sgd."""
    nesterov: bool = True
    """Look ahead by the momentum of sgd (Nesterov); --no-nesterov: plain momentum."""
    weight_decay: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Weight decay of convolution and dense kernels (not of norms and biases, never of logits); by
    default 0.01 for adamw (decoupled) and 0.0001 for sgd."""
    decay_all: bool = False
    """Weight decay of norms and biases, too."""
    connection_lr: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    """Peak learning rate of connection and peer logits (Adam, no weight decay). A logit whose
    gradient always has the same sign moves by about half of this per step, so use a smaller value
    for runs of many thousand steps."""
    grad_clip: float | None = Field(default=5.0, gt=0)
    """Largest norm of the gradient of the filters; none: no limit."""
    accumulate: int | None = Field(default=None, ge=1, le=65536)
    """Add up the gradients of N batches for every optimiser step: a step learns from N times
    --batch-size clips, in the memory of one batch. By default 1. Only batch-norm statistics are
    those of one batch."""

    @model_validator(mode="after")
    def _momentum_belongs(self) -> OptimiserOptions:
        if not self.nesterov and self.optimiser != "sgd":
            raise ValueError(
                f"nesterov False with optimiser {self.optimiser}: has no effect; give --optimiser "
                "sgd too, or leave it out"
            )
        return self

    @property
    def peak_rate(self) -> float:
        """The peak learning rate of the filters, with the default filled in."""
        return PEAK_RATES[self.optimiser] if self.lr is None else self.lr

    @property
    def decay(self) -> float:
        """The weight decay of kernels, with the default filled in."""
        return WEIGHT_DECAYS[self.optimiser] if self.weight_decay is None else self.weight_decay


class ScheduleOptions(Options, title="schedule"):
    """How long a training is, and how the learning rate changes meanwhile."""

    epochs: int = Field(default=12, ge=1, json_schema_extra=BASIC)
    """Number of passes over the training split."""
    steps: int | None = Field(default=None, ge=1)
    """Stop after this many optimiser steps; by default after all epochs."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises to its peak."""
    warmup_steps: int | None = Field(default=None, ge=0)
    """Length of the warm-up in steps, in place of a share; 0: none."""
    schedule: Literal["cosine", "constant", "exponential", "steps"] = "cosine"
    """Course of the learning rate after the warm-up: half a cosine to zero, its peak,
    exponential (times decay_rate every decay_steps steps), or steps (times decay_rate after each of
    decay_epochs)."""
    by_epoch: bool = False
    """Change the learning rate between epochs only: within one it is what it was at its begin."""
    decay_rate: float | None = Field(default=None, gt=0, lt=1)
    """What the learning rate is multiplied by each time; by default 0.96 for exponential and 0.1
    for steps."""
    decay_steps: int | None = Field(default=None, ge=1)
    """Steps between two decays of exponential, counted from the first step of the training; by
    default 1024."""
    decay_smooth: bool = False
    """Let exponential fall a little in every step, not all at once after decay_steps."""
    decay_epochs: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Epochs after which steps multiplies the learning rate, such as: --decay-epochs 15 30 40."""

    @property
    def decay(self) -> float:
        """What an exponential or stepwise schedule multiplies the rate by, default filled in."""
        usual = DECAY_RATES.get(self.schedule, 1.0)
        return usual if self.decay_rate is None else self.decay_rate

    @property
    def decay_every(self) -> int:
        """Steps between two decays of an exponential schedule, with the default filled in."""
        return DECAY_STEPS if self.decay_steps is None else self.decay_steps

    @model_validator(mode="after")
    def _decays_belong(self) -> ScheduleOptions:
        belongs = {
            "decay_rate": ("exponential", "steps"),
            "decay_steps": ("exponential",),
            "decay_smooth": ("exponential",),
            "decay_epochs": ("steps",),
        }
        for name, schedules in belongs.items():
            value = getattr(self, name)
            if value not in (None, False) and self.schedule not in schedules:
                raise ValueError(
                    f"{name} {value} with schedule {self.schedule}: has no effect; give --schedule "
                    f"{' or '.join(schedules)} too, or leave it out"
                )
        if self.schedule == "steps" and self.decay_epochs is None:
            raise ValueError("schedule steps: give its epochs, such as --decay-epochs 15 30 40")
        return self


class MultigridOptions(Options, title="multigrid"):
    """Whether training begins with small clips in large batches."""

    multigrid: Literal["off", "reference", "srtg"] = "off"
    """Train on clips of changing size, small ones in larger batches: from coarse to full over the
    training (reference), or within every epoch (srtg). Evaluations always use full clips."""
    multigrid_cycles: Literal["both", "long", "short"] = "both"
    """The long cycle changes frames and size from stage to stage, the short cycle the size from
    step to step."""
    multigrid_rounds: int = Field(default=1, ge=1, le=100)
    """Number of long cycles in the training (reference only)."""
    multigrid_fine_tune: float = Field(default=0.25, gt=0, lt=1)
    """Share of the epochs at the end that use full clips only, at least one epoch (reference
    only)."""
    multigrid_scaling: Literal["auto", "linear", "sqrt"] = "auto"
    """How learning rates follow the factor of the schedule: linear (as published for sgd), or by
    its square root (for Adam). auto: linear for sgd, square root for adamw and the connection
    logits."""
    multigrid_norm_clips: int | None = Field(default=None, ge=2, le=65536)
    """Clips that share batch-norm statistics in a larger batch; by default 8, or the batch size if
    that is smaller."""


class LossOptions(Options, title="loss"):
    """What is minimised."""

    loss: LossName = "auto"
    """Loss: cross_entropy over all classes (if a clip has several classes, one is drawn each time),
    or binary_cross_entropy of each class on its own; auto takes the latter for multi-label
    data."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Share of the target that is spread over all classes (binary_cross_entropy: over yes and no of
    each class)."""


BALANCED = "balanced"
"""Weights that follow from how many clips of the training split have each class."""


class BalanceOptions(Options, title="class balance"):
    """What is done about classes with few clips."""

    class_weights: Annotated[str | None, Flag(metavar="balanced|FILE")] = None
    """Weigh the classes in the training loss: balanced (clips / (classes x clips of the class);
    for binary_cross_entropy, clips without the class / clips with it), or a CSV file with the
    columns label and weight. Evaluations are never weighted."""
    sampler_weights: Literal["balanced"] | None = None
    """balanced: every epoch shows all classes equally often, in the same number of steps; by
    default it shows every clip once."""

    @field_validator("class_weights", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    @model_validator(mode="after")
    def _corrected_once(self) -> BalanceOptions:
        if self.class_weights == BALANCED and self.sampler_weights == BALANCED:
            raise ValueError(
                "class_weights balanced with sampler_weights balanced: each evens out the classes "
                "by itself, together rare classes would count twice; leave one of them out, or "
                "give class_weights a file"
            )
        return self


class ChoiceOptions(Options, title="choice"):
    """Which state of the network a training keeps as its result."""

    watch: Watch | None = None
    """The number on the validation split that --keep best chooses by, and that an evolution calls
    fitness; by default accuracy (multi-label data: mAP)."""
    keep: Literal["last", "best"] = "last"
    """Keep the network of the last step, or the best of all evaluations on the validation split
    (--eval-every); the last one then stays in the checkpoint."""


GATE_START = 0.4
"""Default share of a training after which temporal gates decide: the runs that were published began
after 30 to 50 of about 120 epochs."""


class GateOptions(Options, title="temporal gates"):
    """When the temporal gates of a network decide; only networks with gates take this."""

    gate_start: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | Literal["auto"] | None, Flag(metavar="SHARE|none")
    ] = "auto"
    """Let temporal gates decide after this share of the training; before it they always fuse, so
    that their recurrent cells can learn. none: never. auto: after 0.4 (mtnet: never); at once
    where the gates of the network decide already."""

    @field_validator("gate_start", mode="wrap")
    @classmethod
    def _one_fault(cls, value: Any, judge: ValidatorFunctionWrapHandler) -> Any:
        try:
            return judge(value)
        except ValidationError:  # one of every kind it could have been
            raise ValueError("it should be a share from 0 to below 1, none or auto") from None


class ComputeOptions(Options, title="compute"):
    """On what the network is computed, and in which number format."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto", json_schema_extra=BASIC
    )
    """Number format of convolutions; weights always stay in float32. auto: bf16 on hardware that
    has it, else fp32. fp16 (loss scaling) is for GPUs without bf16."""
    channels_last: bool = True
    """Memory layout with channels last; several times faster on processors with bf16."""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=BASIC)
    """Where to compute; auto takes a GPU if there is one."""
    threads: int | None = Field(default=None, ge=1, json_schema_extra=BASIC)
    """Processor threads; by default what torch finds. A resumed run keeps its number."""


class LoggingOptions(Options, title="logging"):
    """How often a training is evaluated, logged and saved."""

    eval_every: int | None = Field(default=None, ge=1)
    """Evaluate on the validation split after every N-th epoch; by default about five times in
    all."""
    eval_all_views: bool = False
    """Evaluate all clips and crops of a video during training, too; by default only at its
    end."""
    recalibrate_clips: int = Field(default=128, ge=0)
    """Compute batch-norm statistics from this many training clips before each evaluation; 0 keeps
    the running averages."""
    checkpoint_seconds: float = Field(default=20.0, ge=0)
    """Seconds between two checkpoints: about as much work is lost if the process is killed."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """Also write a checkpoint after every N-th step; by default by time only."""
    log_every: int = Field(default=5, ge=1)
    """Write the connection weights to connections.csv after every N-th step; on a GPU also measure
    the speed of reading, forward and backward passes in every N-th step alone."""
    score_csv: bool = False
    """Also write top-1, top-5 and loss of every epoch to train_results_s0000.csv and
    val_results_s0000.csv; the number is the epoch that the run begins with."""
    save_every: int | None = Field(default=None, ge=1)
    """Keep the state after every N-th epoch, in epochs/NETWORK_ep-0010 of the run: --from-epoch
    goes on from it, and evaluate, predict, export and train take it for a run. Each is as large as
    weights and optimiser together."""


class RatePowers(NamedTuple):
    """The powers of a schedule's factor that multiply the learning rates: sqrt is 0.5.

    Attributes:
        filters: of everything but the logits of connections and peers.
        logits: of those, which Adam moves.
    """

    filters: float = 1.0
    logits: float = 1.0


FULL = RatePowers()
"""Learning rates follow the factor of a schedule as it is."""


class TrainOptions(Options, title="training"):
    """How a network is trained."""

    schedule: ScheduleOptions = ScheduleOptions()
    optimiser: OptimiserOptions = OptimiserOptions()
    rates: RateOptions = RateOptions()
    loss: LossOptions = LossOptions()
    compute: ComputeOptions = ComputeOptions()
    logging: LoggingOptions = LoggingOptions()
    multigrid: MultigridOptions = MultigridOptions()
    balance: BalanceOptions = BalanceOptions()
    choice: ChoiceOptions = ChoiceOptions()
    gates: GateOptions = GateOptions()
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides everything random: first weights, order of the clips, augmentation, dropout."""

    @model_validator(mode="after")
    def _multigrid_consistent(self) -> TrainOptions:
        grid, fields = self.multigrid, MultigridOptions.model_fields
        changed = [name for name, f in fields.items() if getattr(grid, name) != f.default]
        of_long = {"multigrid_rounds"}
        of_reference = {*of_long, "multigrid_fine_tune"}
        for name in changed:
            if name == "multigrid":
                continue
            read = f"{name} {getattr(grid, name)} with multigrid {grid.multigrid}"
            if grid.multigrid == "off":
                raise ValueError(f"{read}: has no effect; give --multigrid too, or leave it out")
            if grid.multigrid == "srtg" and name in of_reference:
                raise ValueError(f"{read}: belongs to --multigrid reference; leave it out")
            if grid.multigrid_cycles == "short" and name in of_long:
                raise ValueError(f"{read}, cycles short: there is no long cycle; leave it out")
        if grid.multigrid == "reference" and self.schedule.epochs < 2:
            raise ValueError(
                f"multigrid reference with {self.schedule.epochs} epoch: the last one has full "
                "clips only, so nothing would be coarse; give --epochs 2 or more, or "
                "--multigrid srtg"
            )
        return self

    @property
    def rate_powers(self) -> RatePowers:
        """How the learning rates follow the factor of a multigrid schedule."""
        scaling = self.multigrid.multigrid_scaling
        linear = scaling == "linear"
        sgd = scaling == "auto" and self.optimiser.optimiser == "sgd"
        return RatePowers(1.0 if linear or sgd else 0.5, 1.0 if linear else 0.5)

    @property
    def evaluation_interval(self) -> int:
        """Epochs between two evaluations, with the default filled in."""
        asked = self.logging.eval_every
        return max(1, round(self.schedule.epochs / 5)) if asked is None else asked
