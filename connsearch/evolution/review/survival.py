"""Which posts and kinds of blocks survive: their shares by generation, in the population, at best.

Shares are of blocks. That some are frequent among founders says nothing: these were drawn. What
selection does shows in later generations and in the population.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connsearch.evolution.history import History
from connsearch.evolution.review.block_changes import BlockChange
from connsearch.evolution.review.lineage import parent_of
from connsearch.evolution.review.operator_stats import Yield, yield_of
from connsearch.evolution.review.trajectory import Round
from connsearch.graph.families import kind_name
from connsearch.graph.spec import Post

FOUNDERS, LATER, NOW, BEST = "founders", "all later children", "population now", "best"
"""Groups of children that an evolution is told by, besides its generations."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The blocks of some children.

    Attributes:
        who: which children, in words.
        children: how many.
        blocks: that they have together.
        posts: how many of these have what after their modules; every post is a key.
        kinds: how many are of which kind.
    """

    who: str
    children: int
    blocks: int
    posts: Mapping[str, int]
    kinds: Mapping[str, int]

    def share(self, name: str) -> float:
        """Returns the share of blocks with a post, or of a kind, in [0, 1]; 0 of none."""
        count = self.posts.get(name, 0) + self.kinds.get(name, 0)
        return count / self.blocks if self.blocks else 0.0


def generations(history: History) -> dict[int, int]:
    """Returns how many ancestors every child has, following first parents."""
    found: dict[int, int] = {}
    for number in sorted(history.births):  # parents are born before their children
        parent = parent_of(history, number)
        found[number] = 0 if parent is None else found[parent] + 1
    return found


def mixes(history: History, best: Sequence[int] = ()) -> list[Mix]:
    """Returns the blocks of every generation, of all later ones, of the population, of the best.

    Groups without a child are left out.

    Args:
        history: has the children; whether they were judged does not matter.
        best: numbers of the best children.
    """
    line = generations(history)
    groups: dict[str, list[int]] = {}
    for number, depth in sorted(line.items(), key=lambda pair: pair[1]):
        groups.setdefault(f"generation {depth}" if depth else FOUNDERS, []).append(number)
    groups[LATER] = [number for number, depth in line.items() if depth]
    groups[NOW] = [member.number for member in history.population.members]
    groups[BEST] = list(best)
    return [mix(history, who, numbers) for who, numbers in groups.items() if numbers]


def population_mixes(history: History, told: Sequence[Round]) -> list[Mix]:
    """Returns the blocks of the population after every round."""
    return [
        mix(history, f"round {entry.number}", (member.number for member in entry.members))
        for entry in told
    ]


def mix(history: History, who: str, numbers: Iterable[int]) -> Mix:
    """Returns the blocks of some children of a study."""
    posts: Counter[str] = Counter({post.value: 0 for post in Post})
    kinds: Counter[str] = Counter()
    structures = [history.child(number).structure for number in numbers]
    for structure in structures:
        for _, block in structure.blocks():
            posts[block.post.value] += 1
            kinds[kind_name(structure, block)] += 1
    return Mix(who, len(structures), posts.total(), posts, kinds)


def switch_yield(
    history: History, changes: Mapping[int, Sequence[BlockChange]], told: Sequence[Round]
) -> list[Yield]:
    """Returns what each change of a post or kind has brought, the most frequent first.

    One row for every change such as ``post none -> srtg``, over the children that have it; what
    else changed in these children counts with it.

    Args:
        history: has children and evaluations.
        changes: of each child, see ``block_changes``.
        told: the rounds of the study.
    """
    used: dict[str, list[int]] = {}
    for number, found in sorted(changes.items()):
        for switch in dict.fromkeys(change.switch for change in found):
            used.setdefault(switch, []).append(number)
    return yield_of(history, used, told)
