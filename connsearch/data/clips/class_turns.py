"""An order of clips in which the classes take turns, so that each is shown equally often.

Nothing is drawn with replacement and nothing is remembered. Turns are numbered from 0 over the
whole training: turn *t* of *K* classes belongs to class ``t % K``, and the clips of a class come
round in shuffled cycles. So the turns of a class differ by at most one from those of another, in
every epoch and over all of them; so do the visits of two clips of a class, over all epochs; and any
epoch follows from its number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from connsearch.data.clips.sampling import epoch_order

_TURNS = 8
"""What a generator is for, beside the purposes of ``sampling``."""


class Visit(NamedTuple):
    """A clip, and how often it was shown in this epoch before."""

    clip: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class ClassTurns:
    """Which clips every epoch shows.

    Attributes:
        members: the clips of each class that has any, by their places in the data set. A clip of
            several classes is a member of each; clips without a class are one class more.
        clips: of an epoch.
    """

    members: tuple[tuple[int, ...], ...]
    clips: int

    @classmethod
    def of(cls, labels: Sequence[Iterable[int]]) -> ClassTurns:
        """Returns the turns of the classes of some clips; an epoch has as many as there are.

        >>> ClassTurns.of([[0], [0], [0], [1]]).members
        ((0, 1, 2), (3,))

        Args:
            labels: the classes of every clip; none is a class of its own.
        """
        found: dict[int, list[int]] = {}
        for index, some in enumerate(labels):
            for label in sorted(set(some)) or [-1]:
                found.setdefault(label, []).append(index)
        return cls(tuple(tuple(found[label]) for label in sorted(found)), len(labels))

    def epoch(self, *, seed: int, epoch: int) -> list[Visit]:
        """Returns the clips of an epoch, from 0, in their order; a clip may come several times."""
        first = epoch * self.clips
        cycles: dict[tuple[int, int], list[int]] = {}
        shown = [self._clip(first + i, seed, cycles) for i in range(self.clips)]
        order = epoch_order(self.clips, seed=seed, epoch=epoch, shuffle=True)
        return _numbered(shown[i] for i in order)

    def _clip(self, turn: int, seed: int, cycles: dict[tuple[int, int], list[int]]) -> int:
        """Returns the clip of a turn; ``cycles`` keeps orders that were made before."""
        turn, owner = divmod(turn, len(self.members))
        cycle, place = divmod(turn, len(self.members[owner]))
        if (owner, cycle) not in cycles:
            rng = np.random.default_rng([seed, _TURNS, owner, cycle])
            cycles[owner, cycle] = rng.permutation(self.members[owner]).tolist()
        return cycles[owner, cycle][place]


def visits(
    clips: int, *, seed: int, epoch: int, shuffle: bool, turns: ClassTurns | None = None
) -> list[Visit]:
    """Returns what an epoch shows: every clip once, or what the turns say.

    >>> visits(2, seed=0, epoch=0, shuffle=False)
    [Visit(clip=0, number=0), Visit(clip=1, number=0)]

    Args:
        clips: of the data set.
        seed: of the run.
        epoch: from 0.
        shuffle: in random order; turns always are.
        turns: of the classes; None: every clip once.
    """
    if turns is not None:
        return turns.epoch(seed=seed, epoch=epoch)
    return [Visit(i) for i in epoch_order(clips, seed=seed, epoch=epoch, shuffle=shuffle)]


def _numbered(shown: Iterable[int]) -> list[Visit]:
    seen: Counter[int] = Counter()
    found: list[Visit] = []
    for index in shown:
        found.append(Visit(index, seen[index]))
        seen[index] += 1
    return found
