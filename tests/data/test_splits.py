from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.records import Record, Source, Split
from connsearch.data.sources.splits import fingerprint, split_hashes, split_records
from connsearch.errors import DataError
from tests.data.helpers import options


def source(*rows: tuple[int, str, Split | None]) -> Source:
    """Returns a data set of (label, group, split)."""
    records = tuple(
        Record(f"{i}.mp4", Path(f"{i}.mp4"), (label,), group, split)
        for i, (label, group, split) in enumerate(rows)
    )
    return Source("mine.csv", ("a", "b"), records, 0)


def grouped(groups: int, clips: int = 2) -> Source:
    return source(*[(i % 2, f"g{i // clips}", None) for i in range(groups * clips)])


@given(groups=st.integers(3, 20), clips=st.integers(2, 5), seed=st.integers(0, 50))
def test_groups_are_never_torn_and_nothing_is_lost(groups: int, clips: int, seed: int) -> None:
    whole = grouped(groups, clips)
    lists = split_records(whole, options("x", seed=seed).split)
    names = [r.name for records in lists.values() for r in records]
    assert sorted(names) == sorted(r.name for r in whole.records)
    held = [{r.group for r in records} for records in lists.values()]
    assert all(held)
    assert sum(len(h) for h in held) == len(set.union(*held))


def test_a_split_is_a_function_of_the_seed() -> None:
    lists = [split_records(grouped(12), options("x", seed=seed).split) for seed in (0, 0, 1)]
    assert lists[0] == lists[1]
    assert lists[0] != lists[2]


def test_groups_are_dealt_close_to_the_shares() -> None:
    lists = split_records(grouped(20, 4), options("x").split)
    assert [len(lists[s]) for s in ("train", "val", "test")] == [52, 12, 16]


def test_without_groups_every_class_is_divided_alike() -> None:
    lists = split_records(
        source(*[(int(i >= 60), "", None) for i in range(100)]), options("x").split
    )
    counts = {split: Counter(r.label for r in records) for split, records in lists.items()}
    assert counts == {"train": {0: 39, 1: 26}, "val": {0: 9, 1: 6}, "test": {0: 12, 1: 8}}


def test_given_splits_are_kept_and_a_missing_one_is_drawn_from_train() -> None:
    rows: list[tuple[int, str, Split | None]] = [(i % 2, f"g{i // 2}", "train") for i in range(20)]
    rows += [(0, "t", "test"), (1, "t", "test")]
    lists = split_records(source(*rows), options("x").split)
    assert [r.group for r in lists["test"]] == ["t", "t"]
    assert len(lists["val"]) in (2, 4)
    none = split_records(source(*rows), options("x", val_share=0).split)
    assert none["val"] == ()
    assert len(none["train"]) == 20


def test_a_group_on_two_lists_is_refused_by_name() -> None:
    torn = source((0, "ann", "train"), (1, "ann", "test"), (1, "bob", "train"), (0, "c", "val"))
    with pytest.raises(DataError, match=r"group ann: train and test\n  cure"):
        split_records(torn, options("x").split)
    lists = split_records(torn, options("x", split_by="clip").split)
    assert [len(records) for records in lists.values()] == [2, 1, 1]


def test_too_few_groups_are_refused_and_the_cures_work() -> None:
    one = source(*[(i % 2, "everyone", None) for i in range(20)])
    with pytest.raises(DataError, match=r"1 group\(s\) cannot be divided .*\n  group everyone"):
        split_records(one, options("x").split)
    assert len(split_records(one, options("x", split_by="clip").split)["test"]) == 4
    everything = split_records(one, options("x", val_share=0, test_share=0).split)
    assert [len(records) for records in everything.values()] == [20, 0, 0]


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(DataError, match="too few clips of a class to put any into the test split"):
        split_records(source((0, "", None), (1, "", None)), options("x").split)


def test_a_class_without_training_clips_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"classes without a training clip\n  b\n  cure"):
        split_records(source((0, "", "train"), (1, "", "test"), (0, "", "val")), options("x").split)


def test_rows_with_and_without_a_split_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 clips have no split, the others do\n  1.mp4"):
        split_records(source((0, "", "train"), (1, "", None)), options("x").split)


def test_hashes_change_with_what_is_on_the_lists_and_not_with_the_place(tmp_path: Path) -> None:
    def marks(folder: Path, content: bytes, label: int = 0) -> tuple[dict[str, str], str]:
        folder.mkdir(exist_ok=True)
        (folder / "v.mp4").write_bytes(content)
        record = Record("v.mp4", folder / "v.mp4", (label,))
        whole = Source(str(folder), ("a", "b"), (record,), 0)
        hashes = split_hashes(whole, {"train": (record,), "val": (), "test": ()})
        return hashes, fingerprint(whole, hashes)

    first = marks(tmp_path / "a", b"123")
    assert marks(tmp_path / "b", b"456") == first
    assert marks(tmp_path / "c", b"1234") != first
    changed = marks(tmp_path / "d", b"123", label=1)
    assert changed[0]["train"] != first[0]["train"]
    assert changed[0]["test"] == first[0]["test"]
    assert changed[1] != first[1]


def test_more_groups_than_are_tried_in_turn_are_shared_out_evenly() -> None:
    many = grouped(20_500, 1)
    lists = split_records(many, options("x", val_share=0.1, test_share=0.2).split)
    assert {split: len(records) for split, records in lists.items()} == {
        "train": 14_350,
        "val": 2_050,
        "test": 4_100,
    }
    for records in lists.values():
        assert abs(sum(r.label for r in records) / len(records) - 0.5) < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_of_several_draws_the_one_with_the_most_even_classes_is_kept(seed: int) -> None:
    whole = source(*[(group % 2, f"g{group}", None) for group in range(40) for _ in range(3)])
    lists = split_records(whole, options("x", seed=seed, val_share=0.25, test_share=0.25).split)
    for split in ("val", "test"):
        assert Counter(r.label for r in lists[split]) == {0: 15, 1: 15}
