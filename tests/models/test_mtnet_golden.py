"""Networks at two rates give the numbers of the published code, from tests/golden/srtg."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from connsearch.nn import frame_selection, multi_temporal
from connsearch.nn.frame_selection import most_alike
from tests.golden.folder import Folder
from tests.golden.srtg import mtnet
from tests.golden.srtg.rule import HERE

FOLDER = Folder.read(HERE)
CASE = "s5_mtnet_MTNet_xs_g8_2x16x64x64"
RUNS = [
    pytest.param(dtype, mode, marks=[] if quick else [pytest.mark.slow])
    for dtype, mode, quick in (
        ("float64", "train", True),
        ("float64", "eval", False),
        ("float32", "train", False),
        ("float32", "eval", False),
    )
]


def wrong(dtype: str, mode: str) -> list[str]:
    found = mtnet.measured(FOLDER, CASE, mtnet.DTYPES[dtype], mode)
    assert len(found) > 200
    return [
        f"{m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in found if m.error > m.allowed
    ]


@pytest.mark.parametrize(("dtype", "mode"), RUNS)
def test_golden_numbers_of_a_network(dtype: str, mode: str) -> None:
    assert wrong(dtype, mode) == []


SIZES = ("MTNet_xs", "MTNet_xs_g8")


@pytest.mark.parametrize(
    "factory",
    [
        pytest.param(n, marks=[] if n in SIZES else [pytest.mark.slow])
        for n in FOLDER.table(mtnet.STATES_MTNET, HERE)
    ],
)
def test_a_network_has_the_published_entries_and_size(factory: str) -> None:
    mtnet.states(FOLDER, factory)
    listed = FOLDER.table(mtnet.STATES_MTNET, HERE)[factory]
    assert sum(p.numel() for p in mtnet.bare(factory).parameters()) == listed["parameters"]


def other(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plants a fault."""
    if plant == "the frames least alike":
        monkeypatch.setattr(frame_selection, "most_alike", _least_alike)
    elif plant == "a norm of its own for the lateral way":
        once: Any = multi_temporal.RatesConv.forward

        def forward(self: Any, x: Any) -> Any:
            out = once(self, x)
            if self.lateral is not None and isinstance(self.norm_long, nn.BatchNorm3d):
                self.norm_long.num_batches_tracked -= int(self.training)
            return out

        monkeypatch.setattr(multi_temporal.RatesConv, "forward", forward)
    elif plant == "aligned corners":
        aligned = partial(nn.functional.interpolate, mode="trilinear", align_corners=True)
        monkeypatch.setattr(multi_temporal, "resized", lambda x, size: aligned(x, size))
    elif plant == "the long channels first":
        monkeypatch.setattr(torch.Tensor, "split", _swapped)
    elif plant == "maps not widened":
        monkeypatch.setattr(multi_temporal, "LEAST_SIDE", 1)


def _least_alike(x: Any, count: int) -> Any:
    kept = most_alike(x, x.shape[2] - 2 - count)
    others = [[f for f in range(1, x.shape[2] - 1) if f not in row] for row in kept.tolist()]
    return torch.tensor(others)


def _swapped(x: Any, sizes: Any, dim: int) -> Any:
    long, short = torch.split_with_sizes(x, list(sizes)[::-1], dim)
    return short, long


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [
        "the frames least alike",
        "a norm of its own for the lateral way",
        "aligned corners",
        "the long channels first",
        "maps not widened",
    ],
)
def test_golden_numbers_see_planted_faults(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other(plant, monkeypatch)
    assert wrong("float64", "train")
