"""What a directory holds whose network is no structure: :func:`inspect_network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from connsearch.errors import SettingsError
from connsearch.models.catalogue import from_document
from connsearch.models.clip_cost import clip_cost
from connsearch.models.count import Counted, Spent, empty_clip, spent
from connsearch.models.document import ModelDocument, a_kind
from connsearch.models.focus.focus import FocusModel
from connsearch.runs.formats.conversion import ConversionRecord
from connsearch.runs.formats.initial import InitialRecord
from connsearch.runs.record import open_run
from connsearch.runs.recorded import is_trained
from connsearch.workflows.counted import Clip, counted_clip
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.settings.inspect import InspectSettings


@dataclass(frozen=True, slots=True)
class NetworkInspection:
    """A network of the zoo, in a run or with converted weights.

    Attributes:
        document: what it is built from.
        cost: parameters that learn, and multiply-accumulates of a clip.
        clip: (T, H, W) they are counted for.
        num_classes: outputs of the classifier.
        classes: their names; none where they are not known.
        conversion: where its weights come from, if they were converted.
        initial: the weights its training began with, if they were those of others.
        parts: of a focus model, what each of its parts costs, by name.
        training_macs: of a focus model, multiply-accumulates of a clip with the heads that only a
            training needs.
    """

    document: ModelDocument
    cost: Counted
    clip: Clip
    num_classes: int
    classes: tuple[str, ...] = ()
    conversion: ConversionRecord | None = None
    initial: InitialRecord | None = None
    parts: Mapping[str, Counted] = field(default_factory=dict[str, Counted])
    training_macs: int | None = None


def inspect_network(run: RunLike, **settings: Any) -> NetworkInspection:
    """Returns what a network in a directory is built from, costs, and where its weights are from.

    Args:
        run: a training or converted weights, of a network that is no structure.
        settings: ``clip=(16, 112, 112)`` or ``num_classes=5``, as of ``connsearch inspect``.

    Raises:
        UserError: it is no such directory, it holds a structure, or a setting cannot be used.
    """
    asked = InspectSettings.of(structure=place_of(run), **settings)
    found = run_inspect_network(asked)
    if found is None:
        raise SettingsError(
            f"{asked.structure}: is no directory of another network than a structure\n"
            "  cure: connsearch.workflows.inspect.inspect shows structures"
        )
    return found


def run_inspect_network(asked: InspectSettings) -> NetworkInspection | None:
    """Returns what was found; None: it is no directory, or one of a structure.

    Raises:
        UserError: as for :func:`inspect_network`.
    """
    if asked.structure is None or not is_trained(asked.structure):
        return None
    run = open_run(asked.structure)
    if run.model.structure is not None:
        return None
    if asked.attention is not None or asked.peers:
        option = "--peers" if asked.attention is None else "--attention"
        raise SettingsError(
            f"{option}: {asked.structure} has {a_kind(run.model.kind)}, which has no peers\n"
            "  cure: leave it out"
        )
    document = run.outcome or run.model
    if asked.num_classes is not None:
        settings = {**document.settings, "classes": asked.num_classes}
        document = ModelDocument(document.kind, document.name, settings)
    clip = asked.clip or counted_clip(asked.structure)
    with torch.device("meta"):
        model = from_document(document, run.num_classes)
    streams = empty_clip(model, clip)
    found = spent(model, streams)
    names: list[str] = run.recorded.get("facts", {}).get("classes", [])
    outputs = int(document.settings.get("classes", run.num_classes))
    known = tuple(names) if len(names) == outputs else ()
    parts: dict[str, Counted] = {}
    training = None
    if isinstance(model, FocusModel):
        parts = {name: _part(found, name, one) for name, one in model.named_children()}
        training = clip_cost(model, streams, outputs)
    return NetworkInspection(
        document,
        found.whole,
        clip,
        outputs,
        known,
        run.conversion,
        run.initial,
        parts,
        None if training is None else training.training,
    )


def _part(found: Spent, name: str, module: nn.Module) -> Counted:
    """What a part costs; one that is asked for features, not called, by what is in it."""
    own = found.parts[name]
    inside = sum(_part(found, f"{name}.{n}", one).macs for n, one in module.named_children())
    return own._replace(macs=max(own.macs, inside))
