"""One table of names that is read both ways: ours and those of a publication."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping


class KeyMap:
    """Names of layers, ours and published, with equal numbers in both.

    A name of an entry is the name of its layer and what the layer calls it (``weight``,
    ``running_mean`` ...), which both have in common.

    >>> names = KeyMap({"head": "fc", "stage{s}.{b}.norm{n}": "layer{s}.{b}.conv{n}.1"})
    >>> names.published("stage2.0.norm1.bias"), names.ours("layer2.0.conv1.1.bias")
    ('layer2.0.conv1.1.bias', 'stage2.0.norm1.bias')
    >>> names.published("stage2.0.gate.bias") is None
    True

    Args:
        layers: our name of a layer to the published one; ``{s}`` is any number, the same in both.

    Raises:
        ValueError: two of our layers have the same published name.
    """

    def __init__(self, layers: Mapping[str, str]) -> None:
        back = {theirs: ours for ours, theirs in layers.items()}
        if len(back) < len(layers):
            raise ValueError("two layers have the same published name")
        self._to, self._back = list(_rules(layers)), list(_rules(back))

    def published(self, name: str) -> str | None:
        """Returns the published name of one of our entries, or None: it has none."""
        return _renamed(name, self._to)

    def ours(self, name: str) -> str | None:
        """Returns our name of a published entry, or None: we have none."""
        return _renamed(name, self._back)


def _rules(layers: Mapping[str, str]) -> Iterator[tuple[re.Pattern[str], str]]:
    for before, after in layers.items():
        yield re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(before))), after


def _renamed(name: str, rules: list[tuple[re.Pattern[str], str]]) -> str | None:
    layer, dot, entry = name.rpartition(".")
    for before, after in rules:
        if found := before.fullmatch(layer):
            return after.format(**found.groupdict()) + dot + entry
    return None
