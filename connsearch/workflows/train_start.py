"""What a training starts from (weights, what is built anew, a module), and its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.files import structure_names
from connsearch.graph.spec import Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.catalogue import create_model, from_document, require_known
from connsearch.models.clip_needs import structures_in
from connsearch.models.depth_exits import KIND as EXITS_KIND
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.zoo import MODELS
from connsearch.nn.seeded import seeded
from connsearch.registry import suggest
from connsearch.runs.record import RunRecord, open_run
from connsearch.runs.recorded import is_trained, recorded_facts
from connsearch.seeds import derive
from connsearch.settings.pairs import over
from connsearch.training.options import BALANCED
from connsearch.workflows.data import suit
from connsearch.workflows.exits import refuse_exits, with_exits
from connsearch.workflows.focus_models import (
    focus_model,
    is_focus,
    refuse_focus_options,
    refuse_other_clips,
    try_focus,
)
from connsearch.workflows.focus_parts import OpenedParts, open_parts
from connsearch.workflows.initial import (
    refuse_beside_weights,
)
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.train import TrainSettings
from connsearch.workflows.targets import (
    open_structure,
    open_trained,
    say_classes,
)


def start_of(
    asked: TrainSettings, start: Model | ModelDocument | None
) -> Model | RunRecord | ModelDocument | str:
    """Returns what the training starts from; a module has no options of structures.

    Args:
        asked: all settings.
        start: a module, or what is built; None: as the settings name it.

    Raises:
        UserError: it cannot be used.
    """
    begin = _start(asked) if start is None else start
    refuse_focus_options(asked, begin)
    refuse_exits(asked, begin)
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


def open_focus(
    asked: TrainSettings,
    begin: Model | RunRecord | ModelDocument | str,
    directory: Path,
    values: Mapping[str, Structure] | None,
) -> OpenedParts:
    """Returns the networks of a focus model, which is tried; nothing for other models.

    Args:
        asked: all settings.
        begin: as :func:`start_of` gave it.
        directory: of the run.
        values: structures that are given as values, by what they are to be.

    Raises:
        UserError: it cannot be built, or not be trained as it is asked for.
    """
    if isinstance(begin, RunRecord):
        refuse_other_clips(asked, begin)
    if isinstance(begin, Model | RunRecord) or not is_focus(begin):
        return OpenedParts()
    parts = open_parts(asked.focus, directory, values)
    try_focus(asked, begin, parts)
    return parts


def first_network(
    asked: TrainSettings,
    start: Model | RunRecord | ModelDocument | str,
    data: DataSplits,
    listener: Listener,
    parts: OpenedParts,
) -> Model:
    """Returns the network as its training begins.

    Args:
        asked: all settings.
        start: as :func:`start_of` gave it.
        data: that it is trained on.
        listener: hears what it begins with.
        parts: as :func:`open_focus` gave them.

    Raises:
        SettingsError: the weights do not fit what is asked for.
    """
    if isinstance(start, Model):
        network = start
    elif isinstance(start, RunRecord):
        if start.kept is not None:
            listener.say(start.kept)
        _warn_of_other_clips(asked, data, listener)
        say_classes(start, data.classes, listener)
        network = with_exits(asked, _further(asked, start, data))
    else:
        if is_focus(start) and asked.from_scratch:
            listener.say(
                "its glance and its local network begin with new weights, too, unless named"
            )
        network = with_exits(asked, _first(asked, start, data, parts))
    refuse_short_batches(asked, network, data)
    return network


def refuse_short_batches(asked: TrainSettings, network: Model, data: DataSplits) -> None:
    """Refuses an epoch whose last batch has fewer clips than the network can learn from.

    Raises:
        SettingsError: it has. Where it is not known yet, the training ends at that batch.
    """
    size, clips = data.options.loading.batch_size, len(data.train)
    last = clips % size or size
    training = asked.training
    known = training.multigrid.multigrid == "off" and training.balance.sampler_weights != BALANCED
    reached = training.schedule.steps is None or training.schedule.steps * size > clips - last
    if last >= network.least_clips or not known or not reached:
        return
    others = (n for n in range(size + 1, 2 * size + 1) if (clips % n or n) >= network.least_clips)
    raise SettingsError(
        f"--batch-size {size}: of {clips} training clips, the last batch of an epoch has {last}, "
        f"and {network.describe().name} normalises vectors of {network.least_clips} clips at least"
        f"\n  cure: --batch-size {next(others, 2 * size)}"
    )


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
    if start.kind == EXITS_KIND:
        inside = ModelDocument.read(start.settings["structure"], where="structure").structure
        assert inside is not None, "only structures have exits"
        fit = ModelDocument.of(suit(inside, data, asked)).to_json()
        document = replace(document, settings={**document.settings, "structure": fit})
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
    network = trained.load_model(classes=data.classes)
    for built in structures_in(network):
        if fit_objects(built, data.object_classes, data=data.name) != built:
            raise SettingsError(
                f"{asked.target} has weights for {built.network.object_classes} object "
                f"classes, {data.name} has {data.object_classes}\n"
                "  cure: the data it was trained on, or --from-scratch"
            )
    return network
