"""The cupboard of mutations: one file each, a pure function of a parent, a seed and the limits.

Whatever the parent, offspring keep every rule of a structure and the channel sum of every level,
stays within the limits where the parent did, and has no unread node that the parent had read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal, Protocol, TypeVar

from connsearch.errors import SettingsError
from connsearch.evolution.limits import Limits
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.spec import Structure
from connsearch.registry import Registry

T = TypeVar("T", bound=Callable[..., Offspring | None])

Kind = Literal["block", "stem", "connection", "wiring"]
"""What a mutation changes: one block or two, a stem, one connection, or the whole wiring."""


class Mutate(Protocol):
    """What every member of the cupboard promises."""

    def __call__(self, parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
        """Returns a changed structure, or None where nothing of the kind can be changed."""
        ...


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mutation, what it changes, and the keyword a number behind its name sets, if any."""

    kind: Kind
    apply: Callable[..., Offspring | None]
    setting: str | None = None


MUTATIONS: Registry[Mutation] = Registry("mutation", package=__name__)


def mutation(name: str, kind: Kind, *, setting: str | None = None) -> Callable[[T], T]:
    """Returns a decorator that files a function as a mutation."""

    def file(apply: T) -> T:
        MUTATIONS.register(name)(Mutation(kind, apply, setting))
        return apply

    return file


def find(text: str) -> Mutate:
    """Returns the mutation that ``split`` or ``guided:0.5`` names.

    Raises:
        UnknownNameError: no such mutation.
        SettingsError: a number where none is taken, or something that is no number in [0, 1].

    >>> find("guided:0.5").keywords
    {'threshold': 0.5}
    """
    name, colon, value = text.partition(":")
    found = MUTATIONS[name]
    if not colon:
        return found.apply
    if found.setting is None:
        raise SettingsError(f"mutation {name} takes no number; read {text!r}")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise SettingsError(f"mutation {text!r}: {found.setting} is a number in [0, 1]")
    return partial(found.apply, **{found.setting: number})
