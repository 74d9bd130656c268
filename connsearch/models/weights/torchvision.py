"""torchvision's networks: of Kinetics-400, and of ImageNet.

Of Kinetics-400 are ``r3d_18``, ``mc3_18`` and ``r2plus1d_18``, which have no pool after the stem:
build with ``stem_pool=False``. Of ImageNet are ``resnet18`` to ``resnet152`` and ``mobilenet_v2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.images import IMAGENET_MEAN, IMAGENET_STD
from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication
from connsearch.models.zoo.mobilenet_v2 import GROUPS

MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)
"""Of its preset for video classification, for pixels of 0 to 1."""

STEMS = {
    "r3d": {"stem.conv": "stem.0", "stem.norm": "stem.1"},
    "mc3": {"stem.conv": "stem.0", "stem.norm": "stem.1"},
    "r2plus1d": {
        "stem.conv.spatial": "stem.0",
        "stem.conv.norm": "stem.1",
        "stem.conv.temporal": "stem.3",
        "stem.norm": "stem.4",
    },
}
CONVOLUTIONS = {
    "r3d": {"stage{s}.{b}.conv{n}": "layer{s}.{b}.conv{n}.0"},
    "mc3": {"stage{s}.{b}.conv{n}": "layer{s}.{b}.conv{n}.0"},
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


RESNETS_2D = {
    "stem.conv": "conv1",
    "stem.norm": "bn1",
    "stage{s}.{b}.conv{n}": "layer{s}.{b}.conv{n}",
    "stage{s}.{b}.norm{n}": "layer{s}.{b}.bn{n}",
    "stage{s}.{b}.shortcut.conv": "layer{s}.{b}.downsample.0",
    "stage{s}.{b}.shortcut.norm": "layer{s}.{b}.downsample.1",
    "head": "fc",
}


def resnet2d_names(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names, which timm shares, of the layers of a network of kind ``resnet2d``."""
    return KeyMap(RESNETS_2D)


def mobilenet_v2_names(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``mobilenet_v2``."""
    names = {"stem": "features.0", "head": "classifier.1"}
    expansions = [expansion for expansion, _, count, _ in GROUPS for _ in range(count)]
    for place, expansion in enumerate(expansions):
        ours, theirs = f"blocks.{place}", f"features.{place + 1}.conv"
        wide = ("expand", "depthwise") if expansion > 1 else ("depthwise",)
        names |= {f"{ours}.{part}": f"{theirs}.{n}" for n, part in enumerate(wide)}
        names[f"{ours}.project.conv"] = f"{theirs}.{len(wide)}"
        names[f"{ours}.project.norm"] = f"{theirs}.{len(wide) + 1}"
    names["last"] = f"features.{len(expansions) + 1}"
    return KeyMap(
        {
            ours + part: theirs + its
            for ours, theirs in names.items()
            for part, its in _parts(ours).items()
        }
    )


def _parts(layer: str) -> dict[str, str]:
    """A convolution and its norm, which it calls 0 and 1; the other layers are as they are."""
    plain = layer == "head" or ".project." in layer
    return {"": ""} if plain else {".conv": ".0", ".norm": ".1"}


HEAD = ("head.weight", "head.bias")
OF_IMAGENET = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}

PUBLICATIONS.register("torchvision")(
    Publication(
        kind="resnet3d",
        key_map=key_map,
        classifier=HEAD,
        needs={
            "block": "basic",
            "convolution": frozenset(STEMS),
            "depths": (2, 2, 2, 2),
            "stem_pool": False,
        },
        expects={"stem_pool": False, "mean": MEAN, "std": STD},
        others=(
            Publication("resnet2d", resnet2d_names, HEAD, expects=OF_IMAGENET),
            Publication(
                "mobilenet_v2", mobilenet_v2_names, HEAD, expects=OF_IMAGENET | {"dropout": 0.2}
            ),
        ),
    )
)
