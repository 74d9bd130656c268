"""Every network there is by name: the structures that come along, and those of the zoo."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.cost import DEFAULT_CLIP, cost
from connsearch.graph.files import load_structure, structure_names
from connsearch.models.count import Counted, Spent, empty_clip, spent
from connsearch.models.document import STRUCTURE, ModelDocument
from connsearch.models.model import Model
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS, READERS, Shortened, ZooModel
from connsearch.registry import suggest


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A network by name, and what it costs.

    Attributes:
        name: for ``create_model``.
        kind: of its model document.
        parameters: that learn.
        macs: multiply-accumulates of one clip, without the representation flow.
        clip: (T, H, W) they are counted for.
        classes: they are counted for.
    """

    name: str
    kind: str
    parameters: int
    macs: int
    clip: tuple[int, int, int]
    classes: int


def list_models(
    *patterns: str, num_classes: int = 400, frames: int | None = None, size: int | None = None
) -> list[ModelEntry]:
    """Returns every network there is by name, structures first; none is built in memory.

    Args:
        patterns: names, or patterns of names such as ``srtg_*``; by default all.
        num_classes: of the classifier.
        frames: T of the clip; None: what each network was published for.
        size: H and W of the clip in pixels; None: likewise.

    Raises:
        UnknownNameError: a pattern that no name fits; the message names the nearest and the known.
    """

    def clip(own: tuple[int, int, int]) -> tuple[int, int, int]:
        return (frames or own[0], size or own[1], size or own[2])

    structures, others = structure_names(), sorted(MODELS, key=_by_number)
    wanted = _fitting([*structures, *others], patterns)
    listed: list[ModelEntry] = []
    for name in (n for n in structures if n in wanted):
        there = clip(DEFAULT_CLIP)
        whole = cost(load_structure(name), num_classes=num_classes, clip=there)
        entry = ModelEntry(name, STRUCTURE, whole.parameters, whole.macs, there, num_classes)
        listed.append(entry)
    known: dict[object, Spent] = {}  # shorter networks that several names share
    for name in (n for n in others if n in wanted):
        there, kind = clip(MODELS[name].clip), MODELS[name].kind
        found = _counted(MODELS[name], num_classes, there, known)
        listed.append(ModelEntry(name, kind, found.parameters, found.macs, there, num_classes))
    return listed


def _fitting(known: list[str], patterns: Sequence[str]) -> set[str]:
    """The names that fit one of the patterns, or all.

    Raises:
        UnknownNameError: a pattern fits none.
    """
    found: set[str] = set()
    for pattern in patterns or ("*",):
        fit = fnmatch.filter(known, pattern)
        if not fit:
            raise UnknownNameError(suggest("model", pattern, known))
        found |= set(fit)
    return found


def _counted(
    one: ZooModel, num_classes: int, clip: tuple[int, int, int], known: dict[object, Spent]
) -> Counted:
    """What a network of the zoo costs, by way of a shorter one where it names one."""
    short = one.short or Shortened((one.kind, one.build), one.build, {})
    if (short.key, clip) not in known:
        other = {} if one.for_clip is None or clip == one.clip else one.for_clip(clip)
        with torch.device("meta"):
            model = short.build(num_classes, **other)
        known[short.key, clip] = spent(model, empty_clip(model, clip))
    return known[short.key, clip].repeated(short.times)


def _by_number(name: str) -> list[str | int]:
    """A key that sorts r3d_18 before r3d_101."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def create_model(name: str, num_classes: int, *, seed: int | None = None, **options: Any) -> Model:
    """Returns the network of that name with first weights.

    Args:
        name: of a structure that comes along, or of the zoo; see :func:`list_models`.
        num_classes: number of logits.
        seed: decides the first weights; None takes torch's global generator as it stands.
        options: settings that are to differ from its name's; a structure takes none.

    Raises:
        UnknownNameError: there is none of that name; the message names the nearest and the known.
        SettingsError: an option that there is not, or a value out of range.

    >>> create_model("r3d_18", 5, seed=0).describe().kind
    'resnet3d'
    """
    structures = structure_names()
    if name in structures:
        if options:
            raise SettingsError(
                f"{name}: is a structure, which has no option {', '.join(options)}\n"
                "  cure: change the structure, with_settings(...)"
            )
        return Network(load_structure(name), num_classes, seed=seed)
    if name not in MODELS:
        raise UnknownNameError(suggest("model", name, [*structures, *MODELS]))
    return MODELS[name].build(num_classes, seed=seed, **options)


def from_document(
    document: ModelDocument, num_classes: int, *, learn_connections: bool = False
) -> Model:
    """Returns the network that a model document describes, with first weights.

    Args:
        document: what a model's ``describe()`` gave, perhaps in another process.
        num_classes: number of logits of a structure's network; other documents say their own.
        learn_connections: of a structure, whether stored connection weights learn, as in a search.

    Raises:
        SettingsError: the kind of network is unknown here.
    """
    if document.structure is not None:
        return Network(document.structure, num_classes, learn_connections=learn_connections)
    require_known(document)
    return READERS[document.kind](document)


def require_known(document: ModelDocument) -> None:
    """Refuses a document of a kind that only the user's own code can build.

    Raises:
        SettingsError: it is one.
    """
    if document.kind != STRUCTURE and document.kind not in READERS:
        own = document.settings.get("class")
        what = f"a module of your own ({own})" if document.kind == "module" else document.kind
        raise SettingsError(
            f"{document.name}: is {what}; only the code that defines its class can build it\n"
            "  cure: build it in Python and load its weights, as docs/models.md shows"
        )
