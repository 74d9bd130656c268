"""A focus model as a training builds it: its networks, its options, and what its data says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch

from connsearch.errors import SettingsError
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.spec import Modality, Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.catalogue import create_model, from_document
from connsearch.models.document import ModelDocument
from connsearch.models.focus.focus import KIND
from connsearch.models.model import Model
from connsearch.models.zoo import MODELS
from connsearch.nn.seeded import seeded
from connsearch.runs.record import RunRecord
from connsearch.workflows.focus_parts import OpenedPart, OpenedParts
from connsearch.workflows.settings.train import TrainSettings

_SOME = 2
"""Classes of a model that is only tried."""


def is_focus(start: object) -> bool:
    """Returns whether a training that starts from there builds a focus model."""
    if isinstance(start, str):
        return start in MODELS and MODELS[start].kind == KIND
    return isinstance(start, ModelDocument) and start.kind == KIND


def refuse_focus_options(asked: TrainSettings, start: object) -> None:
    """Refuses options of focus models where none is built.

    Raises:
        SettingsError: one is given.
    """
    given = asked.focus.given
    if not given or is_focus(start):
        return
    names = ", ".join(given)
    if isinstance(start, RunRecord) and start.model.kind == KIND:
        raise SettingsError(
            f"{names}: {asked.target} has weights for its own settings\n"
            "  cure: leave it out, or train --from-scratch"
        )
    raise SettingsError(
        f"{names}: {asked.target} does not look at windows of frames\n"
        "  cure: leave it out, or train a focus model with it: connsearch train adafocus"
    )


def with_own_frames(asked: TrainSettings, start: object, given: object) -> TrainSettings:
    """Returns settings with as many frames for the local network as a named model has of its own.

    Those that are asked for, and those of data that is loaded, stay.

    Args:
        asked: all settings.
        start: what the training starts from.
        given: data that is loaded; None: there is none.
    """
    if given is not None or not isinstance(start, str) or not is_focus(start):
        return asked
    if asked.data.clips.focus_frames is not None:
        return asked
    with torch.device("meta"):
        count = create_model(start, _SOME).describe().settings["local_frames"]
    clips = asked.data.clips.model_copy(update={"focus_frames": count})
    return asked.model_copy(update={"data": asked.data.model_copy(update={"clips": clips})})


def refuse_other_clips(asked: TrainSettings, trained: RunRecord) -> None:
    """Refuses clips that a trained focus model was not built for.

    Raises:
        SettingsError: there are others.
    """
    if trained.model.kind != KIND:
        return
    _refuse_multigrid(asked)
    frames, own = asked.data.clips.frames, trained.model.settings["frames"]
    if frames != own:
        raise SettingsError(
            f"--frames {frames}: {asked.target} looks at {own} frames\n"
            f"  cure: --frames {own}, or train --from-scratch"
        )


def _refuse_multigrid(asked: TrainSettings) -> None:
    if asked.training.multigrid.multigrid != "off":
        raise SettingsError(
            f"--multigrid {asked.training.multigrid.multigrid}: a focus model is built for one "
            "number of frames and one size\n  cure: leave it out"
        )


def try_focus(asked: TrainSettings, start: str | ModelDocument, parts: OpenedParts) -> None:
    """Builds a focus model without numbers, before any data is read.

    Raises:
        SettingsError: it cannot be built, or not be trained as it is asked for.
    """
    if parts.begun is not None:
        return
    _refuse_multigrid(asked)
    with torch.device("meta"):
        model = _built(asked, start, _SOME, _settings(asked, parts))
    clips = asked.data.clips
    sizes = clips.sides.size, clips.eval_sides.size
    if sizes[0] != sizes[1] and model.describe().settings["glance_size"] is None:
        raise SettingsError(
            f"--eval-size {sizes[1]}: the policy reads maps of frames of {sizes[0]} pixels\n"
            f"  cure: --glance-size {sizes[0]}, by which the glance network sees all frames alike; "
            "or one size"
        )


def focus_model(
    asked: TrainSettings,
    start: str | ModelDocument,
    parts: OpenedParts,
    classes: int,
    *,
    seed: int,
    object_classes: int,
    data: str,
) -> Model:
    """Returns a focus model with first values.

    Args:
        asked: all settings.
        start: its name, or what an earlier one was built from.
        parts: its networks.
        classes: of the data.
        seed: of the first values.
        object_classes: of the object maps of the data; 0: it has none.
        data: its name.

    Raises:
        SettingsError: it cannot be built, or the data lacks a stream that a network reads.
    """
    if parts.begun is not None:
        return from_document(parts.begun, classes)
    settings = _settings(asked, parts)
    for part in ("glance", "local"):
        given = parts.opened.get(part)
        before = {} if isinstance(start, str) else start.settings
        structure = _structure_of(settings.get(part, before.get(part)), given)
        if structure is None:
            continue
        if Modality.OBJECT in structure.modalities() and not object_classes:
            raise SettingsError(
                f"--{part}: {structure.name} reads the object stream, but {data} has no object "
                "maps\n  cure: data with object maps, or a structure without object stems"
            )
        fit = fit_objects(structure, object_classes, data=data)
        if fit != structure and given is not None and given.tensors is not None:
            raise SettingsError(
                f"--{part} {given.target}: has weights for {structure.network.object_classes} "
                f"object classes, {data} has {object_classes}\n  cure: the data it was trained on"
            )
        settings[part] = ModelDocument.of(fit).to_json()
    with seeded(seed):
        return _built(asked, start, classes, settings)


def _structure_of(setting: Any, given: OpenedPart | None) -> Structure | None:
    if given is not None:
        return given.document.structure
    if isinstance(setting, Mapping):
        document = cast("Mapping[str, Any]", setting)
        return ModelDocument.read(document, where="a network of a focus model").structure
    return load_structure(setting) if setting in structure_names() else None


def _settings(asked: TrainSettings, parts: OpenedParts) -> dict[str, Any]:
    """The settings of the model that differ from those of its name."""
    clips = asked.data.clips
    opened = {part: found.document.to_json() for part, found in parts.opened.items()}
    return {
        "frames": clips.frames,
        "local_frames": clips.focus_frames,
        "size": clips.sides.size,
        **asked.focus.model_settings,
        **parts.names,
        **opened,
        **asked.options_of_model(),
    }


def _built(
    asked: TrainSettings, start: str | ModelDocument, classes: int, settings: Mapping[str, Any]
) -> Model:
    if isinstance(start, str):
        return create_model(start, classes, **settings)
    values = {**start.settings, **settings, "classes": classes}
    return from_document(replace(start, settings=values), classes)
