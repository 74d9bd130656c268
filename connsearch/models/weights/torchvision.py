"""torchvision's video networks ``r3d_18`` and ``r2plus1d_18`` (Kinetics-400).

They have no pool after the stem: build with ``stem_pool=False``. ``mc3_18`` and the networks in two
dimensions are of no kind of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication

MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)
"""Of its preset for video classification, for pixels of 0 to 1."""

STEMS = {
    "r3d": {"stem.conv": "stem.0", "stem.norm": "stem.1"},
    "r2plus1d": {
        "stem.conv.spatial": "stem.0",
        "stem.conv.norm": "stem.1",
        "stem.conv.temporal": "stem.3",
        "stem.norm": "stem.4",
    },
}
CONVOLUTIONS = {
    "r3d": {"stage{s}.{b}.conv{n}": "layer{s}.{b}.conv{n}.0"},
    "r2plus1d": {
        "stage{s}.{b}.conv{n}.spatial": "layer{s}.{b}.conv{n}.0.0",
        "stage{s}.{b}.conv{n}.norm": "layer{s}.{b}.conv{n}.0.1",
        "stage{s}.{b}.conv{n}.temporal": "layer{s}.{b}.conv{n}.0.3",
    },
}
REST = {
    "stage{s}.{b}.norm{n}": "layer{s}.{b}.conv{n}.1",
    "stage{s}.{b}.shortcut.conv": "layer{s}.{b}.downsample.0",
    "stage{s}.{b}.shortcut.norm": "layer{s}.{b}.downsample.1",
    "head": "fc",
}


def key_map(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``resnet3d``."""
    kind = settings["convolution"]
    return KeyMap(STEMS[kind] | CONVOLUTIONS[kind] | REST)


PUBLICATIONS.register("torchvision")(
    Publication(
        kind="resnet3d",
        key_map=key_map,
        classifier=("head.weight", "head.bias"),
        needs={
            "block": "basic",
            "convolution": frozenset({"r3d", "r2plus1d"}),
            "depths": (2, 2, 2, 2),
            "stem_pool": False,
        },
        expects={"stem_pool": False, "mean": MEAN, "std": STD},
    )
)
