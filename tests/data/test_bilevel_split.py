"""The halves of a bilevel search: disjoint, whole, by class and by group, the same every time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connsearch.data.loading.bilevel_split import with_halves
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.errors import DataError

TINY = {"frames": 4, "size": 16, "train_clips": 6, "val_clips": 2, "test_clips": 2}


@pytest.fixture(scope="module")
def data() -> DataSplits:
    return load_data(DataOptions.of(source="synthetic:appearance", **TINY))  # pyright: ignore[reportArgumentType]


def names(dataset: Any) -> set[str]:
    return {record.name for record in dataset.records}


def grouped(data: DataSplits, groups: list[str]) -> DataSplits:
    records = tuple(
        replace(r, group=groups[i % len(groups)]) for i, r in enumerate(data.train.records)
    )
    train = replace(data.train, records=records)
    return replace(data, train=train)


def test_halves_are_disjoint_and_whole(data: DataSplits) -> None:
    halved = with_halves(data, seed=3)
    assert halved.connections is not None
    first, second = names(halved.train), names(halved.connections)
    assert not first & second
    assert first | second == names(data.train)
    assert abs(len(first) - len(second)) <= len(data.classes)
    assert sorted(set(halved.train.labels)) == sorted(set(halved.connections.labels))
    assert halved.hashes["train"] != data.hashes["train"]
    assert [name for name, _ in halved.parts()] == ["train", "val", "test", "connections"]
    assert [name for name, _ in data.parts()] == ["train", "val", "test"]


def test_halves_follow_from_the_seed(data: DataSplits) -> None:
    once, again, other = (with_halves(data, seed=seed) for seed in (3, 3, 4))
    assert once.hashes == again.hashes
    assert names(once.train) == names(again.train) != names(other.train)


def test_no_group_is_in_both(data: DataSplits) -> None:
    # 24 clips of 4 classes in 7 groups: every group has several classes.
    halved = with_halves(grouped(data, list("abcdefg")), seed=0)
    assert halved.connections is not None
    groups = [{r.group for r in part.records} for part in (halved.train, halved.connections)]
    assert not groups[0] & groups[1]
    assert groups[0] | groups[1] == set("abcdefg")


def test_what_cannot_be_halved_is_refused(data: DataSplits) -> None:
    with pytest.raises(DataError, match=r"1 group\(s\) cannot be divided"):
        with_halves(grouped(data, ["one"]), seed=0)
    with pytest.raises(DataError, match=r"(?s)in one half only.*--level single"):
        with_halves(grouped(data, list(data.classes)), seed=0)


def test_faults_go_along_with_their_clips(data: DataSplits) -> None:
    why = {0: "zero", 5: "five"}
    records = tuple(replace(r, fault=why.get(i, "")) for i, r in enumerate(data.train.records))
    train = replace(data.train, records=records)
    halved = with_halves(replace(data, train=train), seed=1)
    assert halved.connections is not None
    found = {
        part.records[i].name: why
        for part in (halved.train, halved.connections)
        for i, why in part.unusable.items()
    }
    assert found == {data.train.records[0].name: "zero", data.train.records[5].name: "five"}
