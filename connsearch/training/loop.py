"""The training loop: a generator of events that goes on, bit for bit, where it was killed.

Nothing random has a state. The order of the clips and their augmentation follow from (seed, epoch,
index), dropout from (seed, step), the learning rate from the step. So a run is its tensors and the
number of steps done, and that is what a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import DataError
from connsearch.models.structure import Network
from connsearch.nn.split_norm import split_norms
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import (
    Event,
    WarningEvent,
)
from connsearch.runs.run import Run, with_origin
from connsearch.runs.same_data import CONTENTS, as_recorded, data_facts
from connsearch.training.environment import describe_environment, processor_threads
from connsearch.training.hooks import Guide
from connsearch.training.options import TrainOptions
from connsearch.training.training import Outcome, Training


def fit(
    network: Network,
    data: DataSplits,
    options: TrainOptions,
    *,
    run: Run,
    open_test: bool = True,
    guide: Guide | None = None,
) -> Iterator[Event]:
    """Yields the events of training a network: steps, evaluations, checkpoints, and the result.

    A finished run only gives its result again. See :func:`optimise` for arguments and errors.
    """
    if run.finished:
        yield WarningEvent(f"{run.directory}: this run is finished; this is its result")
        yield run.result()
        return
    outcome = yield from optimise(network, data, options, run=run, open_test=open_test, guide=guide)
    structure = with_origin(network.learned_structure(), "train", run)
    yield run.finish(structure, network.state_dict(), outcome.metrics, outcome.report(run))


def optimise(
    network: Network,
    data: DataSplits,
    options: TrainOptions,
    *,
    run: Run,
    open_test: bool,
    guide: Guide | None = None,
) -> Generator[Event, None, Outcome]:
    """Yields events until the last step, and returns the evaluation of the finished network.

    Args:
        network: trained in place; the same first weights on every call for the same run.
        data: the splits. Evaluations during training use ``select`` (skipped when it is empty).
        options: how to train.
        run: where logs and checkpoints go; one that stopped goes on from its last checkpoint.
        open_test: evaluate on ``test`` too, once, at the very end.
        guide: what steers the training beside the loss.

    Raises:
        DataError: there is no training clip.
        RunError: the run belongs to other data or other first weights.
        TrainingError: the loss or a gradient is not finite; the last checkpoint stays as it is.
    """
    if not len(data.train):
        raise DataError("there is no clip to train on; the train split is empty")
    told = "holds a run with other data"
    data, notes = as_recorded(data, run.config, where=str(run.directory), told=told)
    run.warnings += notes
    environment = run.settle(
        network.structure,
        describe_environment(options),
        {
            **data_facts(data),
            "classes": list(data.classes),
            "first_weights": digest(network.state_dict(), {}),
            **({} if data.connections is None else {"halves": data.hashes}),
        },
    )
    lists = {name: {"clips": len(split), "hash": data.hashes[name]} for name, split in data}
    run.describe("splits", lists)
    if data.contents is not None:
        run.describe(CONTENTS, {**data.contents.marks})
    with processor_threads(environment["threads"]), SplitLoaders(data.parts()) as loaders:
        training = Training(network, data, loaders, options, run, environment, guide)
        yield from training.resume()
        with split_norms(network, training.curriculum.norm_clips):
            yield from training.steps()
            return (yield from training.conclude(open_test=open_test))
