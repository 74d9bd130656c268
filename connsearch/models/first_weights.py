"""First weights of a network that is about to be trained, taken from others by name and shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.models.depth_exits import DepthExits
from connsearch.models.fitting import publications_of
from connsearch.models.model import Model
from connsearch.models.published import names_of, notes_about, part_for, part_of
from connsearch.models.structure import Network
from connsearch.models.taken import TakenWeights, put, taken
from connsearch.models.weight_file import common_prefix
from connsearch.models.weight_inheritance import is_by_entry


@dataclass(frozen=True, slots=True)
class FirstWeights:
    """What a network has begun with.

    Attributes:
        publication: whose names the weights have; None: ours.
        taken: what became of every entry.
        notes: sentences for the user.
    """

    publication: str | None
    taken: TakenWeights
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Naming:
    """One way to read names: the name in the weights of one of ours; names that nothing reads."""

    publication: str | None
    theirs: Callable[[str], str]
    unused: Sequence[str] = ()


def take_first_weights(
    state: Mapping[str, Tensor], model: Model, *, classifier: bool = True
) -> FirstWeights:
    """Returns what a network has taken of weights: every entry that fits by name and shape.

    Names may be ours or those of a publication; those by which most fits are taken. The weights of
    connections and peers of a structure are not taken: they belong to its wiring.

    Args:
        state: the weights.
        model: changed in place.
        classifier: False leaves the classifier as it is.

    Raises:
        WeightsError: nothing fits; the network is as it was.
    """
    own = model.state_dict()
    left_out = [] if classifier else [name for name in own if is_of_classifier(name, model)]
    if isinstance(model, Network | DepthExits):
        left_out += filter(is_by_entry, own)
    notes: list[str] = []
    tried = [
        (
            naming,
            taken(state, own, theirs=naming.theirs, left_out=left_out, unused=naming.unused),
        )
        for naming in _namings(model, notes)
    ]
    best, found = max(tried, key=lambda one: one[1].elements)
    if found.empty:
        raise WeightsError(
            f"nothing of it fits {model.describe().name} by name and shape\n  {found}\n"
            "  cure: weights of this network, or of one with the same blocks"
        )
    put(found, state, own, theirs=best.theirs)
    if best.publication is not None:
        document = model.describe()
        notes += notes_about(part_of(best.publication, document), document.settings, found)
    return FirstWeights(best.publication, found, () if best.publication is None else tuple(notes))


def is_of_classifier(name: str, model: Model) -> bool:
    """Returns whether an entry is part of the classifier of a model."""
    return name.startswith(tuple(f"{part}." for part in model.classifier))


def _namings(model: Model, notes: list[str]) -> Iterator[_Naming]:
    """Yields the ways in which names can be read; a reason why not becomes a note."""
    yield _Naming(None, str)
    prefix = common_prefix(list(model.state_dict()))
    if prefix:
        yield _Naming(None, lambda name: name.removeprefix(prefix))
    document = model.describe()
    for publication in publications_of(document.kind):
        try:
            whose = part_for(publication, document)
            yield _Naming(publication, names_of(whose, document), whose.unused)
        except WeightsError as error:
            notes.append(f"not read by the names of {publication}: {str(error).splitlines()[0]}")
