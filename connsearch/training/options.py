"""Settings of training. Free of torch: the command line reads them before it starts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connsearch.runs.formats.config import LossName

PEAK_RATES = {"adamw": 2e-3, "sgd": 0.05}
"""Default peak learning rate by optimiser."""

WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 1e-4}
"""Default weight decay by optimiser (decoupled for adamw, L2 for sgd)."""


class TrainOptions(BaseModel):
    """How a network is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    epochs: int = Field(default=12, ge=1)
    """Passes over the training split."""
    steps: int | None = Field(default=None, ge=1)
    """Stop after so many optimiser steps, however many epochs that is; by default all epochs."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """For everything but connection and peer logits: AdamW, or SGD with Nesterov momentum."""
    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Peak learning rate; by default 0.002 for adamw and 0.05 for sgd."""
    momentum: float = Field(default=0.9, gt=0, lt=1)
    """Momentum of sgd."""
    weight_decay: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of convolution and dense kernels only, never of norms, biases or logits; by default 0.01 for
    adamw (decoupled) and 0.0001 for sgd."""
    connection_lr: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    """Peak learning rate of the connection and peer logits that learn (Adam, no weight decay). A
    logit whose gradient never changes sign moves by about half of this a step, so runs of many
    thousand steps want less."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate climbs."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What follows the climb."""
    multigrid: Literal["off", "reference", "srtg"] = "off"
    """Train on clips of changing size, small ones in larger batches: reference goes from coarse to
    full over the training, srtg within every epoch. Evaluations always see full clips."""
    multigrid_cycles: Literal["both", "long", "short"] = "both"
    """The long cycle changes frames and size from stage to stage, the short one the size from step
    to step."""
    multigrid_rounds: int = Field(default=1, ge=1, le=100)
    """Long cycles over the training (reference)."""
    multigrid_fine_tune: float = Field(default=0.25, gt=0, lt=1)
    """Share of the epochs, at the end, with full clips alone (reference); one epoch at least."""
    multigrid_scaling: Literal["auto", "linear", "sqrt"] = "auto"
    """How the learning rates follow the schedule's factor on them: as it is (published for sgd), or
    by its square root (for what Adam moves). Auto: sgd as it is, adamw and the connection logits
    by the root."""
    multigrid_norm_clips: int | None = Field(default=None, ge=2, le=65536)
    """Clips of a larger batch whose batch-norm statistics are taken together; by default 8, or the
    batch size where that is smaller."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Share of the target that is spread over all classes (binary_cross_entropy: over the yes and
    no of each class)."""
    grad_clip: float | None = Field(default=5.0, gt=0)
    """Largest norm of the filters' gradient; none does not clip."""
    loss: LossName = "auto"
    """What is minimised: cross_entropy over all classes together (of several classes of a clip it
    takes the one drawn for this visit), or binary_cross_entropy of every class for itself (of one
    class a clip: one against the rest); auto takes the latter for multi-label data."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16 computes convolutions in bfloat16 and keeps the weights in float32; auto does so where
    the processor is made for it."""
    channels_last: bool = True
    """Memory layout of features and kernels; several times faster on processors with bf16."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads; by default what torch finds. A resumed run keeps its number."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides everything random: first weights, order of the clips, augmentation, dropout."""
    eval_every: int | None = Field(default=None, ge=1)
    """Epochs between two evaluations on the validation split; by default about five in all."""
    recalibrate_clips: int = Field(default=128, ge=0)
    """Training clips that batch-norm statistics are computed from before each evaluation; 0 keeps
    the running averages."""
    checkpoint_seconds: float = Field(default=20.0, ge=0)
    """At most about so much work is lost when the process dies."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """Write a checkpoint every so many steps as well; by default by time only."""
    log_every: int = Field(default=5, ge=1)
    """Steps between two rows of every connection that learns in connections.csv."""

    @model_validator(mode="after")
    def _multigrid_consistent(self) -> TrainOptions:
        fields = TrainOptions.model_fields
        own = [name for name in fields if name.startswith("multigrid_")]
        changed = [name for name in own if getattr(self, name) != fields[name].default]
        of_long = {"multigrid_rounds"}
        of_reference = {*of_long, "multigrid_fine_tune"}
        for name in changed:
            read = f"{name} {getattr(self, name)} with multigrid {self.multigrid}"
            if self.multigrid == "off":
                raise ValueError(f"{read}: it says nothing; give multigrid too, or leave it out")
            if self.multigrid == "srtg" and name in of_reference:
                raise ValueError(f"{read}: it is of multigrid reference; leave it out")
            if self.multigrid_cycles == "short" and name in of_long:
                raise ValueError(f"{read}, cycles short: there is no long cycle; leave it out")
        if self.multigrid == "reference" and self.epochs < 2:
            raise ValueError(
                f"multigrid reference with {self.epochs} epoch: the last one has full clips alone, "
                "so nothing would be coarse; give at least 2 epochs, or take srtg"
            )
        return self

    @property
    def rate_power(self) -> float:
        """The power of a schedule's factor that multiplies the filters' learning rate."""
        linear = self.multigrid_scaling == "linear" or (
            self.multigrid_scaling == "auto" and self.optimiser == "sgd"
        )
        return 1.0 if linear else 0.5

    @property
    def connection_rate_power(self) -> float:
        """The same for connection and peer logits, which Adam moves."""
        return 1.0 if self.multigrid_scaling == "linear" else 0.5

    @property
    def peak_rate(self) -> float:
        """The peak learning rate of the filters, with the default filled in."""
        return PEAK_RATES[self.optimiser] if self.lr is None else self.lr

    @property
    def decay(self) -> float:
        """The weight decay of kernels, with the default filled in."""
        return WEIGHT_DECAYS[self.optimiser] if self.weight_decay is None else self.weight_decay

    @property
    def evaluation_interval(self) -> int:
        """Epochs between two evaluations, with the default filled in."""
        return max(1, round(self.epochs / 5)) if self.eval_every is None else self.eval_every
