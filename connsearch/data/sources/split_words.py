"""What the three lists are called in folders and files of others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from connsearch.data.records import Split

NAMES: Mapping[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "select"),
    "test": ("test", "testing"),
}
"""In a data set of one's own, the validation list is what is chosen by: ``val``."""

_SPLIT_OF: Mapping[str, Split] = {name: split for split, names in NAMES.items() for name in names}


def split_of(word: str) -> Split | None:
    """Returns the list that a word means, in whatever case; None for any other word.

    >>> split_of("Validation"), split_of("walk")
    ('val', None)
    """
    return _SPLIT_OF.get(word.strip().lower())


_NEARLY: Mapping[str, Split] = {
    **_SPLIT_OF,
    **{f"{name}set": split for name, split in _SPLIT_OF.items()},
    "validate": "val",
    "eval": "test",
    "evaluation": "test",
    "holdout": "test",
}
"""Words that mean a list where they are a part of a name."""


def nearly(name: str) -> Split | None:
    """Returns the one list that a word within a name may mean; None where there is no such word.

    >>> nearly("train_256"), nearly("Test Set"), nearly("val2017"), nearly("trainval_test")
    ('train', 'test', 'val', 'test')
    """
    words = re.split(r"[^a-z]+", name.lower())
    found: set[Split] = {_NEARLY[word] for word in words if word in _NEARLY}
    return found.pop() if len(found) == 1 else None


def alike(words: Iterable[str]) -> dict[Split, list[str]]:
    """Returns the lists that several different words mean, with those words.

    >>> alike(["train", "val", "Valid", "val"])
    {'val': ['Valid', 'val']}
    """
    found: dict[Split, set[str]] = {}
    for word in words:
        split = split_of(word)
        if split is not None:
            found.setdefault(split, set()).add(word.strip())
    return {split: sorted(called) for split, called in found.items() if len(called) > 1}
