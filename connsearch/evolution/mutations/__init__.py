"""The cupboard of mutations: one file each, a pure function of a parent, a seed and the limits.

Whatever the parent, an offspring keeps every rule of a structure and the sum of the channels that
the blocks of each level put out, stays within the limits if the parent did, and has no unread node
that was read in the parent. As long as no block changes its kind, the sum of the filters of each
kind at each level stays, too.
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
    """The contract of every mutation."""

    def __call__(self, parent: Structure, rng: Random, limits: Limits) -> Offspring | None:
        """Returns a changed structure, or None where nothing of the kind can be changed."""
        ...


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation.

    Attributes:
        kind: what it changes.
        apply: the mutation.
        setting: the keyword that a number behind its name sets, if any.
        needs: the field of the limits that says what it may use; where that is empty it changes
            nothing. None: it needs none.
    """

    kind: Kind
    apply: Callable[..., Offspring | None]
    setting: str | None = None
    needs: str | None = None

    def is_able(self, limits: Limits) -> bool:
        """Returns whether the limits let it change anything at all."""
        return self.needs is None or bool(getattr(limits, self.needs))


MUTATIONS: Registry[Mutation] = Registry("mutation", package=__name__)


def mutation(
    name: str, kind: Kind, *, setting: str | None = None, needs: str | None = None
) -> Callable[[T], T]:
    """Returns a decorator that files a function as a mutation; see :class:`Mutation`."""

    def file(apply: T) -> T:
        MUTATIONS.register(name)(Mutation(kind, apply, setting, needs))
        return apply

    return file


def find(text: str) -> Mutate:
    """Returns the mutation that ``split`` or ``guided:0.5`` names.

    Raises:
        UnknownNameError: no such mutation.
        SettingsError: a number where none is allowed, or a value that is not in [0, 1].

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
