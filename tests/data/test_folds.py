"""Folds: every clip is tested once, no group in two folds, whatever the order of the files."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connsearch.data.options import SplitOptions
from connsearch.data.records import Record, Source, Split
from connsearch.data.sources.datasets.csv_list import read_csv
from connsearch.data.sources.effects import without_effect
from connsearch.data.sources.folds import Folds, divide, fold_lists, lists_of
from connsearch.errors import DataError
from tests.data.helpers import options

Row = tuple[int, str, Split | None, str]


def source(*rows: Row, classes: str = "abc") -> Source:
    """Returns a data set of (label, group, split, fold in the list)."""
    records = tuple(
        Record(f"{i:04}.mp4", Path(f"{i:04}.mp4"), (label,), group, split, fold=fold)
        for i, (label, group, split, fold) in enumerate(rows)
    )
    return Source("mine.csv", tuple(classes), records, 0)


def people(groups: int, clips: int, classes: int = 2) -> Source:
    return source(
        *[(i % classes, f"g{i // clips}", None, "") for i in range(groups * clips)],
        classes="abc"[:classes],
    )


def split(**changes: object) -> SplitOptions:
    return SplitOptions.model_validate(changes)


def units(folds: Folds) -> list[set[str]]:
    return [set(held) for held in folds.units]


@contextmanager
def enough_groups() -> Generator[None]:
    """Passes over examples with too few groups for what is asked; nothing else may go wrong."""
    try:
        yield
    except DataError as error:
        few = ("folds of", "cannot be divided", "val split")
        if not any(words in str(error) for words in few):
            raise
        reject()


rows = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["", *"pqrstuvw"])), min_size=8, max_size=40
)


@settings(max_examples=40)
@given(rows=rows, count=st.integers(2, 5), seed=st.integers(0, 9), share=st.sampled_from([0, 0.3]))
def test_every_clip_is_tested_once_and_no_group_is_in_two_lists(
    rows: list[tuple[int, str]], count: int, seed: int, share: float
) -> None:
    whole = source(*[(label, group, None, "") for label, group in rows])
    asked = split(seed=seed, val_share=share)
    with enough_groups():
        folds = divide(whole, asked, count)
        lists = [fold_lists(whole, folds, asked, number + 1) for number in range(count)]
    names = sorted(r.name for r in whole.records)
    assert sorted(r.name for found in lists for r in found["test"]) == names
    held = units(folds)
    assert all(held)
    assert sum(map(len, held)) == len(set.union(*held))
    for found in lists:
        assert sorted(r.name for records in found.values() for r in records) == names
        groups = [{r.group for r in records} - {""} for records in found.values()]
        assert sum(map(len, groups)) == len(set.union(*groups))
        assert bool(found["val"]) == (share > 0)


@settings(max_examples=40)
@given(rows=rows, order=st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(
    rows: list[tuple[int, str]], order: random.Random
) -> None:
    whole = source(*[(label, group, None, "") for label, group in rows])
    shuffled = list(whole.records)
    order.shuffle(shuffled)
    asked = split(val_share=0, seed=3)
    with enough_groups():
        folds = divide(whole, asked, 3)
    assert divide(replace(whole, records=tuple(shuffled)), asked, 3) == folds


def test_the_order_does_not_matter_to_val_either() -> None:
    for whole in (people(9, 4), source(*[(i % 2, "", None, "") for i in range(40)], classes="ab")):
        turned = replace(whole, records=whole.records[::-1])
        asked = split(fold="2/4", seed=5)
        assert lists_of(turned, asked) == lists_of(whole, asked)


def test_another_seed_divides_otherwise() -> None:
    found = [divide(people(12, 3), split(seed=seed), 4) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_classes_are_as_even_as_groups_allow() -> None:
    """Groups of one class each: dealt one by one, some fold would have none of a class."""
    whole = source(*[(g % 3, f"g{g}", None, "") for g in range(15) for _ in range(4)])
    for seed in range(3):
        folds = divide(whole, split(seed=seed), 5)
        for part in folds.parts:
            assert Counter(r.label for r in part) == {0: 4, 1: 4, 2: 4}


def test_a_rare_class_is_in_as_many_folds_as_it_has_groups() -> None:
    rows: list[Row] = [(0, f"g{i % 10}", None, "") for i in range(100)]
    rows += [(1, f"g{i}", None, "") for i in range(4)]
    folds = divide(source(*rows, classes="ab"), split(), 4)
    assert [sum(r.label == 1 for r in part) for part in folds.parts] == [1, 1, 1, 1]
    assert max(map(len, folds.parts)) <= 34


def test_as_many_folds_as_groups_leaves_one_out_each() -> None:
    folds = divide(people(6, 4), split(), 6)
    assert all(len(held) == 1 for held in units(folds))


def test_more_folds_than_groups_are_refused_by_name() -> None:
    with pytest.raises(
        DataError, match=r"(?s)5 folds of 4 groups\n  group g0.*allowed: --folds up"
    ):
        divide(people(4, 4), split(), 5)
    with pytest.raises(DataError, match="9 folds of 8 clips"):
        divide(source(*[(i % 2, "", None, "") for i in range(8)], classes="ab"), split(), 9)


def test_without_groups_every_clip_is_one_and_that_is_said() -> None:
    whole = source(*[(i % 2, "", None, "") for i in range(20)], classes="ab")
    folds = divide(whole, split(), 4)
    assert folds.by == "clips"
    for part in folds.parts:
        assert {sum(r.label == k for r in part) for k in (0, 1)} <= {2, 3}
    assert "every clip counts as one" in folds.notes(2)[0]
    assert divide(people(4, 4), split(), 4).notes(2) == []


def test_a_test_list_stays_closed_and_a_val_list_is_divided() -> None:
    rows: list[Row] = [(i % 2, f"g{i // 4}", "train", "") for i in range(24)]
    for i in range(6):
        rows.append((i % 2, "t", "test", ""))
    for i in range(4):
        rows.append((i % 2, "v", "val", ""))
    whole = source(*rows, classes="ab")
    folds = divide(whole, split(), 3)
    inside = [r.group for part in folds.parts for r in part]
    assert "t" not in inside
    assert inside.count("v") == 4
    told = "\n".join(folds.notes(2))
    assert "its 6 clips are in no fold; the folds divide the other 28" in told
    assert "validation list of the data (4 clips)" in told
    lists, notes = lists_of(whole, split(fold="1/3"))
    assert notes == folds.notes(2)
    assert "t" not in {r.group for records in lists.values() for r in records}


def test_a_group_on_the_test_list_and_outside_is_refused() -> None:
    rows: list[Row] = [(i % 2, f"g{i // 4}", "train", "") for i in range(12)]
    rows.append((0, "g1", "test", ""))
    with pytest.raises(DataError, match=r"both on its test list and outside of it\n  group g1\n"):
        divide(source(*rows, classes="ab"), split(), 2)
    closed: list[Row] = [(i % 2, "", "test", "") for i in range(4)]
    everything = source(*closed, classes="ab")
    with pytest.raises(DataError, match="all clips are on its test list"):
        divide(everything, split(), 2)


def test_a_class_in_one_group_is_named() -> None:
    rows: list[Row] = [(i % 2, f"g{i // 4}", None, "") for i in range(24)]
    rows += [(2, "g0", None, ""), (2, "g0", None, "")]
    folds = divide(source(*rows), split(), 3)
    assert folds.lone == ("c",)
    assert "never both trained and tested\n  c" in folds.notes(3)[-1]


def test_the_folds_of_a_column_are_taken() -> None:
    rows: list[Row] = [(i % 2, f"g{i // 4}", None, str(10 - i // 8)) for i in range(24)]
    whole = source(*rows, classes="ab")
    for count in (None, 3):
        folds = divide(whole, split(), count)
        assert folds.by == "the column cv"
        assert folds.names == ("8", "9", "10")
        assert [{r.fold for r in part} for part in folds.parts] == [{"8"}, {"9"}, {"10"}]


@pytest.mark.parametrize(
    ("change", "count", "told"),
    [
        ({}, 4, r"column cv names 3 fold\(s\), asked for 4\n  0\n  1\n  2\n  cure: --folds csv"),
        ({0: ""}, 3, r"1 of 24 clips have no fold in the column cv, .*\n  0000.mp4\n  cure"),
        ({0: "2"}, 3, r"groups or videos in two folds of the column cv.*\n  group g0: 0, 2\n"),
        (dict.fromkeys(range(24), "1"), None, r"names 1 fold\(s\), a cross-validation needs 2"),
        (
            dict.fromkeys(range(24), ""),
            None,
            "no column cv that names their folds\n  cure: --folds",
        ),
    ],
)
def test_a_column_that_cannot_be_taken_is_refused(
    change: dict[int, str], count: int | None, told: str
) -> None:
    rows: list[Row] = [(i % 2, f"g{i // 4}", None, change.get(i, str(i // 8))) for i in range(24)]
    with pytest.raises(DataError, match=told):
        divide(source(*rows, classes="ab"), split(), count)


def test_folds_of_a_column_may_tear_groups_if_clips_are_divided() -> None:
    rows: list[Row] = [(i % 2, "one", None, str(i % 2)) for i in range(8)]
    folds = divide(source(*rows, classes="ab"), split(split_by="clip"), 2)
    assert [len(part) for part in folds.parts] == [4, 4]


def test_a_csv_names_folds_in_its_column_cv(tmp_path: Path) -> None:
    text = "path,label,cv\n" + "".join(f"{i}.mp4,{'ab'[i % 2]},{'xy'[i // 2]}\n" for i in range(4))
    for i in range(4):
        (tmp_path / f"{i}.mp4").touch()
    (tmp_path / "mine.csv").write_text(text)
    found = read_csv(str(tmp_path / "mine.csv"), options("x"))
    assert [r.fold for r in found.records] == ["x", "x", "y", "y"]
    assert {r.split for r in found.records} == {None}


def test_clips_of_one_class_are_refused() -> None:
    one = source(*[(0, "", None, "") for _ in range(8)], classes="a")
    with pytest.raises(DataError, match="one class only"):
        divide(one, split(), 2)


def test_several_classes_of_a_clip_all_count() -> None:
    records = tuple(
        Record(f"{i:02}.mp4", Path(f"{i:02}.mp4"), (0, 1) if i < 4 else (0,)) for i in range(24)
    )
    folds = divide(Source("m", ("a", "b"), records, 0, multi_label=True), split(), 4)
    assert [sum(1 in r.labels for r in part) for part in folds.parts] == [1, 1, 1, 1]


def test_many_clips_are_divided_at_once() -> None:
    folds = divide(people(20_500, 1), split(), 5)
    assert [len(part) for part in folds.parts] == [4_100] * 5


@pytest.mark.parametrize("wrong", ["0/5", "6/5", "1/1", "2", "a/b", "1/5/2", "-1/5", "1/99999", ""])
def test_a_fold_is_a_number_and_how_many_there_are(wrong: str) -> None:
    with pytest.raises(ValidationError, match="such as 2/5"):
        split(fold=wrong)


def test_a_fold_is_read_with_spaces_and_zeros() -> None:
    assert split(fold=" 02/05 ").fold == "2/5"
    assert split(fold="2/5").fold_of == (2, 5)
    assert split().fold_of is None


def test_a_share_of_the_test_has_no_effect_on_a_fold() -> None:
    whole = people(4, 4)
    found = without_effect(whole, options("x", fold="1/2", test_share=0.3, val_share=0.3))
    assert list(found) == ["test_share"]
    assert "fold" in found["test_share"]
    listed = replace(whole, records=tuple(replace(r, split="val") for r in whole.records))
    assert not without_effect(listed, options("x", fold="1/2", val_share=0.3))
    assert list(without_effect(listed, options("x", val_share=0.3))) == ["val_share"]
