"""The networks a focus model is built on: by name, by structure, or by model document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.files import load_structure, structure_names
from connsearch.models.count import without_numbers
from connsearch.models.document import ModelDocument
from connsearch.models.features import (
    Features,
    OwnFeatures,
    feature_model,
    require_features,
)
from connsearch.models.focus.streams import empty_streams
from connsearch.models.gates import decide_as
from connsearch.models.model import Model, model_of
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS, READERS
from connsearch.registry import suggest

_CLASSES = 2
"""Of a classifier that is taken out."""


def part_document(
    part: str | Mapping[str, Any], whose: str, own: nn.Module | None = None
) -> ModelDocument:
    """Returns what a part is built from.

    Args:
        part: the name of a structure or of a network, or a model document as JSON has it.
        whose: the setting that names it, for the message.
        own: a module that is the part, where that is given.

    Raises:
        SettingsError: a module that is given offers no features.
        UnknownNameError: no network has that name.
        RunError: it is no model document.
    """
    if own is not None:
        return (own if isinstance(own, Model) else OwnFeatures(own)).describe()
    if not isinstance(part, str):
        return ModelDocument.read(part, where=whose)
    structures = structure_names()
    if part in structures:
        return ModelDocument.of(load_structure(part))
    if part not in MODELS:
        raise UnknownNameError(suggest(f"{whose} network", part, [*structures, *MODELS]))
    with torch.device("meta"):
        return MODELS[part].build(_CLASSES).describe()


def build_part(document: ModelDocument, whose: str, own: nn.Module | None = None) -> Model:
    """Returns the network of a part without its classifier; it offers features.

    Its gates decide as its document says; it has first values unless it is given.

    Args:
        document: what it is built from.
        whose: the setting that names it, for the message.
        own: a module that is the part, where that is given; changed in place.

    Raises:
        SettingsError: nobody here can build it, or it offers no features.
    """
    if own is not None:
        return feature_model(own, whose)[0]
    if document.structure is not None:
        model: Model = Network(document.structure, _CLASSES)
    elif document.kind in READERS:
        model = READERS[document.kind](document)
    else:
        raise SettingsError(
            f"{whose}: {document.name} is a module that only its own code can build\n"
            "  cure: build the network in Python: FocusByFrame(settings, classes, "
            f"parts={{{whose!r}: module}})"
        )
    decide_as(model, document)
    return feature_model(model, whose)[0]


def empty_features(part: Model, frames: int, size: int) -> Features:
    """Returns what a part sees in one clip of square frames, without numbers; it stays as it is."""
    without = require_features(model_of(without_numbers(part).eval()), "part")
    with torch.no_grad():
        return without.features(empty_streams(without, frames, size, size))
