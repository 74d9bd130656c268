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
        "frames are scaled with full colour resolution, and frame numbers and rates of AVI, m4v, "
        "webm, ts, ogv and GIF files are corrected: clips of such files may differ",
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
