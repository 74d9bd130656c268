"""Arithmetic on the filters of blocks, which are a number or, entry by entry, a triple."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connsearch.graph.spec import Filters


def entries(filters: Filters) -> tuple[int, ...]:
    """Returns the numbers in some filters.

    >>> entries(32), entries((27, 27, 12))
    ((32,), (27, 27, 12))
    """
    return filters if isinstance(filters, tuple) else (filters,)


def zipped(work: Callable[..., int], *filters: Filters) -> Filters:
    """Returns what some work makes of filters of one kind, entry by entry.

    >>> zipped(max, 32, 64), zipped(int.__add__, (27, 27, 12), (1, 2, 3))
    (64, (28, 29, 15))
    """
    made = tuple(work(*numbers) for numbers in zip(*map(entries, filters), strict=True))
    if len(made) == 1:
        return made[0]
    first, middle, last = made
    return first, middle, last


def widths_agree(filters: Sequence[Filters]) -> bool:
    """Returns whether blocks of these filters are equally wide; of a triple the last entry counts.

    >>> widths_agree([8, 8]), widths_agree([(6, 6, 4), (8, 8, 4)]), widths_agree([8, 6])
    (True, True, False)
    """
    return len({entries(f)[-1] for f in filters}) <= 1
