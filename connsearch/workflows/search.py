"""The one-shot search of a structure's connections, as a run: :func:`search`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.graph.spec import Structure
from connsearch.oneshot import search as oneshot
from connsearch.oneshot.alarms import Alarm
from connsearch.runs.record import RunRecord, open_run
from connsearch.runs.run import Run
from connsearch.workflows.data import prepare, suit
from connsearch.workflows.given import StructureLike, named, structure_in
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.pictures import draw_run
from connsearch.workflows.scalars import for_tensorboard
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.search import SearchSettings
from connsearch.workflows.targets import open_structure


def search(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> RunRecord:
    """Returns the run in which the connections of a structure were searched.

    Every block is first connected with all lower ones; the weights of the connections are learned
    together with the filters (AssembleNet, arXiv 1905.13209, section 3.3). The same call resumes a
    run that was stopped; once it is finished, its result is returned.

    Args:
        structure: a value, a name, a file, or an earlier run; by default ``starter``.
        data: loaded data, or what ``load_data`` finds it by; by default ``synthetic:mix``.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch search`` by its name: ``epochs=6, run="runs/mine"``.

    Raises:
        UserError: a setting, the structure or the data cannot be used, or the directory holds
            something else.
    """
    asked = SearchSettings.of(**given_data(data, settings), **named("structure", structure))
    given = structure_in(structure), splits_in(data)
    return run_search(asked, Listener.of(progress), *given)


def run_search(
    asked: SearchSettings,
    listener: Listener,
    structure: Structure | None = None,
    data: DataSplits | None = None,
) -> RunRecord:
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
    directory = asked.directory(RUNS / f"search-{Path(asked.structure).stem}")
    options = asked.training.with_values(seed=asked.seed)
    config = {"command": "search", "settings": asked.settings()}
    found = prepare(directory, config, asked.data_options(), listener, given=data, training=options)
    with Run.open(directory, config) as run:
        if found is None:
            for alarm in run.result().report.alarms:
                listener.warn(str(Alarm.read(alarm)))
        else:
            events = oneshot.search(suit(start, found, asked), found, options, run=run)
            listener.follow(for_tensorboard(events, directory, wanted=asked.tensorboard))
        draw_run(open_run(directory), listener)
    return open_run(directory)
