"""With which other settings a network would fit weights, for the cure of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import SettingsError
from connsearch.models.document import ModelDocument
from connsearch.models.taken import taken
from connsearch.models.weights import Publication
from connsearch.models.zoo import READERS
from connsearch.settings.pairs import pairs


def cure_by_settings(
    whose: Publication, document: ModelDocument, state: Mapping[str, Tensor]
) -> str | None:
    """Returns what to build the network with, if all weights but the classifier would fit then.

    Args:
        whose: weights they are; the settings are among its ``variants``.
        document: of the network that they do not fit.
        state: the weights, by their published names.
    """
    for variant in whose.variants:
        if _fits(whose, document, state, variant):
            words = " ".join(pairs(variant))
            python = ", ".join(f"{name}={value!r}" for name, value in variant.items())
            return f"build it with {python} (--model-options {words}): then the weights fit"
    return None


def _fits(
    whose: Publication,
    document: ModelDocument,
    state: Mapping[str, Tensor],
    variant: Mapping[str, Any],
) -> bool:
    other = replace(document, settings={**document.settings, **variant})
    try:
        with torch.device("meta"):
            model = READERS[document.kind](other)
    except SettingsError:  # these do not go together
        return False
    names, own = whose.key_map(other.settings), model.state_dict()
    return taken(
        state,
        own,
        theirs=lambda name: names.published(name) or name,
        left_out=whose.answers(own),
        unused=whose.unused,
    ).complete
