"""Squeeze-and-Recursion Temporal Gates (Stergiou and Poppe 2021): its 3D residual networks.

Its ResNeXt is dense: build with ``legacy_dense=True``. Its code had no pool after the stem until
autumn 2020 and wider bottlenecks until June 2020, and a file does not tell its age: weights that
classify badly may need ``stem_pool=False``; those of other shapes, ``expansion=4``. Nor does it
tell whether its gates were ever on: they could not be, so build with ``gated=False`` (the default).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication

MEAN = (124 / 255, 117 / 255, 104 / 255)
STD = (1 / (0.0167 * 255),) * 3
"""By which the published reader normalises pixels of 0 to 1."""


WHOLE_STEM = {"stem.conv": "stem.0", "stem.norm": "stem.1"}
STEMS = {
    "r3d": WHOLE_STEM,
    "r2plus1d": {
        "stem.conv.spatial": "stem.0",
        "stem.conv.norm": "stem.1",
        "stem.conv.temporal": "stem.3",
        "stem.norm": "stem.4",
    },
    "ir_csn": WHOLE_STEM,
    "ip_csn": WHOLE_STEM,
}
FULL = {
    "r3d": {"": ".0.0"},
    "r2plus1d": {".spatial": ".0.0", ".norm": ".0.1", ".temporal": ".0.3"},
    "ir_csn": {"": ".0.0"},
    "ip_csn": {".pointwise": ".0.0", ".norm": ".0.1", ".depthwise": ".0.3.0"},
}
"""The name of a 3x3x3 convolution after ``conv1`` or ``conv2``."""

POINTWISE = {"": ".0"}
BLOCKS = {
    "basic": ("full", "full"),
    "bottleneck": ("pointwise", "full", "pointwise"),
}
"""What ``conv1``, ``conv2`` ... of a block are."""


def key_map(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``resnet3d``."""
    stem, full = STEMS[settings["convolution"]], FULL[settings["convolution"]]
    inside = {
        "norm{n}": "conv{n}.1",
        "shortcut.conv": "downsample.0",
        "shortcut.norm": "downsample.1",
        "gate.recursion": "sar.lstm",
    }
    for number, kind in enumerate(BLOCKS[settings["block"]], 1):
        parts = full if kind == "full" else POINTWISE
        inside |= {f"conv{number}{ours}": f"conv{number}{its}" for ours, its in parts.items()}
    blocks = {f"stage{{s}}.{{b}}.{a}": f"layer{{s}}.{{b}}.{b}" for a, b in inside.items()}
    return KeyMap(stem | blocks | {"head": "fc"})


PUBLICATIONS.register("srtg")(
    Publication(
        kind="resnet3d",
        key_map=key_map,
        classifier=("head.weight", "head.bias"),
        needs={"convolution": frozenset(STEMS)},
        expects={"stem_pool": True, "mean": MEAN, "std": STD},
        variants=(
            {"legacy_dense": True},
            {"expansion": 4},
            {"place": "final"},
            {"place": "none"},
            {"legacy_dense": True, "place": "final"},
            {"legacy_dense": True, "place": "none"},
        ),
    )
)
