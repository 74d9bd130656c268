"""A few training steps for a network that just lost connections: no run, no files, no state."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.analysis.searched_run import SearchedRun
from connsearch.errors import TrainingError
from connsearch.models.structure import Network
from connsearch.runs.events import StepEvent
from connsearch.training.balance import balance
from connsearch.training.curriculum import CyclicClips
from connsearch.training.lesson import Learned, Lesson
from connsearch.training.loss_scale import LossScale
from connsearch.training.losses import choose_loss
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from connsearch.training.rates import Frozen, factors_in, rate_groups

GENTLE = 0.1
"""Share of the search's peak learning rates: a search ends with rates near zero, and a network
that is only to settle must not be thrown far from where it was."""


def tune(network: Network, searched: SearchedRun, *, steps: int, seed: int) -> Iterator[StepEvent]:
    """Yields the events of so many training steps; filters and logits learn, masks stay.

    Everything follows from the seed. The rates are a tenth of the search's peaks, constant;
    batches are full clips, augmented as in the search, classes weighted and shown alike if they
    were so there; what learned slower there, or not at all, does so here. At the end batch-norm
    statistics are recomputed, if the search did so before its evaluations.

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
    options, data = gentle(searched.options), searched.data
    balanced = balance(options, data)
    accumulate = options.optimiser.accumulate or 1
    scale = LossScale(searched.compute.device) if searched.compute.precision == "fp16" else None
    rates = rate_groups(network, options.rates)
    frozen = Frozen(network, rates)
    optimisers = Optimisers(
        network,
        options.optimiser,
        options.schedule,
        options.rate_powers,
        scale,
        factors_in(rates),
    )
    lesson = Lesson(
        network,
        optimisers,
        choose_loss(
            options.loss.loss,
            multi_label=data.train.num_classes > 0,
            weights_K=balanced.weights_K,
        ),
        searched.compute,
        seed=seed,
        smoothing=options.loss.label_smoothing,
        total=steps,
        classes=len(data.classes),
    )
    clips = CyclicClips(
        searched.loaders["train"], seed=seed, accumulate=accumulate, turns=balanced.turns
    )
    network.train()
    frozen.begin(0, steps)
    with frozen.held():
        for step in range(steps):
            try:
                learned = lesson.learn(clips.clips(step), step)
                rate = optimisers.rates(step, total_steps=steps)["filters"]
                if optimisers.usable(step):
                    optimisers.step(step, total_steps=steps)
            except FloatingPointError as error:
                raise TrainingError(f"fine-tuning, step {step + 1} of {steps}: {error}") from None
            yield _event(step + 1, steps, learned, rate)
    network.eval()
    if options.logging.recalibrate_clips:
        searched.recalibrate(network)


def gentle(options: TrainOptions) -> TrainOptions:
    """Returns options with small constant rates and nothing that needs a whole training."""
    return options.with_values(
        lr=GENTLE * options.optimiser.peak_rate,
        connection_lr=GENTLE * options.optimiser.connection_lr,
        warmup=0.0,
        warmup_steps=None,
        schedule="constant",
    )


def _event(step: int, steps: int, learned: Learned, rate: float) -> StepEvent:
    return StepEvent(
        step=step,
        epoch=0,
        steps_per_epoch=steps,
        total_steps=steps,
        loss=learned.loss,
        accuracy=learned.hits / learned.asked if learned.asked else 0.0,
        clips_per_second=0.0,
        learning_rate=rate,
        epochs=1,
        shape=(learned.clips, *learned.shape),
    )
