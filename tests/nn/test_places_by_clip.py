"""Random places that follow from what a clip shows."""

from __future__ import annotations

import torch

from connsearch.nn.places_by_clip import places_by_clip


def clips(count: int) -> torch.Tensor:
    pixels = torch.randint(
        0, 256, (count, 3, 4, 24, 24), generator=torch.Generator().manual_seed(1)
    )
    return pixels / 127.5 - 1


def test_a_clip_has_its_places_in_every_batch_and_order() -> None:
    all_of = clips(12)
    found = places_by_clip(all_of, 5)
    assert torch.equal(places_by_clip(all_of.flip(0), 5), found.flip(0))
    assert torch.equal(places_by_clip(all_of[3:4], 5), found[3:4])
    assert torch.equal(places_by_clip(all_of, 2, first=3), found[:, 3:])
    assert torch.equal(places_by_clip(all_of + 1e-5, 5), found), "rounding moves nothing"


def test_places_are_spread_evenly_and_differ_between_clips_steps_and_axes() -> None:
    found = places_by_clip(clips(512), 8)
    assert found.dtype == torch.float32
    assert 0 <= float(found.min()) < float(found.max()) < 1
    counts = torch.histc(found, 10, 0, 1) / found.numel()
    assert float((counts - 0.1).abs().max()) < 0.015
    flat = found.flatten(1)
    assert len(flat.flatten().unique()) > 0.999 * flat.numel()
    apart = torch.corrcoef(flat.T) - torch.eye(16)
    assert float(apart.abs().max()) < 0.2, "steps and axes are drawn apart"
