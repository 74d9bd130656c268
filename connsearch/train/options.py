"""Settings of training. Free of torch: the command line reads them before it starts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PEAK_RATES = {"adamw": 2e-3, "sgd": 0.05}
"""Default peak learning rate by optimiser."""

WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 1e-4}
"""Default weight decay by optimiser (decoupled for adamw, L2 for sgd)."""

LossName = Literal["auto", "cross_entropy", "binary_cross_entropy"]


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
    connection_lr: float = Field(default=0.03, ge=0, allow_inf_nan=False)
    """Peak learning rate of the connection and peer logits that learn (Adam, no weight decay). A
    logit whose gradient never changes sign moves by about half of this a step, so runs of many
    thousand steps want less."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate climbs."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What follows the climb."""
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
    """Epochs between two evaluations on the select split; by default about five in all."""
    recalibrate_clips: int = Field(default=128, ge=0)
    """Training clips that batch-norm statistics are computed from before each evaluation; 0 keeps
    the running averages."""
    checkpoint_seconds: float = Field(default=20.0, ge=0)
    """At most about so much work is lost when the process dies."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """Write a checkpoint every so many steps as well; by default by time only."""
    log_every: int = Field(default=5, ge=1)
    """Steps between two rows of every connection that learns in connections.csv."""

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
