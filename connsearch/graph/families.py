"""The three published families: which parts they are made of and the settings they start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connsearch.errors import UnknownNameError
from connsearch.graph.spec import Attention, NetworkSettings
from connsearch.registry import suggest

DEPTHS: Mapping[int, tuple[int, ...]] = {
    26: (2, 2, 2, 2),
    38: (2, 4, 4, 2),
    50: (3, 4, 6, 3),
    68: (3, 4, 12, 3),
    77: (3, 4, 15, 3),
    101: (3, 4, 23, 3),
}
"""Published depths: residual modules per block at each level."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a family fixes, and the settings a structure file of it may leave out.

    Attributes:
        block: name of its block in ``nn.blocks``.
        stem: ``full`` (7x7 convolution and pooling, stride 4) or ``lite`` (3x3, stride 2).
        stem_stride: spatial stride of every stem relative to the clip.
        one_final: whether the head reads only the first node of the top level.
        defaults: network settings where the file is silent.
    """

    block: str
    stem: Literal["full", "lite"]
    stem_stride: int
    one_final: bool
    defaults: NetworkSettings


FAMILIES: Mapping[str, Family] = {
    "assemblenet": Family("bottleneck", "full", 4, False, NetworkSettings()),
    "assemblenet_plus": Family(
        "bottleneck", "full", 4, False, NetworkSettings(attention=Attention.PEER)
    ),
    "assemblenet_plus_lite": Family(
        "inverted_bottleneck",
        "lite",
        2,
        True,
        NetworkSettings(
            blocks=(3, 5, 11, 7),
            stem_width=24,
            attention=Attention.PEER,
            flow_iterations=20,
            head_widths=(432, 2048),
        ),
    ),
}


def family(name: str) -> Family:
    """Returns the family of that exact name.

    Raises:
        UnknownNameError: no such family; the message names the nearest and the known.
    """
    if name not in FAMILIES:
        raise UnknownNameError(suggest("family", name, sorted(FAMILIES)))
    return FAMILIES[name]
