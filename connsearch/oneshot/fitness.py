"""How fit a structure is: a short one-shot search over the connections it has, then its score.

Connection weights learn inside every candidate (AssembleNet, appendix A.1); what they have learned
guides the mutations of its children. The published fitness is the sum of top-1 and top-5 accuracy
on a validation set; ours is the score on ``val`` (accuracy, mAP of multi-label data, or what
``watch`` names), alone or beside what the network costs. The test split stays closed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from connsearch.data.loading.bilevel_split import with_halves
from connsearch.data.loading.load import DataSplits
from connsearch.errors import DataError, SettingsError
from connsearch.evolution.child import Child, Outcome, Task
from connsearch.files.disk import is_there
from connsearch.graph.document_nodes import node_document
from connsearch.graph.gates import has_gates
from connsearch.graph.parse import rows
from connsearch.graph.rules import validate
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.document import ModelDocument
from connsearch.models.structure import Network
from connsearch.oneshot.judge import Judge
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import build, fit_model, search
from connsearch.oneshot.successive_halving import SuccessiveHalving
from connsearch.oneshot.weight_inheritance import Origins, WeightInheritance, weight_inheritance_of
from connsearch.runs.events import Event, ResultEvent
from connsearch.runs.files import load_weights, put_weights, write_weights
from connsearch.runs.names import CHECKPOINTS, FIRST, WEIGHTS
from connsearch.runs.record import RunRecord
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.balance import balance
from connsearch.training.best import require_choice


class SearchFitness:
    """Judges children by training them; an ``Evaluate`` of ``evolve.child``.

    Every evaluation has its own run directory, ``NUMBER-EVALUATION``. An attempt that was
    killed or closed is resumed there by the next one on this machine, and ends like an
    uninterrupted one. Of a finished one everything but its checkpoints is kept; weights stay until
    :meth:`discard_weights` removes those that are not needed any more.

    Args:
        data: the splits; ``train`` teaches filters and connections, ``val`` judges.
        options: how every child is trained; seed, over-connecting and warm start are decided here.
        directory: of all runs.
        objectives: what is judged, in the order of the values.
        rungs: shares of a training at which it reports its values, rising.
        origins: if given, a child starts from the weights of its first parent if they are here.

    Raises:
        DataError: the validation split is empty.
        SettingsError: the watched number is none that a score can be.
    """

    def __init__(
        self,
        data: DataSplits,
        options: SearchOptions,
        directory: Path,
        *,
        objectives: Sequence[str] = ("accuracy",),
        rungs: Sequence[float] = (),
        origins: Origins | None = None,
    ) -> None:
        require_judges(data, options)
        epochs = options.schedule.epochs
        batch = data.train.loading.batch_size * (options.optimiser.accumulate or 1)
        steps = options.schedule.steps or epochs * -(-len(data.train) // batch)
        fixed = {
            "over_connect": False,
            "warm_start": False,
            "post": None,  # a child has its own
            "gated_connections": None,
            # Nothing is needed between the rungs, and with many children every table counts; but
            # the best can only be kept of several looks.
            "eval_every": options.logging.eval_every
            or (epochs if options.choice.keep == "last" else None),
            "log_every": max(options.logging.log_every, steps // 10),
        }
        self._data = data
        self._options = options.with_values(**fixed)
        self._directory = directory
        self._objectives = tuple(objectives)
        self._rungs = tuple(rungs)
        self._origins = origins

    def __call__(self, task: Task) -> Generator[Any, None, Outcome]:
        """Yields the events of training a child, rungs among them; returns the outcome.

        Raises:
            DataError: its score is not a number, or clips cannot be read.
            RunError: its directory contains a run of another child or of other settings, the
                weights it should start from are gone, or another process works in it.
            TrainingError: the loss is not finite.
        """
        number, options = task.child.number, self._options.with_values(seed=task.seed)
        directory = self.run_of(number, task.evaluation)
        structure = self._suited(task.child.structure)
        if not has_gates(structure):  # then when they decide says nothing
            options = options.with_values(gate_start="auto")
        inheritance = self._inheritance(task.child, directory)
        config = self._config(task, structure, options, inheritance)
        with Run.open(directory, config) as run:
            judge = Judge(
                self._data,
                structure,
                self._objectives,
                run,
                channels_last=options.compute.channels_last,
                watch=options.choice.watch,
            )
            halving = SuccessiveHalving(self._rungs, run, judge.values, watch=options.choice.watch)
            result: ResultEvent | None = None
            with closing(self._train(structure, options, run, inheritance)) as events:
                for event in events:
                    yield event
                    yield from halving.hear(event)
                    result = event if isinstance(event, ResultEvent) else result
            assert result is not None
            outcome = judge.outcome(result)
            self._tidy(directory, weights=task.evaluation == 0)
            return outcome

    def discard_weights(self, keep: Collection[int]) -> None:
        """Removes the weights of every finished child but those in ``keep``; all else stays."""
        for directory in self._directory.glob("*-0"):
            if int(directory.name.partition("-")[0]) not in keep and RunRecord(directory).finished:
                (directory / WEIGHTS).unlink(missing_ok=True)

    def run_of(self, child: int, evaluation: int = 0) -> Path:
        """Returns the run directory of an evaluation, whether or not it is there."""
        return self._directory / f"{child:04d}-{evaluation}"

    def _suited(self, structure: Structure) -> Structure:
        """The structure adapted to this data and these options."""
        suited = fit_objects(structure, self._data.object_classes, data=self._data.name)
        if self._options.relaxation.relaxed.normalise_inputs:
            suited = suited.with_settings(normalise_inputs=True)
        return validate(suited)

    def _inheritance(
        self, child: Child, directory: Path
    ) -> WeightInheritance | Mapping[str, Any] | None:
        """Where the child starts; a mapping: it was decided before, or why there is nothing."""
        if self._origins is None:
            return None
        run = RunRecord(directory)
        recorded = run.config.get("inherited") if run.is_run else None
        begun = run.has(FIRST) or run.finished
        if isinstance(recorded, dict) and (recorded["from"] is None or begun):
            return recorded
        found = weight_inheritance_of(child, self.run_of, self._origins)
        return {"from": None, "why": found} if isinstance(found, str) else found

    def _config(
        self,
        task: Task,
        structure: Structure,
        options: SearchOptions,
        inheritance: WeightInheritance | Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Everything that decides the result; with it, the run can be read like any search."""
        inherited = (
            {"from": inheritance.parent}
            if isinstance(inheritance, WeightInheritance)
            else inheritance
        )
        return {
            "command": "search",
            "settings": {
                "structure": structure.name,
                "seed": task.seed,
                "data": self._data.options.model_dump(mode="json"),
                "training": options.model_dump(
                    mode="json", exclude={"compute": {"threads", "device"}}
                ),
            },
            "child": {
                "number": task.child.number,
                "evaluation": task.evaluation,
                "nodes": rows(structure),
                **node_document(structure),
                "rungs": list(self._rungs),
            },
            **({} if inherited is None else {"inherited": inherited}),
        }

    def _train(
        self,
        structure: Structure,
        options: SearchOptions,
        run: Run,
        inheritance: WeightInheritance | Mapping[str, Any] | None,
    ) -> Generator[Event]:
        """Yields the events of the training, the result last."""

        def start(network: Network) -> None:
            first = run.directory / FIRST
            if is_there(first):
                put_weights(network, load_weights(first), first)
            elif isinstance(inheritance, WeightInheritance):
                taken = inheritance.start(
                    network, temperature=options.relaxation.relaxed.temperature
                )
                run.describe("transplanted", {"share": taken.share, "account": str(taken)})
                write_weights(first, network.state_dict(), ModelDocument.of(structure))

        train: Callable[..., Iterator[Event]] = search
        if all(weight is None for weight in structure.weights().values()):
            train = _without_choice
        yield from train(structure, self._data, options, run=run, start=start, looks=self._rungs)

    def _tidy(self, directory: Path, *, weights: bool) -> None:
        """Removes the files of a finished run that are not needed any more."""
        if (directory / CHECKPOINTS).exists():
            shutil.rmtree(directory / CHECKPOINTS)
        (directory / FIRST).unlink(missing_ok=True)
        if not weights:
            (directory / WEIGHTS).unlink(missing_ok=True)


