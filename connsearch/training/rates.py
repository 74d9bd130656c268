"""Which parts of a network learn with which share of the learning rate, and which are frozen."""

from __future__ import annotations

import difflib
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from connsearch.errors import SettingsError
from connsearch.models.model import Model
from connsearch.runs.formats.config import RateRecord
from connsearch.training.hooks import Hook
from connsearch.training.options import OptimiserOptions
from connsearch.training.rate_options import RateOptions

RECURRENT = 0.5
"""The share of the learning rate that recurrent layers have in fine-tuning."""

_RECURRENT_KINDS = (nn.RNNBase, nn.RNNCellBase)
"""LSTM, GRU and their relatives."""

PEERS = ".attention.logits"
"""How names of the parameters end that mix the peers of a connection."""

_NEAREST = 5
"""So many names are offered for a pattern that fits none."""


@dataclass(frozen=True, slots=True)
class RateGroup:
    """Parameters that learn with one share of a learning rate.

    Attributes:
        name: ``classifier``, ``recurrent``, ``rest``, or the pattern that they fit.
        factor: on the learning rate.
        logits: whether they are decision logits, which have a learning rate of their own.
        parameters: by name.
    """

    name: str
    factor: float
    logits: bool
    parameters: Mapping[str, nn.Parameter]

    @property
    def title(self) -> str:
        """What people read."""
        if not self.logits:
            return self.name
        peers = all(name.endswith(PEERS) for name in self.parameters)
        return f"{self.name} ({'peers' if peers else 'connections'})"

    @property
    def numbers(self) -> int:
        """How many numbers learn (or are frozen) in it."""
        return sum(parameter.numel() for parameter in self.parameters.values())

    def record(self) -> RateRecord:
        """Returns what a run records of it; peers are filed with connections."""
        return RateRecord(
            group=f"{self.name} (connections)" if self.logits else self.name,
            factor=self.factor,
            tensors=len(self.parameters),
            parameters=self.numbers,
        )


def rate_groups(network: Model, options: RateOptions) -> list[RateGroup]:
    """Returns what learns in its groups; nothing where all learn alike.

    Decision logits are in one where a pattern fits them.

    ``fine_tune`` divides the filters into classifier (``Model.classifier``), recurrent layers and
    the rest, in place of what the network has by itself (``Model.rates``). A pattern that fits
    comes before that, the last one before the others.

    Raises:
        SettingsError: a pattern fits nothing that learns, nobody knows which part is the
            classifier, or all filters would be frozen.
    """
    if not options.given and not network.rates:
        return []
    learning = network.parameter_groups()
    logits, filters = set(learning.logits), set(learning.filters)
    names = {n: p for n, p in network.named_parameters() if p in filters or p in logits}
    for pattern in options.patterns:
        if not any(_fits(name, pattern) for name in names):
            raise SettingsError(_fits_nothing(network, pattern, list(names)))
    own_rates = network.rates if options.fine_tune is None else {}
    patterns = {p: f for p, f in own_rates.items() if p not in options.patterns}
    patterns |= options.patterns  # behind those of the network, in the order given
    usual = {} if options.fine_tune is None else _fine_tuned(network, options.fine_tune)
    found: dict[tuple[str, bool], tuple[float, dict[str, nn.Parameter]]] = {}
    for name, parameter in names.items():
        group, factor = "" if parameter in logits else "rest", 1.0
        if parameter in filters and options.fine_tune is not None:
            group, factor = usual.get(name, ("rest", options.fine_tune))
        for pattern, own in patterns.items():
            if _fits(name, pattern):
                group, factor = pattern, own
        if group:
            key = (group, parameter in logits)
            found.setdefault(key, (factor, {}))[1][name] = parameter
    groups = [RateGroup(name, f, own, parts) for (name, own), (f, parts) in found.items()]
    if all(group.factor == 0 for group in groups if not group.logits):
        raise SettingsError(
            "rate: every filter would be frozen, and nothing could be learned\n"
            "  cure: give a part a --rate above 0, such as --rate 'head=1'"
        )
    order = ["classifier", "recurrent", "rest", *patterns]
    return sorted(groups, key=lambda group: (group.logits, order.index(group.name)))


def factors_in(groups: Iterable[RateGroup]) -> dict[str, float]:
    """Returns the factor on the learning rate of every parameter in the groups, by its name."""
    return {name: group.factor for group in groups for name in group.parameters}


