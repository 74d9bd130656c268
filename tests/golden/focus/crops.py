"""Crops against golden numbers: pixels, gradients by the action and by the picture.

Where a corner is a whole number the derivative by the action has a kink: there ours is the one
towards higher numbers, or at the far border the one towards lower ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from connsearch.nn.crop import Size, corners_of, crop
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, both, relative
from tests.golden.focus.rule import image, signed
from tests.golden.folder import Folder

ONE_SIDED = 1e-7
"""How accurate the one-sided derivatives of the files are."""


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns a check in each precision."""
    return both(name, partial(measures, folder, name, entry))


def measures(
    folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
) -> Iterator[Measure]:
    """Yields every comparison of a case of the crop."""
    arrays, seed = folder.arrays(name), entry["seed"]
    frame: Size = (entry.get("H", entry.get("S")), entry.get("W", entry.get("S")))
    height, width = entry.get("patch", [entry.get("P")] * 2)
    picture = arrays.get("input/image")
    actions = torch.from_numpy(arrays["input/action"]).to(dtype).requires_grad_()
    many = len(actions)
    if picture is None:
        picture = image("image", (3, *frame), seed)
    vector = arrays.get("grad_vector")
    if vector is None:
        vector = signed("grad_vector", (many, 3, height, width), seed)
    pictures = torch.from_numpy(picture).to(dtype).expand(many, -1, -1, -1).clone()
    pictures.requires_grad_()
    found = crop(pictures, corners_of(actions, frame, (height, width)), (height, width))
    (found * torch.from_numpy(vector).to(dtype)).sum().backward()
    assert actions.grad is not None
    assert pictures.grad is not None
    exact = dtype is torch.float64
    allowed, label = (1e-11, "float64") if exact else (1e-4, "float32")
    yield from _pixels(arrays, found, allowed, label)
    rows = entry.get("image_grad_rows") or []
    yield from _by_picture(arrays, pictures.grad, rows, seed, allowed, label)
    yield from _by_action(arrays, actions.grad.double().numpy(), allowed, label)
    yield from _flat(actions, frame, (height, width), label)


Arrays = Mapping[str, NDArray[Any]]


def _pixels(arrays: Arrays, found: Tensor, allowed: float, label: str) -> Iterator[Measure]:
    parts = {
        "out": found,
        "out/head": found[:, :, :6, :6],
        "out/tail": found[:, :, -6:, -6:],
        "out/sum": found.sum((2, 3)),
    }
    for key in parts.keys() & arrays.keys():
        yield relative(f"pixels, {label}", key, parts[key], arrays[key], allowed)


def _by_picture(
    arrays: Arrays, found: Tensor, rows: Sequence[int], seed: int, allowed: float, label: str
) -> Iterator[Measure]:
    probe = torch.from_numpy(signed("probe", tuple(found.shape[1:]), seed))
    parts = {
        "grad/image": found,
        "grad/image_first4": found[rows],
        "grad/image_sum": found.sum((2, 3)),
        "grad/image_probe": (found.double() * probe).sum((1, 2, 3)),
    }
    for key in parts.keys() & arrays.keys():
        yield relative(f"gradients by pictures, {label}", key, parts[key], arrays[key], allowed)


def _by_action(
    arrays: Arrays, found: NDArray[np.float64], allowed: float, label: str
) -> Iterator[Measure]:
    """Off the kinks as they are; at a kink, one of the two sides."""
    wanted, kink = arrays["grad/action"], arrays["kink"]
    largest = float(np.nanmax(np.abs(wanted)))
    assert np.isfinite(found).all()
    error = float(np.abs(found - wanted)[~kink].max()) / largest
    yield Measure(f"gradients by actions, {label}", "grad/action", error, allowed)
    right, left = arrays["grad/action_right"], arrays["grad/action_left"]
    side = np.where(np.isnan(right), left, right)[kink]
    if side.size:
        error = float(np.abs(found[kink] - side).max()) / largest
        kind = f"gradients by actions at kinks, {label}"
        yield Measure(kind, "grad/action_right", error, max(allowed, ONE_SIDED))


def _flat(actions: Tensor, frame: Size, size: Size, label: str) -> Iterator[Measure]:
    """On pictures of one colour nothing is to be gained by moving."""
    again = actions.detach().clone().requires_grad_()
    ones = torch.ones(len(again), 3, *frame, dtype=again.dtype)
    crop(ones, corners_of(again, frame, size), size).sum().backward()
    assert again.grad is not None
    worst = float(again.grad.abs().max())
    yield Measure(f"gradients by actions of one colour, {label}", "all", worst, 0.0)
