"""The state of one training: its steps, evaluations and checkpoints."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import torch

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import TrainingError
from connsearch.files.stopping import PostponedSignal, postpone_signals
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.nn.layout import lay_out
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import (
    EvaluationEvent,
    Event,
    NoteEvent,
    Speeds,
    StepEvent,
    WarningEvent,
)
from connsearch.runs.files import put_weights
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.logs import step_row
from connsearch.runs.metrics import TOP
from connsearch.runs.names import CHECKPOINTS, METRICS
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.balance import Balance, notes
from connsearch.training.best import KeepBest
from connsearch.training.counters import Stopwatch, Tally
from connsearch.training.curriculum import Curriculum, CyclicClips, StepClips
from connsearch.training.evaluate import Compute
from connsearch.training.evaluations import Evaluations
from connsearch.training.gates import GateStart
from connsearch.training.hooks import Hook
from connsearch.training.lesson import Lesson
from connsearch.training.loss_scale import LossScale
from connsearch.training.losses import choose_loss
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from connsearch.training.outcome import TrainingOutcome
from connsearch.training.quarantine import Quarantine
from connsearch.training.rates import Frozen, RateGroup, factors_in, rate_table
from connsearch.training.remarks import remarks
from connsearch.training.saving import Saving, disk_note, nothing_kept
from connsearch.training.schedule import moment
from connsearch.training.scores import Scores
from connsearch.training.speed import Laps
from connsearch.training.terms import TermTable


class Training:
    """One model in training: everything that is kept between two events.

    Args:
        network: trained in place.
        data: the splits.
        loaders: of the data; new, and closed by the caller.
        options: how to train.
        run: where logs and checkpoints go.
        environment: device, precision and threads, as the run recorded them.
        hooks: what is done besides.
        looks: shares of the training after which ``val`` is evaluated.
        balanced: what is done about classes with few clips; by default nothing.
        gates: the temporal gates of the network; None: it has none.
        rates: what learns at which share of the learning rate; by default all alike.
    """

    def __init__(
        self,
        network: Model,
        data: DataSplits,
        loaders: SplitLoaders,
        options: TrainOptions,
        run: Run,
        environment: Mapping[str, Any],
        *,
        hooks: Sequence[Hook] = (),
        looks: Sequence[float] = (),
        balanced: Balance | None = None,
        gates: GateStart | None = None,
        rates: Sequence[RateGroup] = (),
    ) -> None:
        self.balanced = balanced = balanced or Balance()
        device = environment["device"]
        layout = (
            torch.channels_last_3d if options.compute.channels_last else torch.contiguous_format
        )
        network.memory_format = layout
        self.network = network.to(device)
        lay_out(network, layout)
        self.data, self.loaders, self.options, self.run = data, loaders, options, run
        self.compute = Compute(device, environment["precision"])
        self.loss_scale = LossScale(device) if self.compute.precision == "fp16" else None
        self.rates, self.frozen = rates, Frozen(network, rates)
        self.optimisers = Optimisers(
            network,
            options.optimiser,
            options.schedule,
            options.rate_powers,
            self.loss_scale,
            factors_in(rates),
        )
        accumulate = options.optimiser.accumulate or 1
        self.curriculum = Curriculum(
            data.train,
            options.schedule,
            options.multigrid,
            seed=options.seed,
            accumulate=accumulate,
            rate_power=options.rate_powers.filters,
            turns=balanced.turns,
        )
        self.total = self.curriculum.total
        keeps = options.choice.keep == "best"
        self.best = KeepBest(network, options.choice.watch) if keeps else None
        self.gates = gates
        self.scores = None
        if options.logging.score_csv:
            self.scores = Scores(run.first_epoch, data.train, len(data.classes))
        frozen = self.frozen if self.frozen.norms else None
        self.terms = TermTable() if network.by_terms else None
        further = (gates, self.loss_scale, self.best, self.scores, frozen, self.terms)
        self.hooks = (*hooks, *(hook for hook in further if hook is not None))
        self.looks = tuple(moment(share, self.total) for share in looks)
        apart = None if data.connections is None else loaders["connections"]
        self.laps = Laps(device)
        self.speeds: Speeds | None = None
        self.lesson = Lesson(
            self.network,
            self.optimisers,
            choose_loss(
                options.loss.loss,
                multi_label=data.train.num_classes > 0,
                weights_K=balanced.weights_K,
            ),
            self.compute,
            seed=options.seed,
            smoothing=options.loss.label_smoothing,
            hooks=self.hooks,
            apart=None
            if apart is None
            else CyclicClips(
                apart,
                seed=derive(options.seed, "connection batches"),
                accumulate=accumulate,
                turns=balanced.connection_turns,
            ),
            total=self.total,
            classes=len(data.classes),
            laps=self.laps,
        )
        self.step = 0
        self.ended: str | None = None
        self._kept_one = False
        self.tally = Tally()
        self.clock = Stopwatch()
        self.quarantine = Quarantine(loaders, run, name=data.name)
        self.saving = Saving(network, self.optimisers, self.hooks, self.quarantine, self.clock, run)
        self.evaluations = Evaluations(
            network,
            data,
            loaders,
            options,
            run,
            self.compute,
            laps=self.laps,
            frozen=self.frozen,
            best=self.best,
            scores=self.scores,
            hooks=self.hooks,
            gates=gates,
        )

    def resume(self) -> Iterator[Event]:
        """Puts everything back to the newest checkpoint, if there is one."""
        yield from remarks(self.curriculum, self.options.schedule, self.compute)
        yield from map(NoteEvent, notes(self.options, self.data, self.balanced))
        yield from () if self.gates is None else self.gates.notes(self.total)
        if self.rates:
            kept = len(self.frozen.norms)
            yield NoteEvent(rate_table(self.rates, self.options.optimiser, kept))
        every = self.options.logging.save_every
        if every is not None and self.curriculum.whole_epochs < every:
            yield nothing_kept(every, self.total)
        tables = {n: c for hook in self.hooks for n, c in hook.tables.items()}
        found = self.run.restore({**tables, **(self.scores.files if self.scores else {})})
        yield from (WarningEvent(message) for message in self.run.warnings)
        if found is not None:
            self.tally, self.ended = self.saving.restore(found, self.total)
            self.step = found.step
        else:
            yield from self._log_hooks()

    def steps(self) -> Iterator[Event]:
        """Yields the events of every step still to do; a checkpoint comes last in its step.

        A signal to end takes effect after a step, when its checkpoint is written.
        """
        with postpone_signals() as signals:
            while self.step < self.total and self.ended is None:
                epoch, plan = self.curriculum.epoch(self.step), self.curriculum.plan(self.step)
                made = self.loaders["train"].planned([part for parts in plan for part in parts])
                for parts in plan:
                    yield from self._one_step(StepClips.of(parts, made), epoch, signals)
                    signals.end()
                    if self.step == self.total or self.ended is not None:
                        break
        if self.ended is not None:
            yield NoteEvent(f"ended after step {self.step} of {self.total}: {self.ended}")

    def _one_step(self, clips: StepClips, epoch: int, signals: PostponedSignal) -> Iterator[Event]:
        self.laps.begin(measured=self._measured())
        batches = self.laps.reading(clips.batches)
        first = next(batches)
        yield from self.quarantine.new(self.step)
        event = self._train_step(replace(clips, batches=chain([first], batches)), epoch)
        yield from self.quarantine.new(self.step - 1)  # what the other batches of the step met
        yield event
        if self.curriculum.starts_epoch(self.step):
            reasons = [hook.epoch_done(self.step, self.total) for hook in self.hooks]
            self.ended = next((reason for reason in reasons if reason is not None), None)
        last = self.step == self.total or self.ended is not None
        if self.scores and (last or self.curriculum.starts_epoch(self.step)):
            self.scores.trained(self.run, epoch)
        if last or self.step % self.options.logging.log_every == 0:
            yield from self._log_hooks()
        if self._evaluation_due() and not last:
            self.evaluations.recalibrate()
            yield from self._evaluate("val", epoch)
        yield from self._keep_epoch()
        if last or self._checkpoint_due() or signals.asked:
            yield self.saving.save(self.step, self.tally, self.ended, self._document())

    def conclude(self, *, open_test: bool) -> Generator[Event, None, TrainingOutcome]:
        """Yields the last evaluations, and returns them with everything else that was seen."""
        yield from self._choose()
        epoch = self.curriculum.epoch(self._kept - 1)
        for hook in self.hooks:
            hook.finish()
        metrics: dict[str, Metrics] = {}
        self.evaluations.recalibrate()
        for split in ("val", "test") if open_test else ("val",):
            for event in self._evaluate(split, epoch, last=True):
                yield event
                metrics[split] = event.metrics
        yield from self.quarantine.new(self.step)
        return TrainingOutcome(
            metrics,
            self._document(),
            self.step,
            self.clock.seconds(),
            digest(self.network.state_dict(), {}),
            self.quarantine.listed(),
            None if self.loss_scale is None else self.loss_scale.skipped,
            None if self.best is None else self.best.record(self.step),
        )

    @property
    def _kept(self) -> int:
        """Steps of the network that is kept: all, or those to the best look."""
        return self.step if self.best is None or self.best.step is None else self.best.step

    def _choose(self) -> Iterator[Event]:
        """Yields the look at the last step, and goes back to the best one; without it, nothing."""
        if self.best is None:
            return
        self.evaluations.recalibrate()
        yield from self._evaluate("val", self.curriculum.epoch(self.step - 1))
        yield NoteEvent(
            f"kept: {self.best.record(self.step)} (chosen on val, so its number there is "
            "optimistic; the honest one is that on test)"
        )
        if self._kept < self.step:
            put_weights(self.network, self.best.weights, self.run.directory / CHECKPOINTS)
            for hook in self.hooks:  # the network as it was then: a search has its temperature
                hook.begin(self._kept - 1, self.total)

    def _train_step(self, clips: StepClips, epoch: int) -> StepEvent:
        self.network.train()
        for hook in self.hooks:
            hook.begin(self.step, self.total)
        try:
            learned = self.lesson.learn(clips, self.step)
            rate = self._use_gradients(learned.rate)
        except FloatingPointError as error:
            raise self._diverged(str(error)) from None
        self.step += 1
        self.tally.add(epoch, learned.hits, learned.asked)
        if self.scores is not None:
            self.scores.add(learned)
        measured = self.laps.speeds()
        self.speeds = measured or self.speeds
        event = StepEvent(
            step=self.step,
            epoch=epoch,
            steps_per_epoch=self.curriculum.steps(epoch),
            total_steps=self.total,
            loss=learned.loss,
            accuracy=self.tally.accuracy,
            clips_per_second=self.clock.tick(learned.clips),
            learning_rate=rate,
            epochs=self.curriculum.epochs,
            shape=(learned.clips, *learned.shape),
            speeds=self.speeds,
        )
        shares = [
            n / learned.asked if learned.asked else None for n in (learned.hits, learned.five)
        ]
        top5 = shares[1] if self._has_top5 else None
        row = step_row(event, accuracy=shares[0], top5=top5, measured=measured is not None)
        self.run.log(METRICS, row)
        if self.terms is not None:
            self.terms.write(self.run, self.step, epoch, learned.terms)
        return event

    @property
    def _has_top5(self) -> bool:
        """Whether a fifth answer says something, as in evaluations."""
        return not self.data.train.num_classes and len(self.data.classes) > TOP

    def _measured(self) -> bool:
        """Whether the next step is measured; on a GPU one of many, as that means to wait for it."""
        every = self.options.logging.log_every if self.compute.device == "cuda" else 1
        return self.speeds is None or (self.step + 1) % every == 0

    def _keep_epoch(self) -> Iterator[Event]:
        """Keeps the state by the number of the epoch that is over, if it is time to."""
        every = self.options.logging.save_every
        if every is None or not self.curriculum.ends_period(self.step, every):
            return
        epochs = self.curriculum.epoch(self.step - 1) + 1
        size = self.saving.keep(epochs, self.step, self.tally, self.ended, self._document())
        if not self._kept_one:
            self._kept_one = True
            yield disk_note(size, every, self.curriculum.whole_epochs // every)

    def _use_gradients(self, scale: float) -> float:
        """Returns the learning rate of the filters; gradients that overflowed change nothing."""
        place, end, epoch = self.curriculum.place(self.step)
        asked = {"total_steps": end, "scale": scale, "epoch_steps": epoch}
        if not self.optimisers.usable(self.step):
            return self.optimisers.rates(place, **asked)["filters"]
        for hook in self.hooks:
            hook.observe()
        return self.optimisers.step(place, **asked)

    def _diverged(self, what: str) -> TrainingError:
        rates = self.options.optimiser
        return TrainingError(
            f"step {self.step + 1} of {self.total}: {what}, at a peak learning rate of "
            f"{rates.peak_rate} (connections: {rates.connection_lr}), precision "
            f"{self.compute.precision}\n"
            f"  the last checkpoint is unchanged: {self.run.directory}\n"
            "  cure: start a new run with a smaller --lr or --grad-clip, or with --precision fp32"
        )

    def _evaluation_due(self) -> bool:
        every = self.options.evaluation_interval
        return self.curriculum.ends_period(self.step, every) or self.step in self.looks

    def _checkpoint_due(self) -> bool:
        every = self.options.logging.checkpoint_steps
        if every is not None and self.step % every == 0:
            return True
        return self.clock.save_due(self.options.logging.checkpoint_seconds)

    def _evaluate(self, split: str, epoch: int, *, last: bool = False) -> Iterator[EvaluationEvent]:
        over = self.curriculum.starts_epoch(self.step) or self.step == self.total
        step = self._kept if last else self.step
        yield from self.evaluations.look(split, epoch, step, over=over, last=last)
        self.clock.skip()

    def _log_hooks(self) -> Iterator[Event]:
        epoch = self.curriculum.epoch(max(self.step - 1, 0))
        for hook in self.hooks:
            yield from hook.log(self.run, self.step, epoch)

    def _document(self) -> ModelDocument:
        """The model with what was learned so far written in."""
        document = self.network.describe()
        for hook in self.hooks:
            document = hook.learned(document)
        return document
