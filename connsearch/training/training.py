"""The state of one training: its steps, evaluations and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from typing import Any

import torch

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import RunError, TrainingError
from connsearch.files.stopping import PostponedSignal, postpone_signals
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.runs.checkpoint import Checkpoint, digest, part, under
from connsearch.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    NoteEvent,
    StepEvent,
    WarningEvent,
)
from connsearch.runs.files import put_weights, refuse_unusable
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.logs import evaluation_row, step_row
from connsearch.runs.names import CHECKPOINTS, METRICS
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.balance import Balance, notes
from connsearch.training.best import KeepBest
from connsearch.training.counters import Stopwatch, Tally
from connsearch.training.curriculum import Curriculum, CyclicClips, StepClips
from connsearch.training.evaluate import Compute, evaluate, recalibrate_on
from connsearch.training.gates import GateStart
from connsearch.training.hooks import Hook
from connsearch.training.lesson import Lesson
from connsearch.training.loss_scale import LossScale
from connsearch.training.losses import choose_loss
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from connsearch.training.outcome import TrainingOutcome
from connsearch.training.quarantine import Quarantine
from connsearch.training.remarks import remarks
from connsearch.training.schedule import moment


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
    ) -> None:
        self.balanced = balanced = balanced or Balance()
        device = environment["device"]
        layout = (
            torch.channels_last_3d if options.compute.channels_last else torch.contiguous_format
        )
        network.memory_format = layout
        self.network = network.to(device)
        network.to(memory_format=layout)  # pyright: ignore[reportCallIssue] (torch has no overload)
        self.data, self.loaders, self.options, self.run = data, loaders, options, run
        self.compute = Compute(device, environment["precision"])
        self.loss_scale = LossScale(device) if self.compute.precision == "fp16" else None
        self.optimisers = Optimisers(
            network, options.optimiser, options.schedule, options.rate_powers, self.loss_scale
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
        further = (gates, self.loss_scale, self.best)
        self.hooks = (*hooks, *(hook for hook in further if hook is not None))
        self.looks = tuple(moment(share, self.total) for share in looks)
        apart = None if data.connections is None else loaders["connections"]
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
        )
        self.step = 0
        self.ended: str | None = None
        self.tally = Tally()
        self.clock = Stopwatch()
        self.quarantine = Quarantine(loaders, run, name=data.name)

    def resume(self) -> Iterator[Event]:
        """Puts everything back to the newest checkpoint, if there is one."""
        yield from remarks(self.curriculum, self.options.schedule, self.compute)
        yield from map(NoteEvent, notes(self.options, self.data, self.balanced))
        yield from () if self.gates is None else self.gates.notes(self.total)
        found = self.run.restore({n: c for hook in self.hooks for n, c in hook.tables.items()})
        yield from (WarningEvent(message) for message in self.run.warnings)
        if found is not None:
            try:
                self._restore(found)
            except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
                raise RunError(
                    f"{self.run.directory}: its checkpoint of step {found.step} does not fit this "
                    f"network and these settings: {type(error).__name__}: {error}\n"
                    "  cure: use the version that made the run, or start again in another "
                    "directory (--run)"
                ) from None
        else:
            yield from self._log_hooks()

    def _restore(self, found: Checkpoint) -> None:
        model, place = part(found.tensors, "model"), self.run.directory / CHECKPOINTS
        refuse_unusable(place, model)
        put_weights(self.network, model, place)
        self.step = found.step
        self.optimisers.restore(part(found.tensors, "optimiser"))
        self.tally = Tally(**found.state["tally"])
        self.quarantine.restore(found.state["quarantine"])
        kept, earlier = found.state.get("hooks", {}), found.state.get("guide", {})
        for hook in self.hooks:
            hook.restore(part(found.tensors, hook.name), kept.get(hook.name, earlier))
            if self.step:  # the network as its last step left it: no other may follow
                hook.begin(self.step - 1, self.total)
        self.ended = found.state["ended"]
        self.clock.before = found.notes["seconds"]

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
        first = next(clips.batches)
        yield from self.quarantine.new(self.step)
        event = self._train_step(replace(clips, batches=chain([first], clips.batches)), epoch)
        yield from self.quarantine.new(self.step - 1)  # what the other batches of the step met
        yield event
        if self.curriculum.starts_epoch(self.step):
            reasons = [hook.epoch_done(self.step, self.total) for hook in self.hooks]
            self.ended = next((reason for reason in reasons if reason is not None), None)
        last = self.step == self.total or self.ended is not None
        if last or self.step % self.options.logging.log_every == 0:
            yield from self._log_hooks()
        if self._evaluation_due() and not last:
            self._recalibrate()
            yield from self._evaluate("val", epoch)
        if last or self._checkpoint_due() or signals.asked:
            yield self._checkpoint()

    def conclude(self, *, open_test: bool) -> Generator[Event, None, TrainingOutcome]:
        """Yields the last evaluations, and returns them with everything else that was seen."""
        yield from self._choose()
        epoch = self.curriculum.epoch(self._kept - 1)
        for hook in self.hooks:
            hook.finish()
        metrics: dict[str, Metrics] = {}
        self._recalibrate()
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
        self._recalibrate()
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
        )
        accuracy = learned.hits / learned.asked if learned.asked else None
        self.run.log(METRICS, step_row(event, accuracy=accuracy))
        return event

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

    def _recalibrate(self) -> None:
        """Prepares the network for an evaluation."""
        for hook in self.hooks:
            hook.pause()
        if self.options.logging.recalibrate_clips:
            recalibrate_on(
                self.network,
                self.loaders["train"],
                clips=self.options.logging.recalibrate_clips,
                seed=self.options.seed,
                compute=self.compute,
            )

    def _evaluate(self, split: str, epoch: int, *, last: bool = False) -> Iterator[EvaluationEvent]:
        """Yields the evaluation of a split that has clips: the last of a run with all views.

        Those along the way have all views, too, if the options ask for it. Where the best is kept,
        the looks at ``val`` are logged, and not what was chosen once more.
        """
        loader = self.loaders[split]
        if not len(loader.dataset):
            return
        metrics = evaluate(
            self.network,
            loader,
            classes=self.data.classes,
            compute=self.compute,
            loss=self.options.loss.loss,
            all_views=last or self.options.logging.eval_all_views,
        )
        step = self._kept if last else self.step
        if self.best is None or not last:
            self.run.log(METRICS, evaluation_row(step, epoch, split, metrics))
            if self.gates is not None and metrics.gates is not None:
                self.gates.judged(self.run, step, epoch, split, metrics.gates)
        if self.best is not None and split == "val" and not last:
            self.best.looked(step, metrics)
        self.clock.skip()
        yield EvaluationEvent(epoch, split, metrics, step)

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

    def _checkpoint(self) -> CheckpointEvent:
        begin = time.perf_counter()
        tensors = {
            **under("model", self.network.state_dict()),
            **under("optimiser", self.optimisers.tensors()),
        }
        for hook in self.hooks:
            tensors |= under(hook.name, hook.tensors())
        state = {
            "tally": asdict(self.tally),
            "quarantine": self.quarantine.state(),
            "hooks": {hook.name: dict(hook.state()) for hook in self.hooks},
            "ended": self.ended,
            **self._document().entry(),
        }
        notes = {"seconds": self.clock.seconds()}
        path = self.run.save(Checkpoint(self.step, tensors, state, notes))
        self.clock.saved(begin)
        return CheckpointEvent(self.step, path)
