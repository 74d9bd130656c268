"""Published weights, put into one of our networks by the key map of their publication.

A network is changed only after every name and shape was found to fit, unless it is asked to take
what fits. ``models/weight_file.py`` reads the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.files.disk import AnyPath
from connsearch.models.document import ModelDocument
from connsearch.models.inflation import (
    INFLATE_THEM,
    OVER_IMAGES,
    Inflation,
    inflated,
    over_images,
    part_over_images,
)
from connsearch.models.model import Model
from connsearch.models.otherwise import cure_by_settings
from connsearch.models.taken import TakenWeights, few, put, taken
from connsearch.models.weight_file import read_weight_file
from connsearch.models.weights import PUBLICATIONS, Publication

USUAL = "the usual"
"""What a document does not name."""


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
    inflate: Inflation | None = None,
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
        inflate: ``mean`` or ``centre``: the file is of the same network over images, and its
            kernels become kernels over clips (``models/inflation.py``).
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
            file.state,
            model,
            publication=publication,
            classifier=classifier,
            partial=partial,
            inflate=inflate,
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
    inflate: Inflation | None = None,
) -> Imported:
    """Returns what was put into a network of weights by their published names.

    Args:
        state: published names and values; another type of float is converted.
        model: a network; changed in place.
        publication: a name of ``PUBLICATIONS``.
        classifier: False leaves the classifier as it is.
        partial: take what fits by name and shape, and leave the rest as it is.
        inflate: how kernels over images are made into kernels over clips; None: they are not.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: other entries than the network's, or none that could be inflated; the network
            is as it was.
    """
    document = model.describe()
    whose, own = part_for(publication, document, inflate), model.state_dict()
    theirs = names_of(whose, document)
    found = compare_published(
        state, model, publication=publication, classifier=classifier, inflate=inflate
    )
    if partial and found.empty:
        raise WeightsError(
            f"nothing of it fits this network by the names of {publication}\n  {found}\n"
            "  cure: name another publication, or build the network that was published"
        )
    if not partial and not found.complete:
        answers = {theirs(name) for name in whose.answers(own)}
        flat = inflate is None and document.kind in OVER_IMAGES and over_images(state)
        other = None if flat else cure_by_settings(whose, document, state)
        raise WeightsError(_told(found, publication, answers, flat=flat, other=other))
    notes = notes_about(whose, document.settings, found)
    if inflate is None:
        put(found, state, own, theirs=theirs)
        return Imported(publication, found, tuple(notes))
    clips = inflated(state, own, inflate, theirs=theirs)
    put(found, clips.state, own, theirs=theirs)
    return Imported(publication, found, (*clips.notes(), *notes))


def compare_published(
    state: Mapping[str, Tensor],
    model: Model,
    *,
    publication: str,
    classifier: bool = True,
    inflate: Inflation | None = None,
) -> TakenWeights:
    """Returns what a network could take; nothing is changed, it may be on the device ``meta``.

    Arguments as for :func:`import_state`.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: its weights belong to networks of another kind, or with other settings; or no
            kernel could be inflated.
    """
    document, own = model.describe(), model.state_dict()
    whose = part_for(publication, document, inflate)
    theirs = names_of(whose, document)
    if inflate is not None:
        shapes = {name: tensor.to("meta") for name, tensor in state.items()}
        clips = inflated(shapes, own, inflate, theirs=theirs)
        if not clips.kernels:
            raise WeightsError(
                f"by the names of {publication} there is no kernel over images for this network\n"
                "  cure: weights of a network over images, or leave inflation out"
            )
        state = clips.state
    left_out = () if classifier else whose.answers(own)
    return taken(state, own, theirs=theirs, left_out=left_out, unused=whose.unused)


def part_of(
    publication: str, document: ModelDocument, inflate: Inflation | None = None
) -> Publication:
    """Returns what a publication has for networks of a kind, whatever their settings.

    Args:
        publication: its name.
        document: of a network of that kind.
        inflate: how its kernels over images would be inflated; None: its weights are over clips.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: it has no weights for such networks.
    """
    listed = PUBLICATIONS[publication]
    whose = listed.of(document.kind) if inflate is None else part_over_images(listed, document)
    if whose is None:
        which = "over images" if inflate is not None else f"kind {' or '.join(listed.kinds)}"
        raise WeightsError(
            f"the weights of {publication} belong to another network: {which}, here "
            f"{document.kind}\n  cure: name another publication, or build another network"
        )
    return whose


def part_for(
    publication: str, document: ModelDocument, inflate: Inflation | None = None
) -> Publication:
    """Returns what a publication has for a network; refuses one that it has no weights for.

    Arguments as for :func:`part_of`.

    Raises:
        UnknownNameError: there is no such publication.
        WeightsError: the network is of another kind, or has other settings than the weights need.
    """
    whose = part_of(publication, document, inflate)
    own = document.settings
    if differ := _different(whose.needs, own):
        said = "; ".join(
            f"{key} {shown(v)}, here {shown(own.get(key, USUAL))}" for key, v in differ
        )
        raise WeightsError(
            f"the weights of {publication} belong to another network: {said}\n"
            "  cure: build the network with these settings"
        )
    return whose


def names_of(whose: Publication, document: ModelDocument) -> Callable[[str], str]:
    """Returns what makes a published name of one of ours; what has none keeps ours."""
    names = whose.key_map(document.settings)
    return lambda name: names.published(name) or name


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
    if isinstance(value, tuple | list):
        return ", ".join(map(shown, cast("Sequence[Any]", value)))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _told(
    found: TakenWeights, publication: str, answers: set[str], *, flat: bool, other: str | None
) -> str:
    faults = [
        ("missing", found.missing),
        ("unexpected", found.other_name),
        ("of another shape", [str(one) for one in found.other_shape]),
    ]
    lines = [f"  {len(names)} {kind}: {few(names)}" for kind, names in faults if names]
    cure = "build the network that was published, or name another publication"
    if all(name.split(" ")[0] in answers for _, names in faults for name in names):
        cure = "leave the classifier out (classifier=False), or build it for as many classes"
    elif flat:
        cure = f"{INFLATE_THEM}; or {cure}"
    elif other is not None:
        cure = other
    head = f"these are not the weights {publication} has for this network:"
    return "\n".join([head, *lines, f"  cure: {cure}"])


def notes_about(whose: Publication, own: Mapping[str, Any], found: TakenWeights) -> Iterator[str]:
    """Yields what a user should know of weights that a network has taken.

    Args:
        whose: weights they are.
        own: settings of the network.
        found: what became of every entry.
    """
    if found.left_out:
        names = few(found.left_out)
        yield f"the classifier ({names}) was left out: it has its first values"
    if found.unused:
        yield f"left out, as nothing read it where it was trained: {few(found.unused)}"
    if found.counters:
        yield (
            f"{len(found.counters)} counts of batches (num_batches_tracked) are not in the file: "
            "they stay as they are, and change nothing that is computed"
        )
    inside = {key: _inside(own, key) for key in whose.expects_inside}
    for here, expected in ((own, whose.expects), (inside, whose.expects_inside)):
        for key, value in _different(expected, here):
            has = shown(here.get(key, USUAL))
            yield f"the weights were trained with {key} {shown(value)}, the network has {has}"


def _inside(settings: Any, key: str) -> Any:
    """What the model documents inside settings have under a dotted key; None: nothing."""
    for step in key.split("."):
        known = cast("Mapping[str, Any]", settings) if isinstance(settings, Mapping) else {}
        settings = known.get(step)
    return settings
