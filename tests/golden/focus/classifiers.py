"""The running-maximum classifier against golden numbers: answers after every step, gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch

from connsearch.models.key_map import KeyMap
from connsearch.models.weights.adafocus import MODULES
from connsearch.nn.running_max import RunningMax
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
    """Yields every comparison of a case."""
    arrays, seed = folder.arrays(name), entry["seed"]
    clips, frames, width = entry["batch"], entry["frames"], entry["input_dim"]
    classes = entry["classes"]
    module = RunningMax(width, entry["neurons"], frames, classes)
    stored = {k.removeprefix("weight/"): a for k, a in arrays.items() if k.startswith("weight/")}
    filled(module, KeyMap(MODULES), seed, inside="running_max.", stored=stored).to(dtype)
    features = arrays.get("input/features", 2 * signed("features", (clips, frames, width), seed))
    vector = arrays.get("grad_vector", signed("grad_vector", (clips, frames, classes), seed))
    yield from component(
        module, module, KeyMap(MODULES), "running_max.", "logits", seed, arrays, features, vector
    )
