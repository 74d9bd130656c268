"""Published weights, put into one of our networks by the key map of their publication.

A network is changed only after every name and shape was found to fit, unless it is asked to take
what fits. ``models/weight_file.py`` reads the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.files.disk import AnyPath
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.taken import TakenWeights, few, put, taken
from connsearch.models.weight_file import read_weight_file
from connsearch.models.weights import PUBLICATIONS, Publication


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read.

    Attributes:
        publication: its name.
        taken: what became of every entry.
        notes: sentences for the user: what was left out, which other settings the weights expect.
    """

    publication: str
    taken: TakenWeights
    notes: tuple[str, ...]

    @property
    def entries(self) -> int:
        """How many entries of the network have published values now."""
        return len(self.taken.loaded)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Our names of entries that kept their values: the classifier, if it was left out."""
        return self.taken.left_out


def load_published(
    path: AnyPath,
    model: Model,
    *,
    publication: str,
    classifier: bool = True,
    partial: bool = False,
    entry: str | None = None,
) -> Imported:
    """Returns what was read of a file of published weights into a network: all of it or nothing.

    Args:
        path: a file of ``torch.save`` or of safetensors. The names in it may have the prefix of
            ``DataParallel``, and may be under ``state_dict`` among other state.
        model: a network of the kind that was published; changed in place.
        publication: a name of ``PUBLICATIONS``. It is not known from a file: two publications
            give the same names to different networks.
        classifier: False leaves the classifier as it is, for another number of classes.
        partial: take what fits by name and shape, and leave the rest as it is.
        entry: the key under which the weights are; None: see ``read_weight_file``.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: the file cannot be read, or has other entries than the network: the first
            five missing, unexpected and misshapen ones are named. With ``partial``: nothing fits.
    """
    _ = PUBLICATIONS[publication]  # before a large file is read
    file = read_weight_file(path, entry=entry)
    try:
        found = import_state(
            file.state, model, publication=publication, classifier=classifier, partial=partial
        )
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    return Imported(publication, found.taken, (*file.notes(), *found.notes))


def import_state(
    state: Mapping[str, Tensor],
    model: Model,
    *,
    publication: str,
    classifier: bool = True,
    partial: bool = False,
) -> Imported:
    """Returns what was put into a network of weights by their published names.

    Args:
        state: published names and values; another type of float is converted.
        model: a network; changed in place.
        publication: a name of ``PUBLICATIONS``.
        classifier: False leaves the classifier as it is.
        partial: take what fits by name and shape, and leave the rest as it is.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: other entries than the network's; the network is as it was.
    """
    found = compare_published(state, model, publication=publication, classifier=classifier)
    if partial and found.empty:
        raise WeightsError(
            f"nothing of it fits this network by the names of {publication}\n{found}\n"
            "  cure: name another publication, or build the network that was published"
        )
    if not partial and not found.complete:
        raise WeightsError(_told(found, publication, _theirs(model, publication)))
    document = model.describe()
    whose = part_for(publication, document)
    put(found, state, model.state_dict(), theirs=_names(whose, model))
    return Imported(publication, found, tuple(_notes(whose, document.settings, found)))


def compare_published(
    state: Mapping[str, Tensor], model: Model, *, publication: str, classifier: bool = True
) -> TakenWeights:
    """Returns what a network could take; nothing is changed, it may be on the device ``meta``.

    Arguments as for :func:`import_state`.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: its weights belong to networks of another kind, or with other settings.
    """
    whose = part_for(publication, model.describe())
    left_out = () if classifier else whose.classifier
    return taken(state, model.state_dict(), theirs=_names(whose, model), left_out=left_out)


def published_name(name: str, model: Model, publication: str) -> str:
    """Returns what a publication calls an entry of a network it has weights for."""
    return _names(part_for(publication, model.describe()), model)(name)


def part_for(publication: str, document: ModelDocument) -> Publication:
    """Returns what a publication has for a network; refuses a network it has no weights for.

    Raises:
        WeightsError: the network is of another kind, or has other settings than the weights need.
    """
    listed, own = PUBLICATIONS[publication], document.settings
    whose = listed.of(document.kind)
    if whose is None:
        said = f"kind {' or '.join(listed.kinds)}, here {document.kind}"
    else:
        differ = _different(whose.needs, own)
        said = "; ".join(f"{key} {shown(value)}, here {own.get(key)}" for key, value in differ)
    if whose is None or said:
        raise WeightsError(
            f"the weights of {publication} belong to another network: {said}\n"
            "  cure: build the network with these settings"
        )
    return whose


def _names(whose: Publication, model: Model) -> Any:
    names = whose.key_map(model.describe().settings)
    return lambda name: names.published(name) or name


def _theirs(model: Model, publication: str) -> set[str]:
    """The published names of the classifier."""
    whose = part_for(publication, model.describe())
    return {_names(whose, model)(name) for name in whose.classifier}


def _different(asked: Mapping[str, Any], own: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Returns what a network has otherwise; its settings are JSON, with lists for tuples."""

    def same(value: Any, here: Any) -> bool:
        if isinstance(value, frozenset):
            return here in value
        return here == (list(value) if isinstance(value, tuple) else value)

    return [(key, value) for key, value in asked.items() if not same(value, own.get(key))]


def shown(value: Any) -> str:
    """Returns a setting of a publication as people read it."""
    if isinstance(value, frozenset):
        return " or ".join(sorted(map(str, value)))
    return str(list(value) if isinstance(value, tuple) else value)


def _told(found: TakenWeights, publication: str, answers: set[str]) -> str:
    faults = [
        ("missing", found.missing),
        ("unexpected", found.other_name),
        ("of another shape", [str(one) for one in found.other_shape]),
    ]
    lines = [f"  {len(names)} {kind}: {few(names)}" for kind, names in faults if names]
    cure = "build the network that was published, or name another publication"
    if all(name.split(" ")[0] in answers for _, names in faults for name in names):
        cure = "leave the classifier out (classifier=False), or build it for as many classes"
    head = f"these are not the weights {publication} has for this network:"
    return "\n".join([head, *lines, f"  cure: {cure}"])


def _notes(whose: Publication, own: Mapping[str, Any], found: TakenWeights) -> Iterator[str]:
    if found.left_out:
        names = ", ".join(found.left_out)
        yield f"the classifier ({names}) was left out: it has its first values"
    if found.counters:
        yield (
            f"{len(found.counters)} counts of batches (num_batches_tracked) are not in the file: "
            "they stay as they are, and change nothing that is computed"
        )
    for key, value in _different(whose.expects, own):
        yield f"the weights were trained with {key} {shown(value)}, the network has {own.get(key)}"
