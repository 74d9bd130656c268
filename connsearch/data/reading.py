"""Which way data is read, as a number: what is recorded in a run, and what has changed since.

Whoever changes which frames, colours, lists or groups come out of the same files raises
:data:`READING` and says so in :data:`CHANGES`; within one version, sentences are added.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST = 1
"""What runs were begun with that record no number."""

READING = 2
"""The way of this version."""

CHANGES: Mapping[int, tuple[str, ...]] = {
    2: (
        "clips that are cut from one video are never put on two lists; a run that was begun "
        "before keeps the lists it had",
        "folders called valid, validation, training, testing and the like are lists, not classes",
        "a sample of the content of every file belongs to the fingerprint; a run that was begun "
        "before is compared by names and sizes, as it recorded them",
        "after a seek, frames of AVI, raw and MPEG-4 files, and of files cut or joined without "
        "re-encoding, are the right ones; rates are measured, and clocks that jump go on evenly",
        "colours of 4:2:0 videos are interpolated and rounded: greys are up to 2 levels brighter",
        "object maps in folders are in the order of their numbers, and grey PNGs of 2 and 4 bits "
        "hold the classes that are stored",
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
    return f"{what} was begun by a version that read data otherwise; since then\n{lines}"
