"""The cupboard of networks by name: one file per family; a new file adds its names.

A member is a :class:`ZooModel`. What it builds is a ``Model`` whose ``modalities`` name the streams
it reads. From its ``describe()``, a model document with a ``kind``, the member of ``READERS`` of
that kind builds the same network again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.registry import Registry


class Builder(Protocol):
    """What builds a network."""

    def __call__(self, num_classes: int, /, *, seed: int | None = None, **options: Any) -> Model:
        """Returns the network with first values.

        Args:
            num_classes: number of logits.
            seed: seed of the first values; None takes torch's global generator as it stands.
            options: settings of the network that override those of the name.

        Raises:
            SettingsError: an unknown option, or a value out of range.
        """
        ...


@dataclass(frozen=True, slots=True)
class Shortened:
    """A network that has what another repeats only once or twice, so that it is counted sooner.

    Attributes:
        key: hashable; equal where the shorter network is the same.
        build: returns it.
        times: of its sub-modules, how many like it follow each other in the other network.
    """

    key: object
    build: Builder
    times: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ZooModel:
    """One name of the cupboard.

    Attributes:
        build: returns the network.
        kind: of its model document.
        clip: frames, height and width it was published for; its cost is given for this clip.
        short: by which it is counted; None: it is counted itself.
        for_clip: from frames, height and width of other clips, the settings by which it is for
            them; None: it takes any.
    """

    build: Builder
    kind: str
    clip: tuple[int, int, int]
    short: Shortened | None = None
    for_clip: Callable[[tuple[int, int, int]], Mapping[str, Any]] | None = None


MODELS: Registry[ZooModel] = Registry("model", __name__)
"""Networks by name."""

READERS: Registry[Callable[[ModelDocument], Model]] = Registry("kind of model", __name__)
"""By the ``kind`` of a model document: what builds the network it describes, with first values from
torch's global generator (a caller loads weights next), or raises a ``SettingsError``."""