def rate_table(groups: Sequence[RateGroup], options: OptimiserOptions, kept: int) -> str:
    """Returns the groups for people, a line each.

    Args:
        groups: at least one.
        options: their peak learning rates.
        kept: batch norms that keep their statistics.
    """
    named = [group.title for group in groups]
    counted = [f"{group.numbers:,} parameters" for group in groups]
    wide, much = max(map(len, named)), max(map(len, counted))
    lines = ["learning rates at their peak:"]
    for group, name, count in zip(groups, named, counted, strict=True):
        peak = options.connection_lr if group.logits else options.peak_rate
        rate = f"{peak * group.factor:.3g} (x {group.factor:g})" if group.factor else "frozen"
        lines.append(f"  {name:<{wide}}  {count:>{much}}  {rate}")
    if kept:
        lines.append(f"  batch norms that are frozen keep their statistics: {kept}")
    return "\n".join(lines)


class Frozen(Hook):
    """Filters that do not learn, and the batch norms among them, which keep their statistics.

    A batch norm is frozen if all of its own parameters are: it then normalises by the statistics
    it has, in training, too, and these are not computed anew before an evaluation. (Otherwise
    what the frozen layers compute would change all the same.)

    Args:
        network: that is trained.
        groups: of its parameters.

    Attributes:
        norms: the batch norms that are frozen.
    """

    name: ClassVar[str] = "frozen"

    def __init__(self, network: nn.Module, groups: Iterable[RateGroup]) -> None:
        self._parameters = [
            parameter
            for group in groups
            if group.factor == 0 and not group.logits
            for parameter in group.parameters.values()
        ]
        still = set(self._parameters)
        self.norms = [
            module
            for module in network.modules()
            if isinstance(module, _BatchNorm)
            and (own := list(module.parameters(recurse=False)))
            and still.issuperset(own)
        ]

    def begin(self, step: int, total: int) -> None:
        """Puts the frozen batch norms back into evaluation mode."""
        for norm in self.norms:
            norm.eval()

    @contextmanager
    def held(self) -> Generator[None]:
        """Inside, what is frozen gets no gradient; outside it is as it was."""
        for parameter in self._parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in self._parameters:
                parameter.requires_grad_(True)


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern fits the name of a parameter, or that of a part it is in."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def _fine_tuned(network: Model, rest: float) -> dict[str, tuple[str, float]]:
    """Group and factor, in fine-tuning, of the parameters that are not the rest, by name.

    Raises:
        SettingsError: nobody knows which part of the network is its classifier.
    """
    names = [name for name, _ in network.named_parameters()]
    found: dict[str, tuple[str, float]] = {}
    for place, module in network.named_modules():
        if isinstance(module, _RECURRENT_KINDS):
            found |= {n: ("recurrent", RECURRENT) for n in names if _is_in(n, place)}
    classifier = [n for n in names if any(_is_in(n, part) for part in network.classifier)]
    if not classifier:
        where = network.describe().name
        said = ", ".join(map(repr, network.classifier)) or "nothing"
        raise SettingsError(
            f"fine_tune {rest:g}: nobody knows which part of {where} is its classifier; its "
            f"`classifier` names {said}\n"
            "  cure: Wrapped(module, classifier=('fc',)) with the names of its parts, or "
            "--rate in place of --fine-tune"
        )
    return found | {name: ("classifier", 1.0) for name in classifier}


def _is_in(name: str, place: str) -> bool:
    return not place or name == place or name.startswith(f"{place}.")


def _fits_nothing(network: Model, pattern: str, names: Sequence[str]) -> str:
    """What is wrong with a pattern that fits no parameter that learns."""
    where = network.describe().name
    every = [name for name, _ in network.named_parameters()]
    if any(_fits(name, pattern) for name in every):
        return (
            f"rate {pattern}: what it fits in {where} does not learn\n"
            "  cure: leave it out; what does not learn has no rate"
        )
    parts = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, 9)}
    plain = pattern.rstrip("*").rstrip(".")
    near = difflib.get_close_matches(plain, sorted(parts), n=_NEAREST, cutoff=0.5)
    first = sorted({name.split(".")[0] for name in names})
    return (
        f"rate {pattern}: fits no parameter of {where}\n"
        f"  nearest: {', '.join(near or first[:_NEAREST])}\n"
        f"  allowed: a glob over names such as {names[0]}, or the name of a part, such as "
        f"{first[0]}"
    )