def require_judges(data: DataSplits, options: SearchOptions) -> None:
    """Refuses data without clips to judge children by, and a number that cannot be a score.

    Raises:
        DataError: the validation split is empty, or the file of class weights cannot be used.
        SettingsError: a smaller number is better, or the data has no such number.
    """
    if not len(data.val):
        raise DataError(
            f"{data.name}: the validation split is empty, so structures cannot be judged\n"
            "  cure: give it a share (--val-share) or a list"
        )
    if options.choice.watch == "loss":
        raise SettingsError(
            "watch loss: a score is better the larger it is\n"
            "  cure: --watch accuracy or balanced_accuracy (multi-label data: mAP)"
        )
    require_choice(options.choice, data)
    balance(options, data)


def _without_choice(
    structure: Structure,
    data: DataSplits,
    options: SearchOptions,
    *,
    run: Run,
    start: Callable[[Network], object],
    looks: Sequence[float],
) -> Iterator[Event]:
    """Yields the events of training a structure none of whose connections has a weight.

    There is nothing to search; it is trained on the clips that would have taught its filters.
    """
    network = build(replace(structure, gates_decide=False), len(data.classes), options)
    start(network)
    if options.relaxation.relaxed.level == "bilevel":
        data = replace(with_halves(data, seed=derive(options.seed, "halves")), connections=None)
    yield from fit_model(network, data, options, run=run, open_test=False, looks=looks)
