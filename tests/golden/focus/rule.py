"""Numbers that follow from a name and a seed, as the golden files of focus models use them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.golden.cupboard import Check
from tests.golden.folder import Folder

Array = NDArray[np.float64]


def uniform(name: str, count: int, seed: int) -> Array:
    """Returns numbers in [0, 1)."""
    bits = np.random.Philox(key=[zlib.crc32(name.encode()), seed])
    return (bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def signed(name: str, shape: Sequence[int], seed: int) -> Array:
    """Returns numbers in [-1, 1)."""
    return (2 * uniform(name, prod(shape), seed) - 1).reshape(shape)


def weight(name: str, shape: Sequence[int], seed: int) -> Array:
    """Returns the values of an entry of a published checkpoint, named without ``module.``."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape)
    u, leaf = uniform(name, prod(shape), seed).reshape(shape), name.rsplit(".", 1)[-1]
    if leaf == "running_mean":
        return 0.4 * u - 0.2
    if leaf == "running_var":
        return 0.5 + u
    if leaf.startswith("bias"):
        return 0.2 * u - 0.1
    if len(shape) == 1:
        return (0.8 + 0.4 * u) * (0.25 if name.endswith("bn3.weight") else 1.0)
    strong = name.endswith(("policy_stn.fc.0.weight", "policy_stn.10.weight"))
    gain = 4.0 if strong else 2.0**0.5 if len(shape) == 4 else 1.0
    return (2 * u - 1) * (3.0**0.5 * gain / prod(shape[1:]) ** 0.5)


def image(name: str, shape: Sequence[int], seed: int) -> Array:
    """Returns pictures of waves with some noise; the last axes are rows and columns."""
    height, width = shape[-2:]
    planes = prod(shape[:-2])
    k = uniform(f"{name}/wave", 4 * planes, seed).reshape(planes, 4)[:, :, None, None]
    r, c = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    waves = np.sin(2 * np.pi * (k[:, 0] + r * (0.5 + 3 * k[:, 1])))
    waves = waves + np.sin(2 * np.pi * (k[:, 2] + c * (0.5 + 3 * k[:, 3])))
    return waves.reshape(shape) + 0.2 * signed(f"{name}/noise", shape, seed)


WIDER = {"policy_stn.gru.weight_hh_l0": (96, 32), "policy_stn.10.weight": (2, 512)}
"""Shapes of which the rule check holds the first rows and columns alone."""


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns the check that the rule gives what it should."""

    def run() -> None:
        expected = folder.arrays(name)
        rules = {"uniform": None, "signed": signed, "weight": weight, "image": image}
        for key, values in expected.items():
            kind, _, what = key.partition("/")
            rule = rules[kind]
            if rule is None:
                found = uniform(what, values.size, entry["seed"])
            else:
                shape = WIDER.get(what, values.shape)
                found = rule(what, shape, entry["seed"])[tuple(map(slice, values.shape))]
            np.testing.assert_array_equal(found, values, err_msg=key)

    yield Check(name, run)
