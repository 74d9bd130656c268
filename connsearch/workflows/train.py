"""A network trained from scratch, or further with the weights it has: :func:`train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import torch
from torch import nn

from connsearch.analysis.folds import FoldsSummary
from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.files import structure_names
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.catalogue import create_model, from_document, require_known
from connsearch.models.document import ModelDocument
from connsearch.models.focus.focus import PARTS
from connsearch.models.model import Model, model_of
from connsearch.models.zoo import MODELS
from connsearch.nn.seeded import seeded
from connsearch.oneshot.search import fit_model
from connsearch.registry import suggest
from connsearch.runs.events import Event
from connsearch.runs.files import require_shapes
from connsearch.runs.names import SCRATCH, TRAINED
from connsearch.runs.record import RunRecord, open_run
from connsearch.runs.recorded import is_trained, recorded_facts
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.settings.pairs import over
from connsearch.workflows.data import prepare, suit
from connsearch.workflows.evaluate import evaluate_finished, require_splits
from connsearch.workflows.focus_models import (
    focus_model,
    is_focus,
    refuse_focus_options,
    try_focus,
)
from connsearch.workflows.focus_parts import OpenedParts, begin_with_parts, open_parts
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
    refuse_beside_weights,
)
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.pictures import draw_run
from connsearch.workflows.scalars import for_tensorboard
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.train import TrainSettings
from connsearch.workflows.targets import (
    open_structure,
    open_trained,
    require_data,
    say_classes,
)


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
    begin = _begin(asked, start)
    if data is None and asked.data.source.source == DataOptions().source.source:
        require_data(asked.target)
    options = asked.training.with_values(seed=asked.seed)
    config = {"command": "train", "settings": asked.settings()}
    directory = run_place(asked, _place(asked), config, listener)
    initial = open_initial(asked.initial_weights, directory)
    focus = _open_focus(asked, begin, directory, parts)
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
            model = _network(asked, begin, found, listener, focus)
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
    begin = _begin(asked, start)
    if not isinstance(begin, Model) and is_trained(asked.target):
        learned = isinstance(begin, RunRecord)
        refuse_seen(asked.target, asked.data.source.source, listener, weights=learned)
    refuse_initial(asked, listener, asked.focus.parts.values())

    def fresh() -> Model:
        assert isinstance(begin, Model), "only a module is copied"
        return deepcopy(begin)

    def events(one: TrainSettings, data: DataSplits, run: Run, told: Listener) -> Iterator[Event]:
        focus = _open_focus(one, begin, run.directory, parts)
        model = fresh() if isinstance(begin, Model) else _network(one, begin, data, told, focus)
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


def _begin(
    asked: TrainSettings, start: Model | ModelDocument | None
) -> Model | RunRecord | ModelDocument | str:
    """What the training starts from; a module has no options of structures.

    Raises:
        UserError: it cannot be used.
    """
    begin = _start(asked) if start is None else start
    refuse_focus_options(asked, begin)
    if isinstance(begin, RunRecord):
        refuse_beside_weights(asked.initial_weights, asked.target)
    if isinstance(begin, Model):
        _refuse_parts_of_structures(asked)
        _refuse_options(asked, "is a module, which is trained as it is")
        if asked.from_scratch:
            raise SettingsError(
                "from_scratch: has no effect on a module: it is trained with the weights it has\n"
                "  cure: omit it"
            )
    return begin


def _open_focus(
    asked: TrainSettings,
    begin: Model | RunRecord | ModelDocument | str,
    directory: Path,
    values: Mapping[str, Structure] | None,
) -> OpenedParts:
    """The networks of a focus model, which is tried; nothing for other models.

    Raises:
        UserError: it cannot be built, or not be trained as it is asked for.
    """
    if isinstance(begin, Model | RunRecord) or not is_focus(begin):
        return OpenedParts()
    parts = open_parts(asked.focus, directory, values)
    try_focus(asked, begin, parts)
    return parts


def _network(
    asked: TrainSettings,
    start: Model | RunRecord | ModelDocument | str,
    data: DataSplits,
    listener: Listener,
    parts: OpenedParts,
) -> Model:
    """The network as its training begins."""
    if isinstance(start, Model):
        return start
    if isinstance(start, RunRecord):
        if start.kept is not None:
            listener.say(start.kept)
        _warn_of_other_clips(asked, data, listener)
        say_classes(start, data.classes, listener)
        return _further(asked, start, data)
    if is_focus(start) and asked.from_scratch:
        listener.say("its glance and its local network begin with new weights, too, unless named")
    return _first(asked, start, data, parts)


def _start(asked: TrainSettings) -> RunRecord | ModelDocument | str:
    """What the training starts from: weights, what is built anew, or a name of the zoo.

    Raises:
        UserError: there is no such thing, or it has no streams or attention to choose.
    """
    if is_trained(asked.target):
        start = open_run(asked.target).model if asked.from_scratch else open_trained(asked.target)
        document = start.model if isinstance(start, RunRecord) else start
        require_known(document)
        if document.structure is not None:  # also refuses what is damaged
            structure = open_structure(asked.target)
            start = ModelDocument.of(structure) if asked.from_scratch else start
        elif isinstance(start, ModelDocument):
            start = document = _with_options(start, asked)
    elif asked.target in MODELS:
        start, document = asked.target, None
        if asked.model_options is not None:
            with torch.device("meta"):  # before any data is read
                create_model(start, 2, **asked.options_of_model())
    else:
        start = document = ModelDocument.of(_structure(asked))
    if document is None or document.structure is None:
        _refuse_parts_of_structures(asked)
    else:
        _refuse_options(asked, "is a structure, which has none")
    if isinstance(start, RunRecord):
        _refuse_options(asked, "has weights for its own settings", more=", or train --from-scratch")
    return start


def _with_options(document: ModelDocument, asked: TrainSettings) -> ModelDocument:
    """What a run was built from, with the settings that were asked for; tried, if there are any.

    Raises:
        SettingsError: there is no such setting, or a value is out of range.
    """
    if asked.model_options is None:
        return document
    other = replace(document, settings=over(document.settings, asked.options_of_model()))
    with torch.device("meta"):
        from_document(other, 2)
    return other


def _refuse_options(asked: TrainSettings, why: str, *, more: str = "") -> None:
    if asked.model_options is not None:
        raise SettingsError(
            f"--model-options {' '.join(asked.model_options)}: {asked.target} {why}\n"
            f"  cure: leave it out{more}"
        )


def _structure(asked: TrainSettings) -> Structure:
    try:
        return open_structure(asked.target)
    except UnknownNameError:
        known = sorted([*structure_names(), *MODELS])
        raise UnknownNameError(suggest("network", asked.target, known)) from None


def _refuse_parts_of_structures(asked: TrainSettings) -> None:
    chosen = {"--streams": asked.streams, "--attention": asked.attention}
    for option, value in chosen.items():
        if value is not None:
            raise SettingsError(
                f"{option}: {asked.target} is no structure, it has neither stems nor peers to "
                "choose\n  cure: leave it out"
            )


def _warn_of_other_clips(asked: TrainSettings, data: DataSplits, listener: Listener) -> None:
    recorded = recorded_facts(asked.target).get("data", data.fingerprint)
    if recorded not in (data.fingerprint, data.earlier):
        listener.warn(
            "these are not the clips and splits its weights come from: clips it has learned "
            "from may be among the validation and test clips"
        )


def _place(asked: TrainSettings) -> Path:
    if is_trained(asked.target):
        return Path(asked.target) / (SCRATCH if asked.from_scratch else TRAINED)
    return RUNS / f"train-{Path(asked.target).stem}"


def _first(
    asked: TrainSettings, start: ModelDocument | str, data: DataSplits, parts: OpenedParts
) -> Model:
    """The network with first weights that depend on the seed alone."""
    seed, classes = derive(asked.seed, "first weights"), len(data.classes)
    if is_focus(start):
        return focus_model(
            asked,
            start,
            parts,
            classes,
            seed=seed,
            object_classes=data.object_classes,
            data=data.name,
        )
    if isinstance(start, str):
        return create_model(start, classes, seed=seed, **asked.options_of_model())
    if start.structure is not None:
        document = ModelDocument.of(suit(start.structure, data, asked))
    else:
        document = replace(start, settings={**start.settings, "classes": classes})
    with seeded(seed):
        return from_document(document, classes)


def _for_other_classes(asked: TrainSettings, trained: RunRecord, data: DataSplits) -> str:
    """What helps where the data has another number of classes than the weights."""
    if trained.is_converted:
        return f"convert the weights again with --num-classes {len(data.classes)}"
    return (
        f"the data it was trained on, or new weights but for these: --initial-weights "
        f"{asked.target} --from-scratch"
    )


def _further(asked: TrainSettings, trained: RunRecord, data: DataSplits) -> Model:
    """The network with the weights it has.

    Raises:
        SettingsError: the weights do not fit what is asked for.
    """
    if asked.streams is not None or asked.attention is not None:
        option = "--attention" if asked.streams is None else "--streams"
        raise SettingsError(
            f"{option}: {asked.target} has weights for its own streams and attention mode\n"
            "  cure: leave it out, or train --from-scratch"
        )
    if trained.num_classes != len(data.classes):
        raise SettingsError(
            f"{asked.target} has weights for {trained.num_classes} classes, {data.name} has "
            f"{len(data.classes)}\n  cure: {_for_other_classes(asked, trained, data)}"
        )
    built = trained.model.structure
    if built is None:
        return trained.load_model(classes=data.classes)
    if fit_objects(built, data.object_classes, data=data.name) != built:
        raise SettingsError(
            f"{asked.target} has weights for {built.network.object_classes} object "
            f"classes, {data.name} has {data.object_classes}\n"
            "  cure: the data it was trained on, or --from-scratch"
        )
    return trained.load_model()
