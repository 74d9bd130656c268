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
    """Returns the blocks of every generation, of the population now, and of the best children.

    Args:
        history: has the children; whether they were judged does not matter.
        best: numbers of the best children; left out where there are none.
    """
    line = generations(history)
    found = [
        mix(
            history,
            "founders" if depth == 0 else f"generation {depth}",
            (number for number, at in line.items() if at == depth),
        )
        for depth in range(max(line.values(), default=-1) + 1)
    ]
    members = [member.number for member in history.population.members]
    if members:
        found.append(mix(history, "population now", members))
    if best:
        found.append(mix(history, "best", best))
    return found


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
