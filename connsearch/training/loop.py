"""The training loop: a generator of events that resumes, bit for bit, after a kill.

Nothing random has a state. The order of the clips and their augmentation follow from (seed, epoch,
index), dropout from (seed, step), the learning rate from the step. So a run is its tensors and the
number of steps done, and that is what a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import DataError, SettingsError
from connsearch.models.gates import gate_frames
from connsearch.models.model import Model, Wrapped, require_model
from connsearch.nn.split_norm import split_norms
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import AdviceEvent, Event, WarningEvent
from connsearch.runs.formats.advice import Advice
from connsearch.runs.run import Run, origin
from connsearch.runs.same_data import CONTENTS, as_recorded, data_facts
from connsearch.training.advice import after_training, before_training
from connsearch.training.balance import balance
from connsearch.training.best import require_choice
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.gates import GateStart, gate_start
from connsearch.training.hooks import Hook
from connsearch.training.noticed import clip_without_numbers, training_course, training_plan
from connsearch.training.options import TrainOptions
from connsearch.training.outcome import TrainingOutcome
from connsearch.training.rates import rate_groups
from connsearch.training.training import Training


def fit(
    network: Model,
    data: DataSplits,
    options: TrainOptions,
    *,
    run: Run,
    open_test: bool = True,
    hooks: Sequence[Hook] = (),
    looks: Sequence[float] = (),
) -> Iterator[Event]:
    """Yields the events of training a model: steps, evaluations, checkpoints, and the result.

    A finished run only gives its result again. See :func:`optimise` for arguments and errors.
    """
    if run.finished:
        yield WarningEvent(f"{run.directory}: this run is finished; this is its result")
        yield run.result()
        return
    outcome = yield from optimise(
        network, data, options, run=run, open_test=open_test, hooks=hooks, looks=looks
    )
    model = outcome.model.with_provenance(origin("train", outcome.model.name, run))
    yield run.finish(model, network.state_dict(), outcome.metrics, outcome.report(run))


def optimise(
    network: Model,
    data: DataSplits,
    options: TrainOptions,
    *,
    run: Run,
    open_test: bool,
    hooks: Sequence[Hook] = (),
    looks: Sequence[float] = (),
    alarmed: bool = False,
) -> Generator[Event, None, TrainingOutcome]:
    """Yields events until the last step, and returns the evaluation of the finished model.

    Args:
        network: trained in place; the same first weights on every call for the same run.
        data: the splits. Evaluations during training use ``val`` (skipped when it is empty).
        options: how to train.
        run: where logs and checkpoints go; an interrupted one resumes from its last checkpoint.
        open_test: evaluate on ``test`` too, once, at the very end.
        hooks: called at certain moments.
        looks: shares of the training after which ``val`` is evaluated, in addition to the options.
        alarmed: whether the caller says itself which temporal gates make no choice on ``val``.

    Raises:
        DataError: there is no training clip.
        SettingsError: the network is not a model; a plain module has to be wrapped. Or the best
            state is to be kept, by a number that there is not. Or a rate is for a part that there
            is not.
        RunError: the run belongs to other data or other first weights.
        TrainingError: the loss or a gradient is not finite; the last checkpoint stays as it is.
    """
    require_model(network)
    if not len(data.train):
        raise DataError("the train split is empty, so there is no clip to train on")
    _require_reader(network, data)
    require_choice(options.choice, data)
    start = gate_start(network, options.gates, name=network.describe().name)
    balanced = balance(options, data)
    frames = {} if start is None else gate_frames(network, clip_without_numbers(data))
    rates = rate_groups(network, options.rates)
    told = "contains a run with other data"
    data, notes = as_recorded(data, run.config, where=str(run.directory), told=told)
    run.warnings += notes
    environment = run.settle(
        network.describe(),
        describe_environment(options.compute),
        {
            **data_facts(data),
            "classes": list(data.classes),
            "first_weights": digest(network.state_dict(), {}),
            **({} if data.connections is None else {"halves": data.hashes}),
            **balanced.facts(data.classes),
            **({} if start is None else {"gate_start": start}),
            **({"rates": [group.record().to_json() for group in rates]} if rates else {}),
        },
    )
    lists = {name: {"clips": len(split), "hash": data.hashes[name]} for name, split in data}
    run.describe("splits", lists)
    if data.contents is not None:
        run.describe(CONTENTS, {**data.contents.marks})
    with processor_threads(environment["threads"]), SplitLoaders(data.parts()) as loaders:
        training = Training(
            network,
            data,
            loaders,
            options,
            run,
            environment,
            hooks=hooks,
            looks=looks,
            balanced=balanced,
            gates=None if start is None else GateStart(network, start, frames),
            rates=rates,
        )
        yield from training.resume()
        plan = training_plan(network, data, options, training.curriculum)
        yield from _advised(run, before_training(plan))
        norms = split_norms(network, training.curriculum.norm_clips)
        with norms, training.frozen.held():
            yield from training.steps()
            outcome = yield from training.conclude(open_test=open_test)
        course = training_course(run, data, options, outcome.metrics, outcome.steps)
        judged = outcome.metrics.get("val")
        if alarmed and course.gates is not None and judged is not None:
            course = replace(course, gates=replace(course.gates, told=True))
        yield from _advised(run, after_training(course))
        return outcome


def _require_reader(network: Model, data: DataSplits) -> None:
    """Refuses frames that only a focus model reads, where there is none.

    Raises:
        SettingsError: there is none.
    """
    own = data.options.clips.focus_frames
    if own is None or "focus" in network.own_frames:
        return
    if isinstance(network, Wrapped) and network.stream in (None, "focus"):
        return
    raise SettingsError(
        f"--focus-frames {own}: {network.describe().name} has no use for frames beside its clip\n"
        "  cure: leave it out, or train a focus model with it: connsearch train adafocus-tsm"
    )


def _advised(run: Run, advice: Sequence[Advice]) -> Iterator[Event]:
    """Yields the advice, and keeps it for the result."""
    run.advice += advice
    yield from map(AdviceEvent, advice)
