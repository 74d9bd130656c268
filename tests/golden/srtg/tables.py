"""Steps of multigrid epochs, and temporal samplers, against those of the published code.

Where the two differ, the tables say so themselves: what is compared is what the published code was
to do (``ideal``), not its slips (``as_released``).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from connsearch.data.clips.sampling import clip_ticks, span
from connsearch.data.loading.multigrid import Cycles, Multigrid
from tests.golden.folder import Folder
from tests.golden.srtg import multigrid
from tests.golden.srtg.rule import HERE

SAMPLERS = "s8_samplers.json"
DRAWS = 400


def grid(batch: int, frames: int, side: int, *, clips: int, cycles: Cycles = "both") -> Multigrid:
    return Multigrid("srtg", cycles, batch=batch, frames=frames, side=side, clips=clips, epochs=5)


def counts(folder: Folder) -> None:
    """An epoch has the intended number of steps, but for a smaller batch at ends of quarters."""
    for listed in folder.table(multigrid.FILE, HERE)["iterations_per_epoch"]:
        clips = 48 * listed["base_batches"]
        both = grid(48, 16, 224, clips=clips).steps(0)
        assert 0 <= both - listed["ideal"] < 8, listed
        long = grid(48, 16, 224, clips=clips, cycles="long").steps(0)
        assert 0 <= long - listed["ideal_long_only"] < 4, listed


def sequential(folder: Folder) -> None:
    """Epoch after epoch the published windows of a video come one after another."""
    for listed in folder.table(SAMPLERS, HERE):
        for epoch, frames in enumerate(listed["sequential_calls"]):
            rng = np.random.default_rng(0)
            mine = clip_ticks(*_clip(listed), sampler="sequential", epoch=epoch, rng=rng)
            assert mine == frames, listed


def random(folder: Folder) -> None:
    """Drawn frames have the published distances; starts reach as far as the video allows.

    As released the start is a real number below the last start that fits, rounded down: that one
    is never drawn. A video that is too short gives one frame, over and over; ours is shown to its
    end.
    """
    for listed in folder.table(SAMPLERS, HERE):
        count, frames, stride = _clip(listed)
        assert span(frames, stride) == listed["span"]
        seen = [
            clip_ticks(count, frames, stride, rng=np.random.default_rng(seed))
            for seed in range(DRAWS)
        ]
        if not listed["random_fits"]:
            assert {ticks[-1] for ticks in seen} == {count - 1}
            continue
        gaps = {b - a for ticks in seen for a, b in pairwise(ticks)}
        assert sorted(gaps) == listed["random_as_released"]["gaps_seen"]
        room, firsts = count - listed["span"], {ticks[0] for ticks in seen}
        assert firsts <= set(range(room + 1))
        assert listed["random_as_released"]["first_max"] <= room
        assert room > DRAWS // 20 or firsts == set(range(room + 1)), listed


def _clip(listed: Any) -> tuple[int, int, int]:
    return listed["video"], listed["frames"], listed["interval"]


TABLES = {
    "_s7_multigrid": (multigrid.shapes, multigrid.rates, counts),
    "_s8_samplers": (sequential, random),
}
"""What is looked at in each table."""
