"""Every class is shown equally often, from numbers alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.clips.class_turns import ClassTurns, visits
from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.clips.sampling import epoch_order
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.loading.multigrid import Multigrid
from tests.data.helpers import options, same

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=60)
SEEDS = st.integers(0, 2**63 - 1)

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def epochs(labels: list[int], seed: int, count: int) -> list[list[int]]:
    turns = ClassTurns.of([[label] for label in labels])
    return [[v.clip for v in turns.epoch(seed=seed, epoch=epoch)] for epoch in range(count)]


def level(counts: Counter[int], of: set[int]) -> bool:
    found = [counts[one] for one in of]
    return max(found) - min(found) <= 1


@given(LABELS, SEEDS, st.integers(1, 4))
def test_classes_are_shown_equally_often_and_so_are_the_clips_of_a_class(
    labels: list[int], seed: int, count: int
) -> None:
    shown = epochs(labels, seed, count)
    assert all(len(epoch) == len(labels) for epoch in shown)
    everything = [clip for epoch in shown for clip in epoch]
    for some in [*shown, everything]:
        assert level(Counter(labels[clip] for clip in some), set(labels))
    over_all = Counter(everything)
    for label in set(labels):
        assert level(over_all, {i for i, own in enumerate(labels) if own == label})


@given(LABELS, SEEDS, st.integers(0, 1000))
def test_an_epoch_follows_from_its_number_and_numbers_its_visits(
    labels: list[int], seed: int, epoch: int
) -> None:
    turns = ClassTurns.of([[label] for label in labels])
    found = turns.epoch(seed=seed, epoch=epoch)
    assert found == ClassTurns.of([[label] for label in labels]).epoch(seed=seed, epoch=epoch)
    seen: Counter[int] = Counter()
    for clip, number in found:
        assert number == seen[clip]
        seen[clip] += 1


def test_epochs_and_seeds_differ() -> None:
    labels = [0] * 9 + [1] * 3
    first, second = epochs(labels, 0, 2)
    assert first != second != epochs(labels, 1, 2)[1]


def test_a_clip_of_several_classes_is_drawn_for_each_and_one_without_for_none() -> None:
    labels: list[list[int]] = [[0, 1], [0], [0], [0], [], [0], [], [0]]
    turns = ClassTurns.of(labels)
    assert turns.members == ((4, 6), (0, 1, 2, 3, 5, 7), (0,))  # no class, class 0, class 1
    drawn = [v.clip for epoch in range(3) for v in turns.epoch(seed=4, epoch=epoch)]
    assert len(drawn) == 24
    assert sum(clip in (4, 6) for clip in drawn) == 8
    assert sum(clip == 0 for clip in drawn) >= 8


def test_without_turns_every_clip_is_shown_once_as_ever() -> None:
    order = epoch_order(7, seed=3, epoch=2, shuffle=True)
    assert visits(7, seed=3, epoch=2, shuffle=True) == [(clip, 0) for clip in order]


@pytest.fixture(scope="module")
def clips(listing: Path) -> ClipDataset:
    return load_data(options(listing, flip=True, crop_scale=(0.7, 1.2))).train


def test_another_visit_looks_different_and_the_first_as_ever(clips: ClipDataset) -> None:
    key = ClipKey(1, seed=3, epoch=2, augment=True)
    first, again = clips.clip(key), clips.clip(ClipKey(1, 3, 2, True, visit=0))
    assert torch.equal(first.streams["rgb"], again.streams["rgb"])
    assert not torch.equal(
        first.streams["rgb"], clips.clip(ClipKey(1, 3, 2, True, visit=1)).streams["rgb"]
    )


def test_batches_in_turns_are_the_same_with_workers_and_from_anywhere(clips: ClipDataset) -> None:
    turns = ClassTurns.of([(0,) if i == 0 else (1,) for i in range(len(clips))])
    asked: dict[str, Any] = {
        "batch_size": 4,
        "seed": 3,
        "shuffle": True,
        "augment": True,
        "turns": turns,
    }
    with Loader(clips, workers=0) as alone, Loader(clips, workers=2) as workers:
        whole = list(alone.batches(**asked))
        assert same(whole, list(workers.batches(**asked)))
        assert same(whole[1:], list(alone.batches(**asked, start=1)))
    shown = torch.cat([batch.indices for batch in whole]).tolist()
    assert len(shown) == len(clips)
    assert abs(2 * shown.count(0) - len(clips)) <= 1


@pytest.mark.parametrize("schedule", ["off", "reference", "srtg"])
def test_multigrid_keeps_its_steps_and_takes_turns(schedule: Any) -> None:
    labels = [0] * 30 + [1] * 5
    facts: dict[str, Any] = {
        "cycles": "both",
        "batch": 4,
        "frames": 8,
        "side": 32,
        "clips": 35,
        "epochs": 6,
    }
    plain = Multigrid(schedule, **facts)
    grid = Multigrid(schedule, **facts, turns=ClassTurns.of([[label] for label in labels]))
    assert grid.starts == plain.starts
    for epoch in range(6):
        plan, before = grid.plan(epoch, seed=1), plain.plan(epoch, seed=1)
        assert [len(p.keys) for p in plan] == [len(p.keys) for p in before]
        keys = [key for part in plan for key in part.keys]
        assert level(Counter(labels[key.index] for key in keys), {0, 1})
        assert len(set(keys)) == len(keys)
