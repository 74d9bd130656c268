"""A network trained from scratch, or further with the weights it has: :func:`train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, overload

from torch import nn

from connsearch.analysis.folds import FoldsSummary
from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.models.focus.focus import PARTS
from connsearch.models.model import Model, model_of
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event
from connsearch.runs.files import require_shapes
from connsearch.runs.names import EXITS, SCRATCH, TRAINED
from connsearch.runs.record import RunRecord, open_run
from connsearch.runs.recorded import is_trained
from connsearch.runs.run import Run
from connsearch.workflows.data import prepare
from connsearch.workflows.evaluate import evaluate_finished, require_splits
from connsearch.workflows.focus_models import with_own_frames
from connsearch.workflows.focus_parts import begin_with_parts
from connsearch.workflows.folds import (
    FoldTraining,
    refuse_initial,
    refuse_loaded,
    refuse_seen,
    run_folds,
)
from connsearch.workflows.given import StructureLike, name_of, structure_in
from connsearch.workflows.going_on import run_place
from connsearch.workflows.initial import (
    begin_with,
    forget_first,
    open_initial,
)
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.pictures import draw_run
from connsearch.workflows.scalars import for_tensorboard
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.train import TrainSettings
from connsearch.workflows.targets import (
    require_data,
)
from connsearch.workflows.train_start import first_network, open_focus, start_of


@overload
def train(
    target: StructureLike | nn.Module,
    data: DataLike | None = None,
    *,
    folds: None = None,
    progress: Progress = True,
    **settings: Any,
) -> OpenedRun: ...


@overload
def train(
    target: StructureLike | nn.Module,
    data: DataLike | None = None,
    *,
    folds: int | str,
    progress: Progress = True,
    **settings: Any,
) -> FoldsSummary: ...


def train(
    target: StructureLike | nn.Module,
    data: DataLike | None = None,
    *,
    folds: int | str | None = None,
    progress: Progress = True,
    **settings: Any,
) -> OpenedRun | FoldsSummary:
    """Returns the run in which a network was trained; with ``folds``, those of all folds.

    What a run or a pruning left is trained further, with the weights it has; any other network from
    scratch. The test split stays closed unless ``evaluate`` names it. The same call resumes a run
    that was stopped.

    Args:
        target: a run or a pruning, a structure, the name of a network (``connsearch.list_models``),
            or a module of one's own.
        data: loaded data, or what ``load_data`` finds it by; None: that of the run.
        folds: cross-validate over so many parts of the groups, or over those of the column cv
            (``"csv"``); the data is named, not loaded. None: one training.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch train`` by its name: ``epochs=6, from_scratch=True``.

    Raises:
        UserError: a setting, the target or the data cannot be used, or the directory holds
            something else.
    """
    if folds is not None:
        refuse_loaded(data)
        settings["folds"] = folds
    start: Model | ModelDocument | None = None
    if isinstance(target, nn.Module):
        start = model_of(target)
        name = start.describe().name
    else:
        name = name_of(target)
        known = None if isinstance(target, RunRecord) else structure_in(target)
        start = None if known is None else ModelDocument.of(known)
    parts = {p: v for p in PARTS if isinstance(v := settings.get(p), Structure)}
    settings |= {part: name_of(value) for part, value in parts.items()}
    asked = TrainSettings.of(**given_data(data, settings), target=name)
    if asked.folds is not None:
        return run_train_folds(asked, Listener.of(progress), start, parts)
    return run_train(asked, Listener.of(progress), start, splits_in(data), parts)


def run_train(
    asked: TrainSettings,
    listener: Listener,
    start: Model | ModelDocument | None = None,
    data: DataSplits | None = None,
    parts: Mapping[str, Structure] | None = None,
) -> OpenedRun:
    """Returns the run that was asked for, once it is finished.

    Args:
        asked: all settings.
        listener: hears what happens.
        start: the network; None: as the settings name it.
        data: loaded already; None: as the settings name it.
        parts: structures that are given as values for networks of a focus model.

    Raises:
        UserError: as for :func:`train`.
    """
    begin = start_of(asked, start)
    asked = with_own_frames(asked, begin, data)
    if data is None and asked.data.source.source == DataOptions().source.source:
        require_data(asked.target)
    options = asked.training.with_values(seed=asked.seed)
    config = {"command": "train", "settings": asked.settings()}
    directory = run_place(asked, _place(asked), config, listener)
    initial = open_initial(asked.initial_weights, directory)
    focus = open_focus(asked, begin, directory, parts)
    options_of_data, target = asked.data_options(), asked.target
    found = prepare(
        directory, config, options_of_data, listener, target=target, given=data, training=options
    )
    if found is not None:
        require_splits(asked, found)
    with Run.open(directory, config) as run:
        if found is None and isinstance(begin, Model):
            require_shapes(begin, open_run(directory).tensors, directory)
        if found is None:
            for advice in run.result().report.advice:
                listener.warn(str(advice))
        if found is not None:
            model = first_network(asked, begin, found, listener, focus)
            begin_with(initial, model, directory, found.classes, listener)
            begin_with_parts(focus, model, directory, listener)
            events = fit_model(model, found, options, run=run, open_test=False)
            listener.follow(for_tensorboard(events, directory, wanted=asked.tensorboard))
        forget_first(directory)
        draw_run(open_run(directory), listener)
    compute = asked.training.compute
    evaluate_finished(
        directory, asked.evaluate, compute, listener, begin if isinstance(begin, Model) else None
    )
    return opened(directory)


def run_train_folds(
    asked: TrainSettings,
    listener: Listener,
    start: Model | ModelDocument | None = None,
    parts: Mapping[str, Structure] | None = None,
) -> FoldsSummary:
    """Returns the cross-validation that was asked for, once it is finished.

    Args:
        asked: all settings; ``folds`` among them.
        listener: hears what happens.
        start: the network; None: as the settings name it. A module is trained anew for each fold,
            from the weights it has; it stays as it is.
        parts: structures that are given as values for networks of a focus model.

    Raises:
        UserError: as for :func:`train`.
        Failure: the training of a fold could not go on.
    """
    begin = start_of(asked, start)
    asked = with_own_frames(asked, begin, None)
    if not isinstance(begin, Model) and is_trained(asked.target):
        learned = isinstance(begin, RunRecord)
        refuse_seen(asked.target, asked.data.source.source, listener, weights=learned)
    refuse_initial(asked, listener, asked.focus.parts.values())

    def fresh() -> Model:
        assert isinstance(begin, Model), "only a module is copied"
        return deepcopy(begin)

    def events(one: TrainSettings, data: DataSplits, run: Run, told: Listener) -> Iterator[Event]:
        focus = open_focus(one, begin, run.directory, parts)
        model = (
            fresh() if isinstance(begin, Model) else first_network(one, begin, data, told, focus)
        )
        initial = open_initial(one.initial_weights, run.directory)
        begin_with(initial, model, run.directory, data.classes, told)
        begin_with_parts(focus, model, run.directory, told)
        options = one.training.with_values(seed=one.seed)
        return fit_model(model, data, options, run=run, open_test=False)

    training = FoldTraining(
        "train", asked.training, events, fresh if isinstance(begin, Model) else None
    )
    usual = _place(asked)
    place = asked.directory(usual.with_name(f"{usual.name}-folds-{asked.folds}"))
    return run_folds(asked, place, training, listener)


def _place(asked: TrainSettings) -> Path:
    if is_trained(asked.target):
        name = SCRATCH if asked.from_scratch else TRAINED
        return Path(asked.target) / (name if asked.depth.exits is None else f"{name}-{EXITS}")
    stem = f"train-{Path(asked.target).stem}"
    return RUNS / (stem if asked.depth.exits is None else f"{stem}-{EXITS}")
