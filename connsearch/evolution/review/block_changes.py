"""What the steps of a child have changed of its parent's blocks: what follows them, their kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from connsearch.errors import RunError, UnknownNameError
from connsearch.evolution.history import History
from connsearch.evolution.limits import Limits
from connsearch.evolution.review.lineage import operators_of, parent_of
from connsearch.evolution.steps import replay
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.families import kind_name
from connsearch.graph.spec import Block, Structure

TELLING = ("post", "kind")
"""The mutations that are told."""


@dataclass(frozen=True, slots=True)
class BlockChange:
    """One block of a child that differs from the block of its parent it was made of.

    Attributes:
        node: its number in the child.
        what: that differs: what follows its modules, or its kind.
        before: in the parent: a post, or the name of a kind.
        after: in the child.
        filters: of a kind: those before and after, as a structure file writes them; else empty.
    """

    node: int
    what: Literal["post", "kind"]
    before: str
    after: str
    filters: tuple[str, ...] = ()

    @property
    def switch(self) -> str:
        """What changed, whatever the node: ``post none -> srtg``, ``bottleneck -> r3d_basic``."""
        change = f"{self.before} -> {self.after}"
        return f"post {change}" if self.what == "post" else change

    def __str__(self) -> str:
        if not self.filters:
            return f"node {self.node}: {self.switch}"
        before, after = self.filters
        return f"node {self.node}: {self.before} {before} -> {self.after} {after}"


def block_changes(history: History, number: int, limits: Limits) -> tuple[BlockChange, ...]:
    """Returns the blocks of a child with another post or kind than in its parent, by node.

    Its steps are taken once more, to see which block was made of which. Empty for a founder, for a
    child without such a step, and for one whose steps this version cannot repeat.

    Args:
        history: has the child, its parent and what that had learned.
        number: of the child.
        limits: of the search space.
    """
    parent = parent_of(history, number)
    names = {operator.partition(":")[0] for operator in operators_of(history, number)}
    if parent is None or names.isdisjoint(TELLING):
        return ()
    before = history.learned(parent)
    try:
        made = replay(before, history.child(number).steps, limits)
    except (RunError, UnknownNameError):
        return ()
    return tuple(_changes(before, made))


def _changes(parent: Structure, made: Offspring) -> Iterator[BlockChange]:
    child = made.structure
    for index, block in child.blocks():
        for old in made.origins[index][:1]:  # of merged ones, which were alike, the first
            before = parent.block(old)
            kinds = kind_name(parent, before), kind_name(child, block)
            if kinds[0] != kinds[1]:
                yield BlockChange(index, "kind", *kinds, (_written(before), _written(block)))
            if before.post is not block.post:
                yield BlockChange(index, "post", before.post.value, block.post.value)


def _written(block: Block) -> str:
    filters = block.filters
    return str(list(filters)) if isinstance(filters, tuple) else str(filters)
