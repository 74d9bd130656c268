"""Where a child comes from: its ancestors, its operators replayed, its connections traced back.

The line of ancestry follows first parents. It ends at a founder: a child made at random, or the
structure the evolution started from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from connsearch.errors import RunError, UnknownNameError
from connsearch.evolution.history import History
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import MUTATIONS
from connsearch.evolution.proposal import INITIAL, START
from connsearch.evolution.steps import Step, take
from connsearch.evolution.structure_editor import Offspring
from connsearch.graph.compare import compare
from connsearch.graph.hashing import structure_hash
from connsearch.graph.parse import rows
from connsearch.graph.spec import Edge, Structure, Weight


@dataclass(frozen=True, slots=True)
class Generation:
    """One traced connection in one ancestor.

    Attributes:
        child: number of the ancestor.
        operators: how it was made from its parent, in order; for a founder ``initial`` or
            ``start``.
        edges: the connection under the ancestor's numbers; several where a merge joined them.
        weights: of each, as the ancestor's first evaluation has learned it.
    """

    child: int
    operators: tuple[str, ...]
    edges: tuple[Edge, ...]
    weights: tuple[Weight, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection of a child comes from.

    Attributes:
        edge: the connection under the child's numbers.
        child: number of the ancestor that had it first.
        operator: of the step that added it; for a founder ``initial`` or ``start``.
        seed: of that step.
        generations: from that ancestor to the child.
    """

    edge: Edge
    child: int
    operator: str
    seed: int
    generations: tuple[Generation, ...]


def known(history: History, number: int) -> None:
    """Refuses the number of a child that does not exist.

    Raises:
        UnknownNameError: no such child.
    """
    if number not in history.births:
        last = max(history.births, default=None)
        allowed = "there are none yet" if last is None else f"children are numbered 0 to {last}"
        raise UnknownNameError(f"no child {number}; {allowed}")


def parent_of(history: History, number: int) -> int | None:
    """Returns the first parent of a child, or None for a founder."""
    parents: Sequence[int] = history.births[number]["parents"]
    return parents[0] if parents else None


def operators_of(history: History, number: int) -> tuple[str, ...]:
    """Returns the operators that made a child, in order; of a founder ``initial`` or ``start``."""
    return tuple(operator for operator, _ in history.births[number]["steps"])


def ancestry(history: History, number: int) -> list[int]:
    """Returns the line from the founder to a child, both ends included.

    Raises:
        UnknownNameError: no such child.
    """
    known(history, number)
    line = [number]
    while (parent := parent_of(history, line[-1])) is not None:
        line.append(parent)
    return line[::-1]


def children_of(history: History) -> dict[int, list[int]]:
    """Returns the children of every child, in the order of birth; empty lists included."""
    found: dict[int, list[int]] = {number: [] for number in sorted(history.births)}
    for number in found:
        for parent in history.births[number]["parents"]:
            found[parent].append(number)
    return found


def founders(history: History) -> dict[int, int]:
    """Returns the founder at the end of every child's line."""
    found: dict[int, int] = {}
    for number in sorted(history.births):  # parents are born before their children
        parent = parent_of(history, number)
        found[number] = number if parent is None else found[parent]
    return found


def repeatable(history: History, number: int) -> bool:
    """Returns whether a child can be replayed: the operator of a founder may be unknown."""
    words = [operator.partition(":")[0] for operator in operators_of(history, number)]
    if parent_of(history, number) is None and words in ([START], [INITIAL]):
        return True
    return all(word in MUTATIONS for word in words)


def replayed(history: History, number: int, limits: Limits) -> Structure:
    """Returns a child made again from its parent by its steps, or from the start if it has none.

    Raises:
        UnknownNameError: no such child, or an operator of another version.
        RunError: the result is not the child that the study has; the message says what differs.
    """
    known(history, number)
    stages = _stages(history, number, limits)
    return stages[-1].structure if stages else history.start


