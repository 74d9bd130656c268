"""One network on its way through a training: its steps, evaluations and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import Batch
from connsearch.data.loading.load import DataSplits
from connsearch.errors import RunError, TrainingError
from connsearch.files.stopping import Held, held
from connsearch.graph.files import to_json
from connsearch.models.structure import Network
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
from connsearch.runs.names import CHECKPOINTS, CONNECTIONS, METRICS
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.counters import Clock, Tally
from connsearch.training.curriculum import Curriculum, CyclicClips
from connsearch.training.evaluate import Compute, evaluate, recalibrate_on
from connsearch.training.hooks import Guide
from connsearch.training.logits import LogitHistory, LogitWatch
from connsearch.training.losses import choose_loss, right_answers
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from connsearch.training.quarantine import Quarantine


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a training ended: evaluations by split, what the logits did, steps, what was bad."""

    metrics: dict[str, Metrics]
    logits: LogitHistory
    steps: int
    seconds: float
    digest: str
    quarantine: list[dict[str, Any]]

    def report(self, run: Run) -> dict[str, Any]:
        """Returns the numbers for ``result.json``."""
        return {
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
            "warnings": list(run.warnings),
            "quarantine": self.quarantine,
        }


class Training:
    """One network on its way: everything that is kept between two events.

    Args:
        network: trained in place.
        data: the splits.
        options: how to train.
        run: where logs and checkpoints go.
        environment: device, precision and threads, as the run recorded them.
        guide: what steers it beside the loss.
    """

    def __init__(
        self,
        network: Network,
        data: DataSplits,
        options: TrainOptions,
        run: Run,
        environment: Mapping[str, Any],
        guide: Guide | None = None,
    ) -> None:
        device = environment["device"]
        layout = torch.channels_last_3d if options.channels_last else torch.contiguous_format
        network.memory_format = layout
        self.network = network.to(device)
        network.to(memory_format=layout)  # pyright: ignore[reportCallIssue] (torch has no overload)
        self.data, self.options, self.run = data, options, run
        self.compute = Compute(device, bf16=environment["precision"] == "bf16")
        self.loss = choose_loss(options.loss, multi_label=data.train.num_classes > 0)
        self.optimisers = Optimisers(network, options)
        self.watch = LogitWatch(network)
        self.curriculum = Curriculum(data.train, options)
        self.total = self.curriculum.total
        self.guide = guide or Guide()
        apart = data.connections
        self.second = None if apart is None else CyclicClips(apart, seed=options.seed)
        self.step = 0
        self.ended: str | None = None
        self.tally = Tally()
        self.clock = Clock()
        self.quarantine = Quarantine(data, run)

    def resume(self) -> Iterator[Event]:
        """Puts everything back to the newest checkpoint, if there is one."""
        note = self.curriculum.describe()
        yield from [] if note is None else [NoteEvent(note)]
        found = self.run.restore()
        yield from (WarningEvent(message) for message in self.run.warnings)
        if found is not None:
            try:
                self._restore(found)
            except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
                raise RunError(
                    f"{self.run.directory}: its checkpoint of step {found.step} is not one of this "
                    f"network and these settings: {type(error).__name__}: {error}\n"
                    "  cure: the version that made the run, or start again in another directory"
                ) from None
        elif self.watch.learns:
            yield self._log_connections()

    def _restore(self, found: Checkpoint) -> None:
        model, place = part(found.tensors, "model"), self.run.directory / CHECKPOINTS
        refuse_unusable(place, model)
        put_weights(self.network, model, place)
        self.step = found.step
        self.optimisers.restore(part(found.tensors, "optimiser"))
        self.watch.restore(part(found.tensors, "logits"))
        self.tally = Tally(**found.state["tally"])
        self.quarantine.restore(found.state["quarantine"])
        self.guide.restore(found.state["guide"])
        if self.step:  # the network as its last step left it: no other may follow
            self.guide.begin(self.network, self.step - 1, self.total)
        self.ended = found.state["ended"]
        self.clock.before = found.notes["seconds"]

    def steps(self) -> Iterator[Event]:
        """Yields the events of every step still to do; a checkpoint comes last in its step.

        A signal to end is heard after a step, when its checkpoint is written.
        """
        with held() as signals:
            while self.step < self.total and self.ended is None:
                epoch = self.curriculum.epoch(self.step)
                for batch in self.curriculum.batches(self.step):
                    yield from self._one_step(batch, epoch, signals)
                    signals.end()
                    if self.step == self.total or self.ended is not None:
                        break
        if self.ended is not None:
            yield NoteEvent(f"ended after step {self.step} of {self.total}: {self.ended}")

    def _one_step(self, batch: Batch, epoch: int, signals: Held) -> Iterator[Event]:
        yield from self.quarantine.new(self.step)
        yield self._train_step(batch, epoch)
        if self.curriculum.starts_epoch(self.step):
            self.ended = self.guide.epoch_done(self.network, self.step, self.total)
        last = self.step == self.total or self.ended is not None
        if self.watch.learns and (last or self.step % self.options.log_every == 0):
            yield self._log_connections()
        if self._evaluation_due() and not last:
            self._recalibrate()
            yield from self._evaluate("select", epoch)
        if last or self._checkpoint_due() or signals.asked:
            yield self._checkpoint()

    def conclude(self, *, open_test: bool) -> Generator[Event, None, Outcome]:
        """Yields the last evaluations, and returns them with everything else that was seen."""
        epoch = self.curriculum.epoch(self.step - 1)
        self.guide.finish(self.network)
        metrics: dict[str, Metrics] = {}
        self._recalibrate()
        for split in ("select", "test") if open_test else ("select",):
            for event in self._evaluate(split, epoch, all_views=True):
                yield event
                metrics[split] = event.metrics
        yield from self.quarantine.new(self.step)
        return Outcome(
            metrics,
            self.watch.history(),
            self.step,
            self.clock.seconds(),
            digest(self.network.state_dict(), {}),
            self.quarantine.listed(),
        )

    def _train_step(self, batch: Batch, epoch: int) -> StepEvent:
        self.network.train()
        self.guide.begin(self.network, self.step, self.total)
        logits, value = self._learn(batch)
        self.watch.observe()
        try:
            place, end = self.curriculum.progress(self.step)
            rate = self.optimisers.step(place, total_steps=end, scale=batch.rate)
        except FloatingPointError as error:
            raise self._diverged(str(error)) from None
        self.step += 1
        clips = len(batch.labels)
        frames, size = next(iter(batch.streams.values())).shape[2:4]
        hits, asked = right_answers(logits, batch)
        self.tally.add(epoch, hits, asked)
        event = StepEvent(
            step=self.step,
            epoch=epoch,
            steps_per_epoch=self.curriculum.steps(epoch),
            total_steps=self.total,
            loss=value,
            accuracy=self.tally.accuracy,
            clips_per_second=self.clock.tick(clips),
            learning_rate=rate,
            epochs=self.curriculum.epochs,
            shape=(clips, frames, size),
        )
        accuracy = hits / asked if asked else None
        self.run.log(METRICS, step_row(event, accuracy=accuracy))
        return event

    def _learn(self, batch: Batch) -> tuple[Tensor, float]:
        """Returns logits and loss of a batch, after the gradients of this step are there."""
        logits, loss = self._forward(batch, "step")
        other = None if self.second is None else self.second.batch(self.step)
        penalty = self.guide.penalty(self.network, self.step, self.total)
        if other is None:
            total = loss if penalty is None else loss + penalty
            self._backward(total, None)
        else:
            self._backward(loss, self.optimisers.filters)
            aim = self._forward(other, "connections")[1]
            self._backward(aim if penalty is None else aim + penalty, self.optimisers.logits)
        return logits, loss.item()

    def _backward(self, loss: Tensor, into: list[Tensor] | None) -> None:
        """Adds gradients to the given parameters, or to all; refuses a loss that is not finite."""
        value = loss.item()
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        loss.backward(inputs=into)

    def _forward(self, batch: Batch, purpose: str) -> tuple[Tensor, Tensor]:
        """The only place with random numbers of torch's own (dropout)."""
        devices = [torch.cuda.current_device()] if self.compute.device == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive(self.options.seed, purpose, self.step))
            logits = self.compute.logits(self.network, batch)
        loss = self.loss.training(logits, batch, smoothing=self.options.label_smoothing)
        return logits.detach(), loss

    def _diverged(self, what: str) -> TrainingError:
        return TrainingError(
            f"step {self.step + 1} of {self.total}: {what}, at a peak learning rate of "
            f"{self.options.peak_rate} (connections: {self.options.connection_lr}), precision "
            f"{'bf16' if self.compute.bf16 else 'fp32'}\n"
            f"  the last checkpoint is as it was: {self.run.directory}\n"
            "  cure: a new run with a smaller lr, with a smaller grad_clip, or in fp32"
        )

    def _evaluation_due(self) -> bool:
        return self.curriculum.evaluation_due(self.step) or self.guide.look(self.step, self.total)

    def _checkpoint_due(self) -> bool:
        every = self.options.checkpoint_steps
        if every is not None and self.step % every == 0:
            return True
        return self.clock.save_due(self.options.checkpoint_seconds)

    def _recalibrate(self) -> None:
        if self.options.recalibrate_clips:
            recalibrate_on(
                self.network,
                self.data.train,
                clips=self.options.recalibrate_clips,
                seed=self.options.seed,
                compute=self.compute,
            )

    def _evaluate(
        self, split: str, epoch: int, *, all_views: bool = False
    ) -> Iterator[EvaluationEvent]:
        """Yields the evaluation of a split that has clips: the last of a run with all views."""
        dataset: ClipDataset = getattr(self.data, split)
        if not len(dataset):
            return
        metrics = evaluate(
            self.network,
            dataset,
            classes=self.data.classes,
            compute=self.compute,
            loss=self.options.loss,
            all_views=all_views,
        )
        self.run.log(METRICS, evaluation_row(self.step, epoch, split, metrics))
        self.clock.skip()
        yield EvaluationEvent(epoch, split, metrics, self.step)

    def _log_connections(self) -> Event:
        epoch = self.curriculum.epoch(max(self.step - 1, 0))
        self.run.log(CONNECTIONS, *self.watch.rows(self.step, epoch))
        return self.watch.event(self.step)

    def _checkpoint(self) -> CheckpointEvent:
        begin = time.perf_counter()
        tensors = {
            **under("model", self.network.state_dict()),
            **under("optimiser", self.optimisers.tensors()),
            **under("logits", self.watch.tensors()),
        }
        state = {
            "tally": asdict(self.tally),
            "quarantine": self.quarantine.state(),
            "guide": dict(self.guide.state()),
            "ended": self.ended,
            "structure": to_json(self.network.learned_structure()),
        }
        notes = {"seconds": self.clock.seconds()}
        path = self.run.save(Checkpoint(self.step, tensors, state, notes))
        self.clock.saved(begin)
        return CheckpointEvent(self.step, path)
