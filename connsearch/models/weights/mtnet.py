"""Multi-temporal networks (Stergiou and Poppe 2021, arXiv 2011.03949)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication
from connsearch.models.weights.srtg import MEAN, STD

CONVOLUTIONS = {
    "conv1": "conv1_1",
    "conv2": "conv1_2",
    "conv3": "conv2",
    "conv4": "conv3",
    "shortcut": "downsample",
}
"""Of a block, and the published names."""
PARTS = {
    "short": "conv_short",
    "long": "conv_long",
    "lateral": "conv_short2long",
    "norm_short": "norm_short",
    "norm_long": "norm_long",
}
"""Of a convolution for both streams."""
GATES = {"gate.short.recursion": "sr_short.op", "gate.long.recursion": "sr_long.op"}


def key_map(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``mtnet``."""
    inside = GATES | {
        f"{ours}.{part}": f"{theirs}.{its}"
        for ours, theirs in CONVOLUTIONS.items()
        for part, its in PARTS.items()
    }
    blocks = {f"stage{{s}}.{{b}}.{a}": f"layer{{s}}.{{b}}.{b}" for a, b in inside.items()}
    return KeyMap({"stem.conv": "stem.0", "stem.norm": "stem.1", "head": "fc"} | blocks)


PUBLICATIONS.register("mtnet")(
    Publication(
        kind="mtnet",
        key_map=key_map,
        classifier=("head.weight", "head.bias"),
        expects={"mean": MEAN, "std": STD},
    )
)