def connection_ancestry(history: History, number: int, edge: Edge, limits: Limits) -> Origin:
    """Returns where a child's connection first appeared, what added it, and its weights since.

    A connection is the same in parent and child where both of its ends come from the ends of one of
    the parent's. One that a step removed and added again counts as kept.

    Args:
        history: has the child, its ancestors and what they learned.
        number: of the child.
        edge: one of its connections.
        limits: of the search space, as the study has them.

    Raises:
        UnknownNameError: no such child, or it has no such connection.
        RunError: the steps do not make the ancestors the study has.
    """
    known(history, number)
    have = history.child(number).structure.edges()
    if edge not in have:
        into = sorted(e.source for e in have if e.target == edge.target)
        cure = f"node {edge.target} reads {into}" if into else f"node {edge.target} has no inputs"
        raise UnknownNameError(
            f"child {number} has no connection {edge.source} -> {edge.target}; {cure}"
        )
    generations: list[Generation] = []
    edges: tuple[Edge, ...] = (edge,)
    while True:
        generations.append(_generation(history, number, edges))
        step, edges = _traced(history, number, edges, limits)
        if step is not None:
            line = tuple(reversed(generations))
            return Origin(edge, number, step.operator, step.seed, line)
        parent = parent_of(history, number)
        assert parent is not None, "in a founder every connection is new"
        number = parent


def _generation(history: History, number: int, edges: tuple[Edge, ...]) -> Generation:
    weights = history.learned(number).weights()
    operators = operators_of(history, number)
    return Generation(number, operators, edges, tuple(weights[edge] for edge in edges))


def _traced(
    history: History, number: int, edges: tuple[Edge, ...], limits: Limits
) -> tuple[Step | None, tuple[Edge, ...]]:
    """The step of a child that brought a connection; or None, and which of the parent's it was."""
    child = history.child(number)
    parent = parent_of(history, number)
    if parent is None:
        return (child.steps[0] if child.steps else Step(START, 0)), edges
    stages = _stages(history, number, limits)
    before = [history.child(parent).structure, *(stage.structure for stage in stages)]
    for place in reversed(range(len(stages))):
        origins = stages[place].origins
        there = {
            Edge(source, target)
            for edge in edges
            for source in origins[edge.source]
            for target in origins[edge.target]
        }
        found = tuple(sorted(there.intersection(before[place].edges())))
        if not found:
            return child.steps[place], edges
        edges = found
    return None, edges


def _stages(history: History, number: int, limits: Limits) -> list[Offspring]:
    """What each step of a child has made, checked against the child; none for the start itself."""
    child = history.child(number)
    parent = parent_of(history, number)
    structure = history.start if parent is None else history.learned(parent)
    stages: list[Offspring] = []
    for place, step in enumerate(child.steps, start=1):
        if parent is None and step.operator in (START, INITIAL):
            if step.operator == INITIAL:
                structure = initial_structure(history.start, limits, Random(step.seed))
                stages.append(Offspring(structure, ((),) * len(structure)))
            continue
        offspring = take(structure, step, limits)
        if offspring is None:
            raise RunError(
                f"{_place(number, parent)}, step {place}, {step.operator} with seed {step.seed}: "
                f"changes nothing\n{_CURE}"
            )
        stages.append(offspring)
        structure = offspring.structure
    _check(child.structure, structure, child.hash, _place(number, parent))
    return stages


def _check(stored: Structure, rebuilt: Structure, digest: str, place: str) -> None:
    same = structure_hash(rebuilt) == digest
    if same and rows(rebuilt) == rows(stored):
        return
    if same:
        raise RunError(f"{place}: replaying its steps gives nodes with other numbers\n{_CURE}")
    found = compare(stored, rebuilt, weights=False)
    words: Mapping[str, int] = {
        "settings": len(found.settings),
        "nodes": len(found.nodes),
        "connections": len(found.connections),
    }
    said = ", ".join(f"{count} {name}" for name, count in words.items() if count)
    if not said:
        raise RunError(
            f"{place}: replaying its steps gives this structure, whose hash is another\n{_CURE}"
        )
    raise RunError(f"{place}: replaying its steps gives another structure ({said} differ)\n{_CURE}")


def _place(number: int, parent: int | None) -> str:
    return f"child {number} of {'the start' if parent is None else f'child {parent}'}"


_CURE = (
    "  the study was made by another version, or the parent's learned weights were changed since"
)
