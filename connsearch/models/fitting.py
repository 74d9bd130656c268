"""Which publication a file of weights is of, as far as its names and shapes tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from connsearch.errors import SettingsError, WeightsError
from connsearch.graph.files import structure_names
from connsearch.models.document import a_kind
from connsearch.models.inflation import INFLATE_THEM, OVER_IMAGES, Inflation, over_images
from connsearch.models.model import Model
from connsearch.models.otherwise import cure_by_settings
from connsearch.models.published import compare_published, names_of, part_of, shown
from connsearch.models.taken import TakenWeights
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS, ZooModel

_TRIED = 10
"""Kinds with more networks than these are not searched for the one that weights fit."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How weights fit a network by the names of one publication.

    Attributes:
        publication: its name.
        options: settings of the network that they are of, where its name has others.
        rows: classes of the classifier in the weights; None: they have none.
        taken: what the network could take, but for the classifier.
        untold: settings that change what is computed and that no file tells, with those taken.
        names: our names of its entries, and the published ones.
        alike: other publications that give the same names to the same network.
    """

    publication: str
    options: Mapping[str, Any]
    rows: int | None
    taken: TakenWeights
    names: Mapping[str, str]
    untold: Mapping[str, Any] = field(default_factory=dict[str, Any])
    alike: tuple[str, ...] = ()

    def notes(self) -> Iterator[str]:
        """Yields sentences for the user: whose the weights may be, what the file does not tell."""
        for name, value in self.untold.items():
            yield (
                f"the file does not tell {name}: {shown(value)} is taken (--model-options "
                f"{name}=... for another)"
            )
        if self.alike:
            yield (
                f"whose weights they are cannot be told: {self.publication}, "
                f"{', '.join(self.alike)} give the same names to the same network; read as "
                f"those of {self.publication}"
            )

    def build(self, name: str, classes: int, *, seed: int | None = 0) -> Model:
        """Returns the network of that name with these settings and first values."""
        return MODELS[name].build(classes, seed=seed, **self.options)


def network_of(name: str) -> ZooModel:
    """Returns a network that there may be published weights for.

    Raises:
        UnknownNameError: there is none of that name; the nearest is named.
        SettingsError: it is a structure, or nobody has published weights of its kind.
    """
    if name in structure_names():
        raise SettingsError(
            f"{name}: is a structure; its weights were not published as a file of torch\n"
            f"  allowed here: networks that a publication has weights for: {_kinds()}"
        )
    found = MODELS[name]
    if not publications_of(found.kind):
        raise SettingsError(
            f"{name}: no publication has weights of {a_kind(found.kind)}\n  there are: {_kinds()}"
        )
    return found


def publications_of(kind: str) -> list[str]:
    """Returns the names of the publications that have weights of a kind of networks."""
    return [name for name in PUBLICATIONS if PUBLICATIONS[name].of(kind) is not None]


def fit_of(
    publication: str,
    name: str,
    options: Mapping[str, Any],
    state: Mapping[str, Tensor],
    *,
    inflate: Inflation | None = None,
) -> Fit:
    """Returns how weights fit a network by the names of a publication; none is built in memory.

    Args:
        publication: its name.
        name: of the network.
        options: settings of the network that were asked for; the others are as the weights expect.
        state: the weights, by their published names.
        inflate: how kernels over images are made into kernels over clips; None: they are not.

    Raises:
        WeightsError: the publication has no weights for such a network.
        SettingsError: there is no such setting, or it is out of range.
    """
    with torch.device("meta"):
        as_asked = MODELS[name].build(1, **options).describe()
        whose = part_of(publication, as_asked, inflate)
        settings = {**whose.expects, **whose.told(state), **options}
        model = MODELS[name].build(1, **settings)
    found = compare_published(
        state, model, publication=publication, classifier=False, inflate=inflate
    )
    built = model.describe()
    theirs = names_of(whose, built)
    answers = [theirs(name) for name in whose.answers(model.state_dict())]
    rows = {state[answer].shape[0] for answer in answers if answer in state and state[answer].ndim}
    names = {name: theirs(name) for name in found.loaded}
    asked = {key: built.settings.get(key) for key in whose.untold if key not in options}
    untold = {key: value for key, value in asked.items() if value is not None}
    classes = rows.pop() if len(rows) == 1 else None
    return Fit(publication, settings, classes, found, names, untold)


def choose_fit(
    asked: str | None,
    name: str,
    options: Mapping[str, Any],
    state: Mapping[str, Tensor],
    *,
    partial: bool = False,
    inflate: Inflation | None = None,
) -> Fit:
    """Returns how weights fit a network by the publication asked for, or the only one that fits.

    Arguments as for :func:`fit_of`; ``partial``: the one that fits best will do.

    Raises:
        UnknownNameError: there is no such network or publication.
        WeightsError: none fits; the names that are missing or too many are told. Or several do.
        SettingsError: as for :func:`fit_of`.
    """
    kind = network_of(name).kind
    if asked is not None:
        _ = PUBLICATIONS[asked]
        return fit_of(asked, name, options, state, inflate=inflate)
    fits: list[Fit] = []
    refused: list[str] = []
    for publication in publications_of(kind if inflate is None else OVER_IMAGES.get(kind, "")):
        try:
            fits.append(fit_of(publication, name, options, state, inflate=inflate))
        except WeightsError as error:
            refused.append(f"  {publication}: {str(error).splitlines()[0]}")
    good = [fit for fit in fits if fit.taken.complete]
    if partial and not good and fits:
        most = max(fit.taken.elements for fit in fits)
        good = [fit for fit in fits if fit.taken.elements == most]
    alike = [fit for fit in good if (fit.names, fit.options) == (good[0].names, good[0].options)]
    if good and len(alike) == len(good):
        return replace(good[0], alike=tuple(fit.publication for fit in good[1:]))
    if good:
        raise WeightsError(_several(name, good))
    cure = "another --model, or --partial to take what fits"
    if inflate is not None:
        cure = f"{cure}; --inflate is for the weights of a {OVER_IMAGES.get(kind, 'network')}"
    elif kind in OVER_IMAGES and over_images(state):
        cure = f"{INFLATE_THEM}; or {cure}"
    else:
        cure = next(filter(None, (_cure(name, fit, state, options) for fit in fits)), cure)
    raise WeightsError(_none(name, fits, refused, cure))


def _cure(
    name: str, fit: Fit, state: Mapping[str, Tensor], options: Mapping[str, Any]
) -> str | None:
    with torch.device("meta"):
        document = fit.build(name, 1).describe()
    found = cure_by_settings(part_of(fit.publication, document), document, state)
    return found or _by_another_name(name, fit.publication, state, options)


def _by_another_name(
    name: str, publication: str, state: Mapping[str, Tensor], options: Mapping[str, Any]
) -> str | None:
    """The cure, if the weights are those of another network of the same kind; few are tried."""
    alike = [other for other in MODELS if MODELS[other].kind == MODELS[name].kind]
    found: list[str] = []
    for other in alike if len(alike) <= _TRIED else []:
        try:
            if other != name and fit_of(publication, other, options, state).taken.complete:
                found.append(other)
        except (SettingsError, WeightsError):
            continue
    named = " or ".join(sorted(found, key=len, reverse=True))  # the most exact name first
    return f"--model {named}: then the weights fit" if found else None


def _several(name: str, fits: list[Fit]) -> str:
    lines = [
        f"  {fit.publication}: {', '.join(f'{k} {shown(v)}' for k, v in fit.options.items())}"
        for fit in fits
    ]
    return "\n".join(
        [
            f"{len(fits)} publications have these names and shapes for {name}, with other settings "
            "of the network:",
            *lines,
            f"  cure: say whose they are, such as --publication {fits[0].publication}",
        ]
    )


def _none(name: str, fits: list[Fit], refused: list[str], cure: str) -> str:
    lines = ["  " + line for fit in fits for line in _missed(fit)]
    return "\n".join(
        [
            f"no publication has these names and shapes for {name}",
            *lines,
            *refused,
            f"  cure: {cure}",
        ]
    )


def _missed(fit: Fit) -> list[str]:
    first, *rest = str(fit.taken).splitlines()
    return [f"{fit.publication}: {first.replace('loaded', 'fit')}", *rest]


def _kinds() -> str:
    return ", ".join(f"{name} ({', '.join(PUBLICATIONS[name].kinds)})" for name in PUBLICATIONS)
