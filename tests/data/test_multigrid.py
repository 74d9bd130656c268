"""Multigrid schedules: the published tables, and every clip once an epoch whatever the numbers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import epoch_plan
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.loading.multigrid import Multigrid
from tests.data.helpers import options, same

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def grid(schedule: Any, cycles: Any = "both", **changes: Any) -> Multigrid:
    """Returns a schedule of 48 clips of 16 frames and 224 pixels."""
    chosen = {"batch": 48, "frames": 16, "side": 224, "clips": 48 * 105, "epochs": 40, **changes}
    return Multigrid(schedule, cycles, **chosen)


def table(rows: Any) -> list[list[tuple[int, int, int]]]:
    return [[(p.clips, p.shape.frames, p.shape.size) for p in row] for row in rows]


def test_srtg_has_the_published_shapes_at_224_pixels() -> None:
    (stage,) = grid("srtg").stages
    assert table(stage.rows) == [
        [(384, 4, 158), (768, 4, 112), (1536, 4, 80)],
        [(192, 8, 158), (384, 8, 112), (768, 8, 80)],
        [(96, 8, 224), (192, 8, 158), (384, 8, 112)],
        [(48, 16, 224), (96, 16, 158), (192, 16, 112)],
    ]
    assert [{p.rate for p in row} for row in stage.rows] == [{1.0}, {0.5}, {0.25}, {0.125}]
    assert {p.shape.stretch for row in stage.rows for p in row} == {1.0}


def test_srtg_has_the_published_shapes_at_256_pixels() -> None:
    first, *_, last = table(grid("srtg", batch=32, side=256).stages[0].rows)
    assert first == [(256, 4, 182), (512, 4, 128), (1024, 4, 90)]
    assert last == [(32, 16, 256), (64, 16, 182), (128, 16, 128)]


@pytest.mark.parametrize(("cycles", "unit", "count"), [("long", 15, 4), ("both", 105, 12)])
def test_an_srtg_epoch_follows_the_table_step_by_step(cycles: str, unit: int, count: int) -> None:
    """Where the clips fill whole batches, the iterations are exactly the table's."""
    times = 2
    made = grid("srtg", cycles, clips=48 * unit * times)
    rows = made.stages[0].rows
    steps = count * times
    assert made.steps(0) == made.steps(7) == steps
    full = rows[-1][0].shape
    for i, plan in enumerate(made.plan(3, seed=1)):
        part = rows[4 * i // steps][i % 3 if cycles == "both" else 0]
        assert len(plan.keys) == part.clips
        assert plan.rate == 0.5 ** (4 * i // steps)
        assert plan.keys[0].shape == (None if part.shape == full else part.shape)


def test_srtg_takes_about_the_intended_number_of_iterations() -> None:
    """Each quarter ends with a smaller batch, so it may take up to two steps more."""
    for clips in (10_000 * 48, 12_345, 240_000):
        base = clips / 48
        assert abs(grid("srtg", clips=clips).steps(0) - 4 * base / 35) <= 8
        assert abs(grid("srtg", "long", clips=clips).steps(0) - 4 * base / 15) <= 4
        assert abs(grid("srtg", "short", clips=clips).steps(0) - 3 * base / 7) <= 2


def test_reference_has_the_published_relative_batches() -> None:
    *stages, last = grid("reference").stages
    assert [[n // 48 for n, _, _ in table(s.rows)[0]] for s in stages] == [
        [16, 8, 8],
        [8, 4, 4],
        [8, 4, 2],
        [4, 2, 1],
    ]
    shapes = [[(t, s) for _, t, s in table(stage.rows)[0]] for stage in stages]
    assert shapes == [
        [(4, 112), (4, 158), (4, 158)],
        [(8, 112), (8, 158), (8, 158)],
        [(8, 112), (8, 158), (8, 224)],
        [(16, 112), (16, 158), (16, 224)],
    ]
    assert table(last.rows) == [[(48, 16, 224)]]
    assert [stage.rows[0][0].rate for stage in stages] == [8.0, 4.0, 2.0, 1.0]
    assert [stage.rows[0][0].shape.stretch for stage in stages] == [4.0, 2.0, 2.0, 1.0]


def test_reference_epochs_are_in_proportion_to_the_average_batch() -> None:
    """10.67, 5.33, 4.67 and 2.33 of 23, then the full clips."""
    made = grid("reference", epochs=92, fine_tune=0.25)
    assert [s.epochs for s in made.stages] == [32, 16, 14, 7, 23]
    assert [s.epochs for s in grid("reference", "long", epochs=20).stages] == [8, 4, 2, 1, 5]
    assert [s.epochs for s in grid("reference", "short", epochs=20).stages] == [15, 5]
    twice = grid("reference", epochs=184, rounds=2).stages
    assert [s.epochs for s in twice] == [32, 16, 14, 7] * 2 + [46]
    assert twice[0].rows == twice[4].rows


def test_a_stage_without_an_epoch_is_left_out() -> None:
    assert [s.epochs for s in grid("reference", epochs=2).stages] == [1, 1]
    assert len(grid("reference", epochs=2).stages[-1].rows[0]) == 1


def test_turns_of_reference_go_on_from_epoch_to_epoch() -> None:
    """A small data set has one coarse batch an epoch; it still sees every side."""
    made = grid("reference", batch=16, side=48, clips=119, epochs=20)
    sides = [made.layout(epoch)[0][0].shape.size for epoch in range(3)]
    assert sides == [24, 34, 34]
    assert [made.steps(epoch) for epoch in range(3)] == [1, 1, 1]


def test_off_is_the_plan_of_old(listing: Path) -> None:
    clips = load_data(options(listing)).train
    made = grid("off", batch=4, clips=len(clips), frames=6, side=16)
    for epoch in (0, 1, 45):
        assert made.plan(epoch, seed=3) == epoch_plan(
            clips, batch_size=4, seed=3, epoch=epoch, shuffle=True, augment=True
        )


grids = st.builds(
    Multigrid,
    st.sampled_from(["off", "reference", "srtg"]),
    st.sampled_from(["both", "long", "short"]),
    batch=st.integers(1, 20),
    frames=st.integers(1, 40),
    side=st.integers(4, 70),
    clips=st.integers(1, 700),
    epochs=st.integers(2, 30),
    rounds=st.integers(1, 3),
    fine_tune=st.floats(0.01, 0.99),
)


@given(grids, st.integers(0, 40), st.integers(0, 5))
def test_every_clip_is_shown_once_an_epoch(made: Multigrid, epoch: int, seed: int) -> None:
    plan = made.plan(epoch, seed=seed)
    assert sorted(k.index for p in plan for k in p.keys) == list(range(made.clips))
    assert plan == made.plan(epoch, seed=seed)
    assert all(p.keys for p in plan)
    assert all(len({k.shape for k in p.keys}) == 1 for p in plan)
    assert all(p.replace and all(k.augment and k.epoch == epoch for k in p.keys) for p in plan)
    for (part, count), p in zip(made.layout(epoch), plan, strict=True):
        assert len(p.keys) == count <= part.clips
        assert p.rate == part.rate
    if made.clips > 10:
        assert plan != made.plan(epoch, seed=seed + 1)


@given(grids)
def test_shapes_are_usable_and_a_step_costs_about_the_same(made: Multigrid) -> None:
    full = made.frames * made.side**2
    for stage in made.stages:
        for part in (p for row in stage.rows for p in row):
            frames, side = part.shape.frames, part.shape.size
            assert min(2, made.frames) <= frames <= made.frames
            assert 4 <= side <= made.side
            assert side % 2 == 0 or side == made.side
            reach = (frames - 1) * part.shape.stretch
            assert reach <= made.frames - 1
            if made.schedule == "reference":
                assert part.shape.stretch == made.frames / frames
                cost = part.clips / made.batch * frames * side**2 / full
                assert 0.6 < cost < 1.4
    assert sum(s.epochs for s in made.stages) == made.epochs
    assert all(s.epochs > 0 for s in made.stages)


@given(grids, st.integers(0, 60))
def test_every_step_has_one_place(made: Multigrid, epoch: int) -> None:
    """``place`` undoes the list of first steps, also past the last epoch."""
    first = sum(made.steps(e) for e in range(epoch))
    for start in {0, made.steps(epoch) // 2, made.steps(epoch) - 1}:
        assert made.place(first + start) == (epoch, start)
        seen = sum(count for _, count in made.layout(epoch)[:start])
        assert made.shown(first + start) == epoch * made.clips + seen
    assert list(made.starts) == sorted(set(made.starts))
    assert [b - a for a, b in pairwise(made.starts)] == [made.steps(e) for e in range(made.epochs)]


@given(grids)
def test_the_end_is_at_the_full_shape(made: Multigrid) -> None:
    kinds = Counter(part.shape for part, _ in made.layout(made.epochs - 1))
    full = [s for s in kinds if (s.frames, s.size) == (made.frames, made.side)]
    if made.schedule == "reference":
        assert list(kinds) == full
        assert all(part.clips == made.batch for part, _ in made.layout(made.epochs + 3))


@pytest.fixture(scope="module")
def clips(listing: Path) -> ClipDataset:
    return load_data(options(listing, flip=True, crop_scale=(0.7, 1.2), sampler="centre")).train


@pytest.mark.parametrize("schedule", ["reference", "srtg"])
def test_batches_have_the_planned_shape_with_any_number_of_workers(
    clips: ClipDataset, schedule: str
) -> None:
    made = grid(schedule, batch=2, frames=6, side=16, clips=len(clips), epochs=4)
    with Loader(clips, workers=2) as beside:
        for epoch in (0, 3):
            here = list(Loader(clips).planned(made.plan(epoch, seed=3)))
            for batch, (part, count) in zip(here, made.layout(epoch), strict=True):
                shape = part.shape
                size = (shape.frames, shape.size, shape.size)
                assert batch.streams["rgb"].shape == (count, 3, *size)
                assert batch.streams["object"].shape[2:] == size
                assert batch.rate == part.rate
            there = list(beside.planned(made.plan(epoch, seed=3)))
            assert same(here, there)
            assert [b.rate for b in here] == [b.rate for b in there]


def test_a_coarse_clip_shows_the_same_window_and_time(clips: ClipDataset) -> None:
    """The coarse clip is the full one scaled down, every third frame around the same centre."""
    made = grid("reference", "long", batch=len(clips), frames=6, side=16, clips=len(clips))
    loader = Loader(clips)
    (coarse,) = loader.planned(made.plan(0, seed=3))
    (full,) = loader.batches(batch_size=len(clips), seed=3, epoch=0, shuffle=True, augment=True)
    assert torch.equal(coarse.labels, full.labels)
    shape = made.stages[0].rows[0][0].shape
    assert (shape.frames, shape.size) == (2, 12)
    middle = full.streams["rgb"][:, :, [1, 4]].mean((1, 3, 4))
    small = coarse.streams["rgb"].mean((1, 3, 4))
    torch.testing.assert_close(small, middle, atol=0.03, rtol=0)
