"""AdaFocusV2 (Wang et al. 2022, arXiv 2112.14238): whole checkpoints, and what they began with.

A checkpoint is a dict whose ``state_dict`` has every name behind ``module.``. Classes, frames, the
widths of policy and classifier and the size of the glanced frames are told by shapes; the side of
the windows is not, nor are the frames of a local network that has its own. Two heads of ImageNet
are in it that nothing reads, but not where there is one window for a clip: that checkpoint has the
state of the optimiser, too.

The ResNets that its parts began with have torchvision's names; its MobileNetV2 numbers the layers
of a block flat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from connsearch.models.images import IMAGENET_MEAN, IMAGENET_STD, STRIDE
from connsearch.models.key_map import KeyMap
from connsearch.models.weights import PUBLICATIONS, Publication
from connsearch.models.weights.torchvision import HEAD, OF_IMAGENET, RESNETS_2D
from connsearch.models.zoo.mobilenet_v2 import GROUPS, LAST
from connsearch.nn.focus_policy import ENCODED

MODULES = {
    "policy.squeeze": "policy_stn.encoder.0",
    "policy.squeeze_norm": "policy_stn.encoder.1",
    "policy.encode": "policy_stn.encoder.4",
    "policy.encode_norm": "policy_stn.encoder.5",
    "policy.recurrence": "policy_stn.gru",
    "policy.act": "policy_stn.fc.0",
    "running_max.dense": "classifier.mlp.layers.0",
    "running_max.norm": "classifier.mlp.layers.1",
    "running_max.heads.{k}": "classifier.classifiers.{k}.1",
    "glance_head.1": "global_CNN_fc.1",
    "local_head.1": "local_CNN_fc.1",
}
"""All but the two networks, with a window for every frame."""
CLIP_MODULES = {
    "policy.squeeze": "policy_stn.0",
    "policy.squeeze_norm": "policy_stn.1",
    "policy.encode": "policy_stn.4",
    "policy.encode_norm": "policy_stn.5",
    "policy.narrow": "policy_stn.7",
    "policy.narrow_norm": "policy_stn.8",
    "policy.act": "policy_stn.10",
    "joined.glance": "global_CNN.new_fc",
    "joined.local": "local_CNN.new_fc",
    "glance_head.1": "global_CNN.new_new_fc",
    "local_head.1": "local_CNN.new_new_fc",
}
"""Likewise, with one window for a clip."""
NETWORKS = {"glance": "global_CNN", "local": "local_CNN"}
CLIP_NETWORKS = {"glance": "global_CNN.base_model", "local": "local_CNN.base_model"}
ANSWERS = (
    "running_max.heads.*",
    "joined.glance.*",
    "joined.local.*",
    "glance_head.1.*",
    "local_head.1.*",
)
UNUSED = tuple(
    f"{network}.{head}.{entry}"
    for network, head in (
        ("global_CNN", "classifier"),
        ("global_CNN", "fc"),
        ("local_CNN", "fc"),
    )
    for entry in ("weight", "bias")
)
"""Heads of ImageNet: they still have its values, as no gradient has reached them."""


def _flat_mobilenet(*, shifts: bool = False) -> dict[str, str]:
    """Of our layers; a convolution behind a shift is inside of it (``net``)."""
    names = {"stem.conv": "features.0.0", "stem.norm": "features.0.1", "head": "classifier"}
    blocks = [(expansion, n) for expansion, _, count, _ in GROUPS for n in range(count)]
    for place, (expansion, number_in_group) in enumerate(blocks):
        parts = ("expand", "depthwise", "project")[0 if expansion > 1 else 1 :]
        for number, part in enumerate(parts):  # a convolution, its norm, and what follows them
            layer = f"features.{place + 1}.conv.{3 * number}"
            norm = f"features.{place + 1}.conv.{3 * number + 1}"
            if shifts and part == "expand" and number_in_group:  # the first adds nothing
                layer += ".net"
            names |= {f"blocks.{place}.{part}.conv": layer, f"blocks.{place}.{part}.norm": norm}
    last = f"features.{len(blocks) + 1}"
    return names | {"last.conv": f"{last}.0", "last.norm": f"{last}.1"}


MOBILENET_V2 = _flat_mobilenet()
PARTS = {"mobilenet_v2": MOBILENET_V2, "resnet2d": RESNETS_2D}
"""By kind of a network, the published names of its layers."""
SHIFTED = {
    "mobilenet_v2": _flat_mobilenet(shifts=True),
    "resnet2d": {"stage{s}.{b}.conv1": "layer{s}.{b}.conv1.net"} | RESNETS_2D,
}
"""Likewise, with a shift between frames."""


def mobilenet_v2_names(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a network of kind ``mobilenet_v2``."""
    return KeyMap(MOBILENET_V2)


def key_map(settings: Mapping[str, Any]) -> KeyMap:
    """Returns its names of the layers of a focus model; other parts than its own have none."""
    by_clip = settings["window"] == "clip"
    names = dict(CLIP_MODULES if by_clip else MODULES)
    for ours, theirs in (CLIP_NETWORKS if by_clip else NETWORKS).items():
        part = settings[ours]
        shifts = part.get("settings", {}).get("temporal_shift", False)
        layers = (SHIFTED if shifts else PARTS).get(part.get("kind"), {})
        names |= {f"{ours}.{a}": f"{theirs}.{b}" for a, b in layers.items() if a != "head"}
    return KeyMap(names)


def told(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Returns the settings that the shapes in a checkpoint tell."""
    found: dict[str, Any] = {}
    steps = [re.fullmatch(r"classifier\.classifiers\.(\d+)\.1\.weight", name) for name in state]
    if any(steps):
        found["frames"] = 1 + max(int(step[1]) for step in steps if step)
    if "policy_stn.fc.0.weight" in state:
        found["policy_hidden"] = state["policy_stn.fc.0.weight"].shape[-1]
    if "classifier.mlp.layers.0.weight" in state:
        found["neurons"] = state["classifier.mlp.layers.0.weight"].shape[0]
    if "policy_stn.encoder.4.weight" in state:
        places = state["policy_stn.encoder.4.weight"].shape[-1] // ENCODED
        side = round(places**0.5) * STRIDE
        found["glance_size" if "global_CNN.conv1.weight" in state else "size"] = side
    if "policy_stn.0.weight" in state:
        return found | _told_of_clips(state)
    return found


def _told_of_clips(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Likewise, where there is one window for a clip."""
    found: dict[str, Any] = {"frames": state["policy_stn.0.weight"].shape[1] // LAST}
    if "policy_stn.4.weight" in state:
        hidden, width = state["policy_stn.4.weight"].shape
        found |= {"policy_hidden": hidden, "size": round((width // ENCODED) ** 0.5) * STRIDE}
    return found


PUBLICATIONS.register("adafocus")(
    Publication(
        kind="adafocus",
        key_map=key_map,
        classifier=ANSWERS,
        needs={"places": "policy"},
        expects_inside={
            f"{part}.settings.{name}": value
            for part in NETWORKS
            for name, value in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD))
        },
        told=told,
        untold=("patch", "local_frames"),
        softmax=True,
        unused=UNUSED,
        others=(Publication("mobilenet_v2", mobilenet_v2_names, HEAD, expects=OF_IMAGENET),),
    )
)
