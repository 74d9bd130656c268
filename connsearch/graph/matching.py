"""Which node of one structure is which node of another.

Four rules, the first that applies decides; all give the same pairs from either side:

* ``provenance``: one was pruned from the other, or both from one parent, in one or several prunes.
  Every pruning records its nodes' numbers in the parent, so nodes are matched by those.
* ``number``: both have the same nodes, that is stems of the same stream and blocks of the same
  level at every number.
* ``renumbering``: they are the same up to renumbering; the renumbering gives the pairs (``compare``
  requests it if the first two find a difference).
* ``order``: otherwise the first stem of a stream matches the first stem of that stream, and so on,
  and likewise the blocks of a level; the remaining ones were added or removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from connsearch.graph.spec import Node, Stem, Structure

Rule = Literal["provenance", "number", "renumbering", "order"]

_RUNS = ("search", "train")
"""Operators that leave every node where it was."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The rule that matched, and the node of B for each node of A that has one."""

    rule: Rule
    to_b: Mapping[int, int]

    @property
    def to_a(self) -> dict[int, int]:
        """The node of A for each node of B that has one."""
        return {b: a for a, b in self.to_b.items()}


def match(a: Structure, b: Structure) -> Matching:
    """Returns which node of ``a`` is which of ``b``, by provenance, by number, else by order.

    >>> from connsearch.graph.files import load_structure
    >>> starter = load_structure("starter")
    >>> match(starter, starter).rule
    'number'
    """
    related = _by_provenance(a, b)
    if related is not None:
        return Matching("provenance", related)
    kinds_a, kinds_b = _kinds(a), _kinds(b)
    if kinds_a == kinds_b:
        return Matching("number", {node: node for node in range(len(a))})
    pairs = [
        pair
        for kind in dict.fromkeys(kinds_a)
        for pair in zip(_places(kinds_a, kind), _places(kinds_b, kind), strict=False)
    ]
    return Matching("order", dict(sorted(pairs)))


def numbers_before(structure: Structure) -> dict[int, int]:
    """Returns the number each node had before anything was pruned, as far as that is recorded.

    Empty where the structure was not pruned.
    """
    eldest = list(_ancestry(structure))[-1]
    return dict(enumerate(eldest.numbers)) if eldest.prunes else {}


def kind(node: Node) -> str:
    """Returns what a node must share with its match: the stream of a stem, a block's level."""
    return node.modality.value if isinstance(node, Stem) else f"level {node.level}"


def _kinds(structure: Structure) -> list[str]:
    return [kind(node) for node in structure.nodes]


def _places(kinds: list[str], wanted: str) -> list[int]:
    return [index for index, found in enumerate(kinds) if found == wanted]


class _Ancestor(NamedTuple):
    """A structure that another comes from, known by name and provenance.

    ``numbers`` are the other's nodes in it, ``prunes`` how many prunes lie between.
    """

    identity: tuple[str, str]
    numbers: tuple[int, ...]
    prunes: int


def _by_provenance(a: Structure, b: Structure) -> dict[int, int] | None:
    """Pairs by the numbers in the nearest common ancestor; None without one, or without a prune."""
    known = {found.identity: found for found in reversed(list(_ancestry(a)))}
    for theirs in _ancestry(b):
        ours = known.get(theirs.identity)
        if ours is None or not ours.prunes + theirs.prunes:
            continue
        place = {number: node for node, number in enumerate(theirs.numbers)}
        pairs = {node: place[n] for node, n in enumerate(ours.numbers) if n in place}
        if all(kind(a.nodes[x]) == kind(b.nodes[y]) for x, y in pairs.items()):
            return pairs
    return None


def _ancestry(structure: Structure) -> Iterator[_Ancestor]:
    """Yields the structure itself and what it comes from, as far as its provenance is known.

    Provenance was read from a file and may contain anything; an unknown form ends the ancestry.
    """
    name, numbers, prunes = structure.name, tuple(range(len(structure))), 0
    provenance: Mapping[str, Any] = structure.provenance
    while True:
        text = json.dumps(provenance, sort_keys=True, default=str)
        yield _Ancestor((name, text), numbers, prunes)
        operator, parents = provenance.get("operator"), provenance.get("parents")
        if not isinstance(parents, list | tuple) or len(cast("list[Any]", parents)) != 1:
            return
        name = str(cast("list[Any]", parents)[0])
        if operator == "prune":
            nodes = _numbers(provenance.get("nodes"))
            if nodes is None or any(n >= len(nodes) for n in numbers):
                return
            numbers, prunes = tuple(nodes[n] for n in numbers), prunes + 1
            earlier = provenance.get("parent_provenance")
        elif operator in _RUNS:
            earlier = provenance.get("earlier", {})
        else:
            return
        if not isinstance(earlier, Mapping):
            return
        provenance = cast("Mapping[str, Any]", earlier)


def _numbers(value: object) -> list[int] | None:
    """A list of different node numbers, or None for anything else."""
    if not isinstance(value, list | tuple):
        return None
    found = [n for n in cast("list[object]", value) if type(n) is int and n >= 0]
    return found if len(found) == len(set(found)) == len(cast("list[object]", value)) else None
