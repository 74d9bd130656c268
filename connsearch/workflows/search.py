"""The one-shot search of a structure's connections, as a run: :func:`search`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, overload

from connsearch.analysis.folds import FoldsSummary
from connsearch.data.loading.load import DataSplits
from connsearch.graph.spec import Structure
from connsearch.models.model import Model
from connsearch.oneshot import search as oneshot
from connsearch.oneshot.alarms import Alarm
from connsearch.runs.events import Event
from connsearch.runs.record import open_run
from connsearch.runs.run import Run
from connsearch.workflows.data import prepare, suit
from connsearch.workflows.evaluate import evaluate_finished, require_splits
from connsearch.workflows.folds import FoldTraining, refuse_initial, refuse_loaded, run_folds
from connsearch.workflows.given import StructureLike, named, structure_in
from connsearch.workflows.going_on import run_place
from connsearch.workflows.initial import InitialWeights, begin_with, forget_first, open_initial
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.pictures import draw_run
from connsearch.workflows.scalars import for_tensorboard
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.search import SearchSettings
from connsearch.workflows.targets import open_structure


@overload
def search(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    folds: None = None,
    progress: Progress = True,
    **settings: Any,
) -> OpenedRun: ...


@overload
def search(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    folds: int | str,
    progress: Progress = True,
    **settings: Any,
) -> FoldsSummary: ...


def search(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    folds: int | str | None = None,
    progress: Progress = True,
    **settings: Any,
) -> OpenedRun | FoldsSummary:
    """Returns the run in which connections were searched; with ``folds``, those of all folds.

    Every block is first connected with all lower ones; the weights of the connections are learned
    together with the filters (AssembleNet, arXiv 1905.13209, section 3.3). The same call resumes a
    run that was stopped; once it is finished, its result is returned.

    Args:
        structure: a value, a name, a file, or an earlier run; by default ``starter``.
        data: loaded data, or what ``load_data`` finds it by; by default ``synthetic:mix``.
        folds: cross-validate over so many parts of the groups, or over those of the column cv
            (``"csv"``); the data is named, not loaded. None: one search.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch search`` by its name: ``epochs=6, run="runs/mine"``.

    Raises:
        UserError: a setting, the structure or the data cannot be used, or the directory holds
            something else.
    """
    if folds is not None:
        refuse_loaded(data)
        settings["folds"] = folds
    asked = SearchSettings.of(**given_data(data, settings), **named("structure", structure))
    if asked.folds is not None:
        return run_search_folds(asked, Listener.of(progress), structure_in(structure))
    given = structure_in(structure), splits_in(data)
    return run_search(asked, Listener.of(progress), *given)


def run_search_folds(
    asked: SearchSettings, listener: Listener, structure: Structure | None = None
) -> FoldsSummary:
    """Returns the cross-validation that was asked for, once it is finished.

    Args:
        asked: all settings; ``folds`` among them.
        listener: hears what happens.
        structure: each search starts from; None: as the settings name it.

    Raises:
        UserError: as for :func:`search`.
        Failure: the search of a fold could not go on.
    """
    start = open_structure(asked.structure) if structure is None else structure
    refuse_initial(asked, listener)

    def events(one: SearchSettings, data: DataSplits, run: Run, told: Listener) -> Iterator[Event]:
        initial = open_initial(one.initial_weights, run.directory)
        return _events(one, start, data, run, told, initial)

    usual = RUNS / f"search-{Path(asked.structure).stem}-folds-{asked.folds}"
    training = FoldTraining("search", asked.training, events)
    return run_folds(asked, asked.directory(usual), training, listener)


def run_search(
    asked: SearchSettings,
    listener: Listener,
    structure: Structure | None = None,
    data: DataSplits | None = None,
) -> OpenedRun:
    """Returns the run that was asked for, once it is finished.

    Args:
        asked: all settings.
        listener: hears what happens.
        structure: it starts from; None: as the settings name it.
        data: loaded already; None: as the settings name it.

    Raises:
        UserError: as for :func:`search`.
    """
    start = open_structure(asked.structure) if structure is None else structure
    options = asked.training.with_values(seed=asked.seed)
    config = {"command": "search", "settings": asked.settings()}
    usual = RUNS / f"search-{Path(asked.structure).stem}"
    directory = run_place(asked, usual, config, listener)
    initial = open_initial(asked.initial_weights, directory)
    found = prepare(directory, config, asked.data_options(), listener, given=data, training=options)
    if found is not None:
        require_splits(asked, found)
    with Run.open(directory, config) as run:
        if found is None:
            report = run.result().report
            for said in (*report.advice, *map(Alarm.read, report.alarms)):
                listener.warn(str(said))
        else:
            events = _events(asked, start, found, run, listener, initial)
            listener.follow(for_tensorboard(events, directory, wanted=asked.tensorboard))
        forget_first(directory)
        draw_run(open_run(directory), listener)
    compute = asked.training.compute
    evaluate_finished(directory, asked.evaluate, compute, listener)
    return opened(directory)


def _events(
    asked: SearchSettings,
    start: Structure,
    data: DataSplits,
    run: Run,
    listener: Listener,
    initial: InitialWeights | None,
) -> Iterator[Event]:
    """The events of one search, which may begin with weights of elsewhere."""

    def begin(network: Model) -> None:
        begin_with(initial, network, run.directory, data.classes, listener)

    options = asked.training.with_values(seed=asked.seed)
    return oneshot.search(suit(start, data, asked), data, options, run=run, start=begin)
