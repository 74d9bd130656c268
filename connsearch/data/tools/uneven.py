"""What to try where classes are uneven, or groups are few: pure rules, a sentence each."""

from __future__ import annotations

from collections.abc import Mapping

UNEVEN_CLASSES = 4
"""Classes differ too much for accuracy alone if one has so many times the clips of another."""

FEW_GROUPS = 3
"""With fewer groups on a list than this, its numbers say little about other groups."""

USUAL_FOLDS = 5
"""Folds that are suggested, if there are as many groups."""


def uneven_classes(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Returns what is to be done about classes with very different numbers of training clips.

    Args:
        counts: training clips by class; classes without any do not count.
    """
    known = {name: count for name, count in counts.items() if count}
    if not known:
        return ()
    few, many = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if known[many] < UNEVEN_CLASSES * known[few]:
        return ()
    return (
        f"{many} has {known[many]} training clips, {few} {known[few]}: --class-weights balanced "
        "--keep best --watch balanced_accuracy",
    )


def few_groups(groups: Mapping[str, int]) -> tuple[str, ...]:
    """Returns what is to be done where a list has few groups.

    Args:
        groups: how many there are by split; empty where the data has no groups.
    """
    few = [f"{name} {count}" for name, count in groups.items() if 0 < count < FEW_GROUPS]
    folds = min(USUAL_FOLDS, sum(count for name, count in groups.items() if name != "test"))
    if not few or folds < 2:  # a test list that the data has stays closed: it is in no fold
        return ()
    return (f"few groups on a list ({', '.join(few)}): --folds {folds} judges on more of them",)
