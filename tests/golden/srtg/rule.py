"""Numbers made from names, and names of ours made from published ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.golden.folder import Folder

HERE = Path(__file__).parent
ROLES, STATES = "s4_roles.json", "s6_state_dicts.json.gz"
"""Lists that a folder may lack; ours are beside this file."""

PARTS = {
    "downsample/conv": "shortcut.conv",
    "downsample/bn": "shortcut.norm",
    "stem/conv": "stem.conv",
    "stem/bn": "stem.norm",
    "stem/spatial_bn": "stem.conv.norm",
    "stem/spatial": "stem.conv.spatial",
    "stem/temporal_bn": "stem.norm",
    "stem/temporal": "stem.conv.temporal",
    "head/fc": "head",
    "sr/lstm": "gate.recursion",
    "mid_bn": "norm",
    "bn1": "norm1",
    "bn2": "norm2",
    "bn3": "norm3",
}
"""Roles of layers -> what they are called with us, where that differs; the longest that fits."""


def signed(name: str, shape: Sequence[int], seed: int) -> np.ndarray:
    """Returns the float64 numbers in [-1, 1) that belong to a name.

    >>> [round(float(x), 6) for x in signed("fc.bias", (3,), 11)]
    [0.87515, 0.434418, -0.420759]
    """
    count = int(np.prod(shape, dtype=np.int64)) if len(shape) else 1
    raw = np.random.Philox(key=zlib.crc32(name.encode()) + (seed << 32)).random_raw(count)
    return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1).reshape(shape)


def value(name: str, shape: Sequence[int], seed: int) -> Tensor:
    """Returns what a tensor of a published network holds: float32, or a counter at 0."""
    v, leaf = signed(name, shape, seed), name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    if leaf == "running_mean":
        v = 0.2 * v
    elif leaf == "running_var":
        v = 1 + 0.5 * v
    elif leaf.startswith("weight_"):
        v = 2 * v / np.sqrt(shape[-1])
    elif leaf.startswith("bias"):
        v = 0.25 * v
    elif len(shape) == 1:
        v = 0.5 + 0.75 * v
    elif len(shape) == 2:
        v = v * np.sqrt(3 / shape[1])
    else:
        v = v * np.sqrt(6 / np.prod(shape[1:]))
    return torch.from_numpy(v.astype(np.float32))


def clip(shape: Sequence[int], seed: int) -> Tensor:
    """Returns the input ``(B, 3, T, H, W)`` of a network, float32."""
    still = signed("input/frame", (*shape[:3], 1, 1), seed)
    return torch.from_numpy((signed("input/x", shape, seed) + still).astype(np.float32))


def shapes(
    folder: Folder, factory: str, classes: int, *, states: str = STATES
) -> dict[str, tuple[int, ...]]:
    """Returns the published tensors of a network and their shapes, in state-dict order."""
    state = folder.table(states, HERE)[factory]["state"]
    heads = {"fc.weight": (classes, 512), "fc.bias": (classes,)}
    return {name: heads.get(name, tuple(listed[0])) for name, listed in state.items()}


def translated(role: str) -> str:
    """Returns what we call the tensor of a role.

    >>> translated("stage2/block0/conv1/mid_bn/bias"), translated("stage1/block0/bn2/weight")
    ('stage2.0.conv1.norm.bias', 'stage1.0.norm2.weight')
    """
    for part in sorted(PARTS, key=len, reverse=True):
        if f"/{part}/" in f"/{role}":
            role = f"/{role}".replace(f"/{part}/", f"/{PARTS[part]}/", 1).removeprefix("/")
            break
    return role.replace("/block", "/").replace("/", ".")


def ours(folder: Folder, family: str, names: Iterable[str], *, at: str = "") -> dict[str, str]:
    """Returns published name -> our name, for a family such as ``basic r3d``.

    Args:
        folder: that may hold the list of roles.
        family: block and kind of convolution.
        names: published, as they stand in a file.
        at: of a lone block: what its names would begin with inside a network.
    """
    rows: list[Mapping[str, str]] = [
        row for row in folder.table(ROLES, HERE) if family in row["families"]
    ]
    roles = {row["published"]: row["role"] for row in rows}
    found: dict[str, str] = {}
    for name in names:
        whole = (at + name).split(".")
        stage, block = "", ""
        if whole[0].startswith("layer"):
            stage, block = whole[0].removeprefix("layer"), whole[1]
            whole[:2] = ["layer{S}", "{B}"]
        role = roles[".".join(whole)].replace("{S}", stage).replace("{B}", block)
        prefix = f"stage{stage}.{block}." if at else ""
        found[name] = translated(role).removeprefix(prefix)
    return found
