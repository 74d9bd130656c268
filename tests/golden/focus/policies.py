"""Policies against golden numbers: places from feature maps, gradients, moving statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch

from connsearch.models.key_map import KeyMap
from connsearch.models.weights.adafocus import CLIP_MODULES, MODULES
from connsearch.models.zoo.mobilenet_v2 import LAST
from connsearch.nn.focus_policy import ClipPolicy, RecurrentPolicy
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, both, component, filled
from tests.golden.focus.rule import signed
from tests.golden.folder import Folder


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns a check in each precision."""
    return both(name, partial(measures, folder, name, entry))


def measures(
    folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
) -> Iterator[Measure]:
    """Yields every comparison of a case of a policy."""
    if name.startswith("b_policy_clip"):
        yield from of_clips(folder, name, entry, dtype)
        return
    arrays, seed, side = folder.arrays(name), entry["seed"], entry["map_size"]
    clips, frames, channels = entry["batch"], entry["frames"], entry["map_channels"]
    policy = RecurrentPolicy(channels, (side, side), entry["hidden"])
    stored = {k.removeprefix("weight/"): a for k, a in arrays.items() if k.startswith("weight/")}
    filled(policy, KeyMap(MODULES), seed, inside="policy.", stored=stored).to(dtype)
    shape = (clips * frames, channels, side, side)
    features = arrays.get("input/features", signed("features", shape, seed) + 0.5)
    vector = arrays.get("grad_vector", signed("grad_vector", (clips * frames, 2), seed))

    def run(x: torch.Tensor) -> torch.Tensor:
        places_BT2, _ = policy(x.unflatten(0, (clips, frames)))
        return places_BT2

    yield from component(
        policy, run, KeyMap(MODULES), "policy.", "actions", seed, arrays, features, vector
    )


def of_clips(
    folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
) -> Iterator[Measure]:
    """Yields every comparison of a case with one place a clip, at its published size."""
    arrays, seed, side = folder.arrays(name), entry["seed"], 7
    clips, frames = entry["batch"], entry["frames"]
    policy, names = ClipPolicy(LAST, (side, side), frames, 1024), KeyMap(CLIP_MODULES)
    filled(policy, names, seed, inside="policy.").to(dtype)
    features = signed("features", (clips, frames * LAST, side, side), seed) + 0.5
    vector = signed("grad_vector", (clips, 2), seed)

    def run(x: torch.Tensor) -> torch.Tensor:
        return policy(x.unflatten(1, (frames, LAST)).transpose(1, 2))

    yield from component(policy, run, names, "policy.", "actions", seed, arrays, features, vector)
