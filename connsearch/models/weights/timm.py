"""timm's networks of images: its plain ResNets (``resnet18`` to ``152``) and MobileNetV2.

Of its ResNets those without a letter behind the number have the layers of ours (``resnet50d`` has
another stem); of its MobileNetV2 those that are called by a width (``mobilenetv2_100``, ``_050``,
``_140``). Its networks drop nothing before the classifier unless asked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication
from connsearch.models.weights.torchvision import HEAD, OF_IMAGENET, resnet2d_names
from connsearch.models.zoo.mobilenet_v2 import GROUPS

PARTS = {
    1: {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")},
    6: {
        "expand": ("conv_pw", "bn1"),
        "depthwise": ("conv_dw", "bn2"),
        "project": ("conv_pwl", "bn3"),
    },
}
"""Of a block by its expansion: the names of each convolution and its norm."""


def mobilenet_v2_names(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``mobilenet_v2``."""
    names = {
        "stem.conv": "conv_stem",
        "stem.norm": "bn1",
        "last.conv": "conv_head",
        "last.norm": "bn2",
        "head": "classifier",
    }
    place = 0
    for group, (expansion, _, count, _) in enumerate(GROUPS):
        for number in range(count):
            for part, (conv, norm) in PARTS[expansion].items():
                names[f"blocks.{place}.{part}.conv"] = f"blocks.{group}.{number}.{conv}"
                names[f"blocks.{place}.{part}.norm"] = f"blocks.{group}.{number}.{norm}"
            place += 1
    return KeyMap(names)


PUBLICATIONS.register("timm")(
    Publication(
        kind="resnet2d",
        key_map=resnet2d_names,
        classifier=HEAD,
        expects=OF_IMAGENET,
        others=(
            Publication(
                "mobilenet_v2", mobilenet_v2_names, HEAD, expects=OF_IMAGENET | {"dropout": 0.0}
            ),
        ),
    )
)
