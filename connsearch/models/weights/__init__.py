"""The cupboard of published weights: one file per publication; a new file adds one.

A member is a :class:`Publication`: one key map, and what the weights assume. A publication that has
weights for several kinds of network has one for each: the first is the member, the rest are its
``others``.
``models/published.py`` puts weights into a network, ``models/weight_file.py`` reads the files.

``connsearch weights convert`` builds the network it is asked for with the settings that the
publication ``expects``, and finds out by names and shapes which publications of its kind fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor

from connsearch.models.key_map import KeyMap
from connsearch.registry import Registry


def _tells_nothing(state: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """Returns the settings that the weights of most publications tell by their shapes: none."""
    return {}


@dataclass(frozen=True, slots=True)
class Publication:
    """Where weights come from, and how they fit one of our networks.

    Attributes:
        kind: of the model documents it has weights for.
        key_map: from the settings of a model document, its names and ours. It is only asked about
            networks of this kind that have what the weights need.
        classifier: our names of the entries whose shape depends on the number of classes, or
            patterns of them.
        needs: settings without which the weights are of another network: a value each, or the
            frozenset of those that are allowed.
        expects: settings the weights were trained with; with others they work, but not as well. A
            conversion builds the network with them, so they may repeat what is needed.
        expects_inside: likewise, of the networks that a network is built on: by dotted key into
            their model documents, ``glance.settings.mean``.
        variants: settings that files of its weights may need, told where a file fits with them.
        told: from the weights, by their published names, the settings that their names and shapes
            tell. A conversion builds the network with them.
        untold: settings that change what is computed, and that no file tells.
        softmax: whether clips of several classes were learned and judged by a softmax over all
            classes; the evaluation of converted weights does so, too.
        unused: published names of entries that nothing has read, wherever they are in the weights.
        others: the same for the other kinds of network that it has weights for.
    """

    kind: str
    key_map: Callable[[Mapping[str, Any]], KeyMap]
    classifier: tuple[str, ...]
    needs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expects: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expects_inside: Mapping[str, Any] = field(default_factory=dict[str, Any])
    variants: tuple[Mapping[str, Any], ...] = ()
    told: Callable[[Mapping[str, Tensor]], Mapping[str, Any]] = _tells_nothing
    untold: tuple[str, ...] = ()
    softmax: bool = False
    unused: tuple[str, ...] = ()
    others: tuple[Publication, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of network that it has weights for, its own first."""
        return (self.kind, *(other.kind for other in self.others))

    def answers(self, names: Iterable[str]) -> list[str]:
        """Returns those of our names of entries that belong to the classifier."""
        return [n for n in names if any(fnmatchcase(n, one) for one in self.classifier)]

    def of(self, kind: str) -> Publication | None:
        """Returns what it has for a kind of network; None: it has no weights for that."""
        return next((one for one in (self, *self.others) if one.kind == kind), None)


PUBLICATIONS: Registry[Publication] = Registry("publication", __name__)
