"""The version of how data is read: it is recorded in a run, with the changes since.

A change of which frames, colours, splits or groups result from the same files raises
:data:`READING` and is described in :data:`CHANGES`; within one version, sentences are added.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST = 1
"""The version of runs that record no number."""

READING = 2
"""The number of this version."""

CHANGES: Mapping[int, tuple[str, ...]] = {
    2: (
        "clips that are cut from one video are never put into two splits; a run that was "
        "started before keeps its splits",
        "folders named valid, validation, training, testing and the like are splits, not classes",
        "a sample of the content of every file is part of the fingerprint; a run that was "
        "started before is compared by names and sizes, as it recorded them",
        "after a seek, frames of AVI, raw and MPEG-4 files, and of files cut or joined without "
        "re-encoding, are correct; rates are measured, and clocks that jump continue evenly",
        "colours of 4:2:0 videos are interpolated and rounded: greys are up to 2 levels brighter",
        "object maps in folders are in the order of their numbers, and grey PNGs of 2 and 4 bits "
        "have the classes that are stored",
    ),
}
"""Version -> what is read otherwise than in the version before it."""


def changes_since(version: int) -> tuple[str, ...]:
    """Returns what is read otherwise than in that version, one sentence each, oldest first.

    >>> changes_since(READING)
    ()
    """
    later = sorted(number for number in CHANGES if number > version)
    return tuple(sentence for number in later for sentence in CHANGES[number])


def note_since(version: int, what: str = "this run") -> str:
    """Returns one warning for work that was begun with that version; empty where nothing changed.

    Args:
        version: what was recorded; :data:`FIRST` where nothing was.
        what: was begun with it.
    """
    changes = changes_since(version)
    if not changes:
        return ""
    lines = "\n".join(f"  {sentence}" for sentence in changes)
    return f"{what} was started by a version that read data differently; since then\n{lines}"
