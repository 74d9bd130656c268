"""The two optimisers: one for the filters, one for logits that decide something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from connsearch.models.model import Model
from connsearch.training.loss_scale import LossScale
from connsearch.training.options import FULL, OptimiserOptions, RatePowers, ScheduleOptions
from connsearch.training.schedule import Decay, epoch_begin, rate_factor

_ADAM = ("step", "exp_avg", "exp_avg_sq")
_MEMORIES: Mapping[type[Optimizer], tuple[str, ...]] = {
    Adam: _ADAM,
    AdamW: _ADAM,
    SGD: ("momentum_buffer",),
}
"""What an optimiser remembers of every parameter that ever had a gradient."""

_FACTOR = "factor"
"""In a group of an optimiser: what the learning rate is multiplied by in it."""


class Optimisers:
    """Filters with the chosen optimiser; decision logits with Adam, without decay.

    The model tells which parameters are which (``Model.parameter_groups``). The logits have their
    own learning rate and stay in float32; the filters' gradient is clipped, theirs is not. A
    learning rate is a function of the step, so there is nothing to restore but the optimisers'
    tensors.

    Args:
        network: its parameters learn.
        options: how they follow their gradients.
        schedule: how the learning rates change from step to step.
        powers: how they follow the factor of a batch.
        loss_scale: of the loss whose gradients they get; None: it is not scaled.
        factors: by the name of a parameter, its own factor on the learning rate; others have 1. A
            filter with 0 gets no gradient and no decay; a logit with 0 stays where it is.

    Attributes:
        filters: every parameter that learns and is no such logit.
        logits: those that decide something; in a search connection and peer logits.
    """

    def __init__(
        self,
        network: Model,
        options: OptimiserOptions,
        schedule: ScheduleOptions,
        powers: RatePowers = FULL,
        loss_scale: LossScale | None = None,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        self._loss_scale = loss_scale
        self._options, self._schedule, self._powers = options, schedule, powers
        groups = network.parameter_groups()
        self._names: dict[Tensor, str] = {p: name for name, p in network.named_parameters()}
        given = factors or {}
        own = {p: given[name] for p, name in self._names.items() if name in given}
        self.logits: list[Tensor] = list(groups.logits)
        self.filters: list[Tensor] = [p for p in groups.filters if own.get(p) != 0]
        self._all: dict[str, Optimizer] = {"filters": _filters(self.filters, options, own)}
        if self.logits:
            parts = _by_factor(self.logits, own, {})
            self._all["logits"] = Adam(
                parts, lr=options.connection_lr, betas=(0.9, 0.99), fused=True
            )

    def backward(self, loss: Tensor, into: list[Tensor] | None = None) -> None:
        """Adds the gradients of a loss to the given parameters, or to all.

        Raises:
            FloatingPointError: the loss is not finite. A scaled one may be: its gradients are
                judged later.
        """
        if self._loss_scale is not None:
            self._loss_scale.scaled(loss).backward(inputs=into)
            return
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value}")
        loss.backward(inputs=into)

    def multiply(self, factor: float, into: list[Tensor] | None = None) -> None:
        """Multiplies the gradients of the given parameters, or of all."""
        for parameter in [*self.filters, *self.logits] if into is None else into:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)

    def usable(self, step: int) -> bool:
        """Returns whether the gradients can be used, now of the loss itself, not of a scaled one.

        Those of an fp16 step may have overflowed: then they are gone, and the step is counted.

        Raises:
            FloatingPointError: it is one of many such steps in a row.
        """
        scale = self._loss_scale
        if scale is None or scale.usable(self._all.values(), step):
            return True
        self._forget()
        return False

    def step(
        self, step: float, *, total_steps: float, scale: float = 1.0, epoch_steps: float = 1.0
    ) -> float:
        """Returns the filters' learning rate after one update of everything.

        Args:
            step: from 0; between whole numbers where batches are of unequal size.
            total_steps: of the whole run.
            scale: the batch's own factor; ``powers`` define how each optimiser uses it.
            epoch_steps: of an epoch, for schedules that count epochs.

        Raises:
            FloatingPointError: a gradient is not finite; nothing was updated.
        """
        self._check_gradients(self._options.grad_clip)
        rates = self.rates(step, total_steps=total_steps, scale=scale, epoch_steps=epoch_steps)
        for name, optimiser in self._all.items():
            for group in optimiser.param_groups:
                group["lr"] = rates[name] * group[_FACTOR]
            optimiser.step()
        self._forget()
        return rates["filters"]

    def rates(
        self, step: float, *, total_steps: float, scale: float = 1.0, epoch_steps: float = 1.0
    ) -> dict[str, float]:
        """Returns the learning rates of a step, of ``filters`` and ``logits``; see :meth:`step`."""
        options, schedule, powers = self._options, self._schedule, self._powers
        factor = rate_factor(
            epoch_begin(step, epoch_steps) if schedule.by_epoch else step,
            total_steps=total_steps,
            warmup=schedule.warmup,
            shape=schedule.schedule,
            climb=schedule.warmup_steps,
            decay=_decay(schedule, epoch_steps),
        )
        return {
            "filters": options.peak_rate * factor * scale**powers.filters,
            "logits": options.connection_lr * factor * scale**powers.logits,
        }

    def _forget(self) -> None:
        for optimiser in self._all.values():
            optimiser.zero_grad()

    def _check_gradients(self, clip: float | None) -> None:
        """Clips the filters' gradients; refuses, before anything is changed, what is not finite."""
        largest = math.inf if clip is None else clip
        norm = nn.utils.clip_grad_norm_(self.filters, largest)
        logits = nn.utils.get_total_norm([p.grad for p in self.logits if p.grad is not None])
        for what, size in (("filters", norm), ("logits", logits)):
            if not math.isfinite(size):
                raise FloatingPointError(f"the gradient of the {what} is {float(size)}")

    def tensors(self) -> dict[str, Tensor]:
        """Returns every tensor the optimisers remember, by parameter name."""
        return {
            f"{name}/{self._names[parameter]}/{key}": value
            for name, optimiser in self._all.items()
            for parameter, memory in optimiser.state.items()
            for key, value in memory.items()
            if isinstance(value, Tensor)
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what :meth:`tensors` gave, in each parameter's own memory layout.

        Raises:
            KeyError: a tensor belongs to no parameter.
            ValueError: one is missing, or of another shape or type.
        """
        by_name: dict[str, Tensor] = {name: p for p, name in self._names.items()}
        for key, value in tensors.items():
            kind, rest = key.split("/", 1)
            name, memory = rest.rsplit("/", 1)
            parameter = by_name[name]
            allowed = _MEMORIES[type(self._all[kind])]
            shape = torch.Size() if memory == "step" else parameter.shape
            usable = value.dtype == torch.float32 and bool(value.isfinite().all())
            if memory not in allowed or value.shape != shape or not usable:
                raise ValueError(
                    f"{key} is {value.dtype} {list(value.shape)}; expected one of "
                    f"{', '.join(allowed)}, float32 {list(shape)} and finite"
                )
            if memory == "step":
                value = value.to(parameter.device)  # fused optimisers count where they compute
            else:
                value = torch.empty_like(parameter, requires_grad=False).copy_(value)
            self._all[kind].state[parameter][memory] = value
        for optimiser in self._all.values():
            for parameter, found in optimiser.state.items():
                missing = [name for name in _MEMORIES[type(optimiser)] if name not in found]
                if missing:
                    raise ValueError(f"{self._names[parameter]}: no {', '.join(missing)}")


def _decay(schedule: ScheduleOptions, epoch_steps: float) -> Decay | None:
    """When the rate of a schedule is lowered; None: never at once."""
    match schedule.schedule:
        case "exponential":
            return Decay(schedule.decay, schedule.decay_every, schedule.decay_smooth)
        case "steps":
            after = tuple(epoch * epoch_steps for epoch in schedule.decay_epochs or ())
            return Decay(schedule.decay, after=after)
        case _:
            return None


def _filters(
    parameters: list[Tensor], options: OptimiserOptions, factors: Mapping[Tensor, float]
) -> Optimizer:
    """Kernels decay; norms, biases and other vectors only if the options say so."""
    kernels, vectors = (
        [p for p in parameters if p.dim() > 1],
        [p for p in parameters if p.dim() <= 1],
    )
    groups = [
        *_by_factor(kernels, factors, {"weight_decay": options.decay}),
        *_by_factor(vectors, factors, {"weight_decay": options.decay * options.decay_all}),
    ]
    if options.optimiser == "sgd":
        return SGD(
            groups,
            lr=options.peak_rate,
            momentum=options.momentum,
            nesterov=options.nesterov,
            fused=True,
        )
    return AdamW(groups, lr=options.peak_rate, betas=(0.9, 0.99), fused=True)


def _by_factor(
    parameters: list[Tensor], factors: Mapping[Tensor, float], more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Groups of an optimiser, one for every factor on the learning rate that there is."""
    found: dict[float, list[Tensor]] = {}
    for parameter in parameters:
        found.setdefault(factors.get(parameter, 1.0), []).append(parameter)
    return [{"params": part, _FACTOR: factor, **more} for factor, part in found.items()]
