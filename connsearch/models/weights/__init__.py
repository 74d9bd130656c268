"""The cupboard of published weights: one file per publication; a new file adds one.

A member is a :class:`Publication`: one key map, and what the weights assume.
``models/published.py`` reads the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connsearch.models.key_map import KeyMap
from connsearch.registry import Registry


@dataclass(frozen=True, slots=True)
class Publication:
    """Where weights come from, and how they fit one of our networks.

    Attributes:
        kind: of the model documents it has weights for.
        key_map: from the settings of a model document, its names and ours.
        classifier: our names of the entries whose shape depends on the number of classes.
        needs: settings without which the weights are of another network.
        expects: settings the weights were trained with; with others they work, but not as well.
    """

    kind: str
    key_map: Callable[[Mapping[str, Any]], KeyMap]
    classifier: tuple[str, ...]
    needs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expects: Mapping[str, Any] = field(default_factory=dict[str, Any])


PUBLICATIONS: Registry[Publication] = Registry("publication", __name__)
