"""A few training steps for a network that just lost connections: no run, no files, no state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count, islice

import torch

from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.clips.class_turns import ClassTurns
from connsearch.data.loading.batches import Batch
from connsearch.errors import TrainingError
from connsearch.models.structure import Network
from connsearch.runs.events import StepEvent
from connsearch.seeds import derive
from connsearch.training.balance import balance
from connsearch.training.losses import choose_loss, right_answers
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions

GENTLE = 0.1
"""Share of the search's peak learning rates: a search ends with rates near zero, and a network
that is only to settle must not be thrown far from where it was."""


def tune(network: Network, searched: SearchedRun, *, steps: int, seed: int) -> Iterator[StepEvent]:
    """Yields the events of so many training steps; filters and logits learn, masks stay.

    Everything follows from the seed. The rates are a tenth of the search's peaks, constant;
    batches are full clips, augmented as in the search, classes weighted and shown alike if they
    were so there. At the end batch-norm statistics are
    recomputed, if the search did so before its evaluations.

    Args:
        network: trained in place, on the searched's device; in evaluation mode afterwards.
        searched: whose training clips and options are used.
        steps: how many; with none not even the statistics change.
        seed: of the order of the clips and of dropout.

    Raises:
        TrainingError: the loss or a gradient is not finite.
    """
    if not steps:
        return
    options, data = gentle(searched.options), searched.data.train
    balanced = balance(options, searched.data)
    judge = choose_loss(
        options.loss.loss, multi_label=data.num_classes > 0, weights_K=balanced.weights_K
    )
    optimisers = Optimisers(network, options.optimiser, options.schedule, options.rate_powers)
    devices = [torch.cuda.current_device()] if searched.compute.device == "cuda" else []
    network.train()
    for step, batch in enumerate(islice(_endless(searched, seed, balanced.turns), steps)):
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive(seed, "step", step))
            logits = searched.compute.logits(network, batch)
        loss = judge.training(logits, batch, smoothing=options.loss.label_smoothing)
        loss.backward()
        try:
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"the loss is {loss.item()}")
            rate = optimisers.step(step, total_steps=steps)
        except FloatingPointError as error:
            raise TrainingError(f"fine-tuning, step {step + 1} of {steps}: {error}") from None
        yield _event(step + 1, steps, loss.item(), rate, logits.detach(), batch)
    network.eval()
    if options.logging.recalibrate_clips:
        searched.recalibrate(network)


def gentle(options: TrainOptions) -> TrainOptions:
    """Returns options with small constant rates and nothing that needs a whole training."""
    return options.with_values(
        lr=GENTLE * options.optimiser.peak_rate,
        connection_lr=GENTLE * options.optimiser.connection_lr,
        warmup=0.0,
        schedule="constant",
    )


def _endless(searched: SearchedRun, seed: int, turns: ClassTurns | None) -> Iterator[Batch]:
    for epoch in count():
        yield from searched.loaders["train"].batches(
            seed=seed, epoch=epoch, shuffle=True, augment=True, turns=turns
        )


def _event(
    step: int, steps: int, loss: float, rate: float, logits: torch.Tensor, batch: Batch
) -> StepEvent:
    hits, asked = right_answers(logits, batch)
    frames, size = next(iter(batch.streams.values())).shape[2:4]
    return StepEvent(
        step=step,
        epoch=0,
        steps_per_epoch=steps,
        total_steps=steps,
        loss=loss,
        accuracy=hits / asked if asked else 0.0,
        clips_per_second=0.0,
        learning_rate=rate,
        epochs=1,
        shape=(len(batch.labels), frames, size),
    )
