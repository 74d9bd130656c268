"""Pictures of a folder in the order of the numbers in their names: frames, and object maps."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from connsearch.data.records import listed
from connsearch.errors import DataError

_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
_FOLDERS = 256
"""Listings a process keeps."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The pictures of a folder.

    Attributes:
        names: in order.
        step: difference of neighbouring numbers: 1, unless the pictures are a sample in equal
            steps.
    """

    names: tuple[str, ...]
    step: int = 1


def numbered(path: Path, suffixes: tuple[str, ...], *, what: str, cure: str) -> Numbered:
    """Returns the pictures of a folder in order, and the step of their numbers.

    Names that differ by one number at their end are in the order of that number; others are in
    natural order. Suffixes may be in capitals; names that begin with a dot are ignored.
    Three pictures or more whose numbers have equal steps (1, 6, 11 ...) are a sample; with unequal
    gaps pictures are missing.

    Args:
        path: the folder.
        suffixes: of the pictures, in small letters.
        what: what one picture is, for messages: ``frame``.
        cure: what to do, for messages.

    Raises:
        DataError: no such folder, no picture in it, or a number that is missing or repeated.
    """
    try:
        return _listing(os.fspath(path), path.stat().st_mtime_ns, suffixes, what, cure)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{path}: not readable as a folder of {what}s ({reason}); {cure}"
        ) from error


def pictures(folder: str, suffixes: tuple[str, ...]) -> list[str]:
    """Returns the names of the pictures of a folder, in no order.

    Raises:
        OSError: it cannot be listed.
    """
    return [n for n in os.listdir(folder) if n.lower().endswith(suffixes) and n[0] != "."]


@lru_cache(maxsize=_FOLDERS)
def _listing(
    folder: str, changed: int, suffixes: tuple[str, ...], what: str, cure: str
) -> Numbered:
    """Returns the pictures of a folder; a folder that changed since is listed again."""
    names = pictures(folder, suffixes)
    if not names:
        raise DataError(f"{folder}: no {what}; allowed: pictures in {', '.join(suffixes)}; {cure}")
    matches = {name: _NUMBERED.fullmatch(name[: name.rindex(".")]) for name in names}
    found = {name: match for name, match in matches.items() if match is not None}
    if len(found) < len(names) or len({match[1] for match in found.values()}) > 1:
        return Numbered(tuple(sorted(names, key=_natural)))
    numbers = sorted((int(match[2]), name) for name, match in found.items())
    twice = [f"{a} and {b}" for (m, a), (n, b) in itertools.pairwise(numbers) if m == n]
    if twice:
        raise DataError(f"{folder}: {what}s that are there twice\n{listed(twice)}\n  {cure}")
    step, gaps = _gaps(numbers)
    if gaps:
        apart = f"; the others are {step} numbers apart" if step > 1 else ""
        raise DataError(f"{folder}: {what}s are missing{apart}\n{listed(gaps)}\n  {cure}")
    return Numbered(tuple(name for _, name in numbers), step)


def _gaps(numbers: Sequence[tuple[int, str]]) -> tuple[int, list[str]]:
    """Returns the usual step of the numbers, and where they stray from it."""
    if len(numbers) < 3:  # one gap does not define a step
        step = 1
    else:
        steps = Counter(n - m for (m, _), (n, _) in itertools.pairwise(numbers))
        most = max(steps.values())
        step = min(step for step, count in steps.items() if count == most)
    return step, [
        f"{n - m - 1} between {a} and {b}"
        for (m, a), (n, b) in itertools.pairwise(numbers)
        if n - m != step
    ]


def even_step(numbers: Sequence[int]) -> int:
    """Returns the step of three or more numbers with equal steps, else 1.

    >>> even_step([1, 6, 11]), even_step([1, 6]), even_step([1, 6, 12])
    (5, 1, 1)
    """
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    return max(1, *steps) if len(steps) == 1 and len(numbers) > 2 else 1


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns what puts ``b2`` before ``b10``; case decides last."""
    parts = re.split(r"(\d+)", name)
    key = [(int(p), "") if n % 2 else (0, p.lower()) for n, p in enumerate(parts)]
    return [*key, (0, name)]
