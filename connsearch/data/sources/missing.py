"""Listed files that are not there: whether one change to folder or suffix would find them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from connsearch.data.records import listed
from connsearch.data.sources.walk import VIDEO_SUFFIXES
from connsearch.errors import DataError

_SAMPLE = 20
"""Missing files that are looked for elsewhere."""
_PLACES = 100
"""Folders near the list that are looked into."""


def refuse_missing(
    path: Path, root: Path, missing: Sequence[str], *, count: int, moved: bool
) -> None:
    """Refuses a list with missing files; suggests a single change that would find them.

    Args:
        path: of the list.
        root: what its paths are relative to.
        missing: the missing paths, as listed.
        count: of all paths.
        moved: whether the root comes from the option ``videos``.

    Raises:
        DataError: if there are any missing.
    """
    if not missing:
        return
    fix = nearest_fix(path, root, missing)
    where = "" if moved else "; --videos DIR makes them relative to another folder"
    if len(missing) == count and count > 1:
        what = f"none of the {count} listed files exists"
    else:
        what = f"{len(missing)} listed file{'s do' if len(missing) > 1 else ' does'} not exist"
    raise DataError(
        f"{path}: {what}\n"
        f"{listed([name[:200] for name in missing])}\n"
        f"  cure: paths are relative to {root}{where}; add the files, or remove them from the list"
        + (f"\n  {fix}" if fix else "")
    )


def nearest_fix(path: Path, root: Path, missing: Sequence[str]) -> str:
    """Returns which one change would find most of some missing files; empty where none does."""
    tried = list(missing[:: max(1, len(missing) // _SAMPLE)])[:_SAMPLE]
    found: Counter[str] = Counter()
    for name in tried:
        found.update(set(_fixes(path, root, name)))
    if not found:
        return ""
    words, number = max(found.items(), key=lambda item: (item[1], -len(item[0]), item[0]))
    of = "they" if number == len(tried) == len(missing) else f"{number} of {len(tried)} tried"
    return f"{of} would be found with {words}"


def _fixes(path: Path, root: Path, name: str) -> Iterator[str]:
    """Yields the changes that find one file: another suffix, another folder, or fewer folders."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    turned = r"/ instead of \ in the list" if "\\" in name else ""
    tails = [(n, os.path.join(*parts[n:])) for n in range(min(len(parts), 8))]
    for place in _places(path, root):
        for cut, tail in tails:
            option = "" if place == root else f"--videos {place}"
            without = (
                f"{os.path.join(*parts[:cut])} removed from the paths in the list" if cut else ""
            )
            if os.path.lexists(place / tail) and (option or without or turned):
                yield " and ".join(word for word in (option, without, turned) if word)
            suffix = _other_suffix(place / tail)
            if suffix:
                other = f"the suffix {suffix} in the list"
                yield " and ".join(word for word in (option, without, other, turned) if word)


def _other_suffix(file: Path) -> str:
    """Returns the suffix of a video of that name that is there; empty where there is none."""
    with suppress(OSError, ValueError):
        stem = str(file.with_suffix("")) if file.suffix.lower() in VIDEO_SUFFIXES else str(file)
        for suffix in sorted(VIDEO_SUFFIXES):
            for form in (suffix, suffix.upper()):
                if form != file.suffix and os.path.isfile(stem + form):
                    return form
    return ""


def _places(path: Path, root: Path) -> Iterator[Path]:
    """Yields folders near a list: the root, those in it, the folder above and those in it."""
    seen: set[str] = set()
    for near in (root, path.parent, path.absolute().parent.parent):
        inner: list[Path] = []
        with suppress(OSError):
            inner = sorted(p for p in near.iterdir() if p.is_dir() and p.name[0] != ".")
        for place in (near, *inner[:_PLACES]):
            key = os.path.abspath(place)
            if key not in seen:
                seen.add(key)
                yield place
