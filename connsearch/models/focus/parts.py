"""The networks a focus model is built on: by name, by structure, or by model document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.files import load_structure, structure_names
from connsearch.models.document import ModelDocument
from connsearch.models.features import FeatureModel, require_features, without_classifier
from connsearch.models.model import Model
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS, READERS
from connsearch.registry import suggest

_CLASSES = 2
"""Of a classifier that is taken out."""


def part_document(part: str | Mapping[str, Any], whose: str) -> ModelDocument:
    """Returns what a part is built from.

    Args:
        part: the name of a structure or of a network, or a model document as JSON has it.
        whose: the setting that names it, for the message.

    Raises:
        UnknownNameError: no network has that name.
        RunError: it is no model document.
    """
    if not isinstance(part, str):
        return ModelDocument.read(part, where=whose)
    structures = structure_names()
    if part in structures:
        return ModelDocument.of(load_structure(part))
    if part not in MODELS:
        raise UnknownNameError(suggest(f"{whose} network", part, [*structures, *MODELS]))
    with torch.device("meta"):
        return MODELS[part].build(_CLASSES).describe()


def build_part(document: ModelDocument, whose: str) -> Model:
    """Returns the network of a part without its classifier, with first values.

    Raises:
        SettingsError: nobody here can build it, or it offers no features.
    """
    if document.structure is not None:
        model: Model = Network(document.structure, _CLASSES)
    elif document.kind in READERS:
        model = READERS[document.kind](document)
    else:
        raise SettingsError(
            f"{whose}: {document.name} is a module that only its own code can build"
        )
    require_features(model, whose)
    return without_classifier(model)


def map_size(part: FeatureModel, frames: int, size: int) -> tuple[int, int]:
    """Returns (h, w) of the feature map that a part on the meta device has of frames of a size."""
    with torch.no_grad():
        seen = part.features({"rgb": torch.empty(1, 3, frames, size, size, device="meta")})
    height, width = seen.map.shape[3:]
    return height, width


def resized(x_B3THW: Tensor, size: int | None) -> Tensor:
    """Returns frames in another size, bilinear with the corners kept, as published; None: as is."""
    if size is None or x_B3THW.shape[3:] == (size, size):
        return x_B3THW
    clips, _, frames = x_B3THW.shape[:3]
    images = torch.nn.functional.interpolate(
        x_B3THW.transpose(1, 2).flatten(0, 1),
        (size, size),
        mode="bilinear",
        align_corners=True,
    )
    return images.unflatten(0, (clips, frames)).transpose(1, 2)
