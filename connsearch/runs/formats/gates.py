"""How often temporal gates are open: rows of ``gates.csv``, and what an evaluation counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.splits import SplitName
from connsearch.runs.formats.tables import Row, Whole


class GateRow(Row):
    """A row of ``gates.csv``: a gate, over the clips since its last row or over a split.

    Attributes:
        step: done by then.
        epoch: from 0.
        split: ``train``, or the one that was judged.
        gate: its name, such as ``stage2.0``.
        deciding: 1: gates decide; 0: all of them always fuse, and ``opened`` counts the clips for
            which this one would be open.
        frames: it sees of a full clip; None: not known.
        opened: clips for which it was open.
        clips: all of them.
    """

    step: Whole
    epoch: Whole | None = None
    split: SplitName
    gate: str
    deciding: Whole
    frames: Whole | None = None
    opened: Whole
    clips: Whole

    @property
    def rate(self) -> float | None:
        """Share of the clips for which it was open, in [0, 1]; None: there were none."""
        return self.opened / self.clips if self.clips else None


class GateCount(Form):
    """For how many of the clips a gate was open.

    Attributes:
        opened: those.
        clips: all, every view of a video by itself.
        frames: it saw of a clip; None: not known.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"frames"})

    opened: int = Field(ge=0)
    clips: int = Field(ge=0)
    frames: int | None = None

    @property
    def rate(self) -> float | None:
        """Share of the clips for which it was open, in [0, 1]; None: there were none."""
        return self.opened / self.clips if self.clips else None


class GateCounts(Form):
    """What an evaluation found of the temporal gates of a network.

    Attributes:
        deciding: gates decide; otherwise all always fuse, and it was counted what they would do.
        gates: by name.
        still: views in which no frame differs from the first one.
    """

    deciding: bool
    gates: dict[str, GateCount]
    still: int = 0

    @property
    def mean(self) -> float | None:
        """Mean over the gates of the share of clips for which they were open; None: no clips.

        Gates that see one frame are not in it: they are always open.
        """
        several = {name: count for name, count in self.gates.items() if count.frames != 1}
        return mean_rate({name: (c.opened, c.clips) for name, c in several.items()})

    def __str__(self) -> str:
        mean = self.mean
        return "" if mean is None else f"{words(deciding=self.deciding)} {mean:.3f}"


def last_decided(rows: Iterable[GateRow], *, until: int | None = None) -> dict[str, GateRow]:
    """Returns the rows of the last evaluation on ``val`` in which gates decided, by their names.

    Nothing where there is none; and nothing of a gate that this evaluation did not count.

    Args:
        rows: of ``gates.csv``.
        until: the step of the state that was kept: later evaluations do not count. None: all do.

    >>> row = {"split": "val", "deciding": 1, "gate": "node 8", "clips": 4}
    >>> looks = [GateRow(step=1, opened=4, **row), GateRow(step=2, opened=1, **row)]
    >>> [last_decided(looks, until=until)["node 8"].opened for until in (1, None)]
    [4, 1]
    """
    judged = [row for row in rows if row.split == "val" and row.deciding]
    decided = [row for row in judged if until is None or row.step <= until]
    last = max((row.step for row in decided), default=None)
    return {row.gate: row for row in decided if row.step == last}


def open_rates(rows: Iterable[GateRow], *, until: int | None = None) -> dict[str, float]:
    """Returns how often each gate is open on ``val``, in [0, 1], by its name.

    Args:
        rows: of ``gates.csv``; those count that :func:`last_decided` returns.
        until: as there.

    >>> row = {"split": "val", "gate": "node 8", "clips": 4}
    >>> first = GateRow(step=1, deciding=0, opened=4, **row)
    >>> open_rates([first, GateRow(step=2, deciding=1, opened=1, **row)])
    {'node 8': 0.25}
    """
    found = last_decided(rows, until=until)
    return {name: row.rate for name, row in found.items() if row.rate is not None}


def mean_rate(counts: Mapping[str, tuple[int, int]]) -> float | None:
    """Returns the mean over gates of how often they are open; None where nothing was counted.

    >>> mean_rate({"a": (1, 4), "b": (3, 4), "c": (0, 0)})
    0.5
    """
    rates = [opened / clips for opened, clips in counts.values() if clips]
    return sum(rates) / len(rates) if rates else None


def words(*, deciding: bool) -> str:
    """Returns what stands before an open rate, for people."""
    return "gates open" if deciding else "gates would open"
