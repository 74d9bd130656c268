"""Every option on every source: it changes something, or it is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connsearch.data.loading import load
from connsearch.data.options import DataOptions
from connsearch.data.records import SPLITS, Record, Source, Span, Split
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.effects import BOUND, for_source, refuse_without_effect, without_effect
from connsearch.data.sources.source import read_source
from connsearch.data.sources.splits import split_records
from connsearch.errors import DataError
from connsearch.settings.nesting import by_name, usual
from tests.data.datasets.formats import Tiny
from tests.data.helpers import options

VALUES: dict[str, tuple[Any, ...]] = {
    "protocol": ("2", "200", "v1", "mini", "cv1"),
    "videos": ("elsewhere",),
    "train_clips": (2,),
    "val_clips": (2,),
    "test_clips": (2,),
    "object_classes": (7,),
    "clip_labels": ("clip",),
    "split_by": ("clip",),
    "val_share": (0.5,),
    "test_share": (0.6,),
}
"""Values that are not the default; a source that looks at the option differs with one of them."""

LATER = {"split_by", "clip_labels"}
"""Options that change nothing of which clips there are, or nothing without groups."""

USES: dict[str, set[str]] = {
    **{name: {"protocol", "videos"} for name in "ucf101 hmdb51 kinetics moments diving48".split()},
    **{name: {"protocol", "videos"} for name in "smarthome something".split()},
    **{name: {"videos"} for name in "hacs charades activitynet fcvid mini_kinetics".split()},
    **{name: {"videos"} for name in "jester csv list frames".split()},
    "folder": set(),
    "frames_db": {"protocol"},
    "synthetic": {"train_clips", "val_clips", "test_clips"},
}
"""What each source looks at, where the data holds nothing but clips and labels; another one looks
at what it says itself."""

MEMBERS = sorted(DATASETS)


def asked(name: str, made: Tiny, **changes: Any) -> DataOptions:
    return options(f"{name}:{made.rest}", **{**made.options, **changes})


def outcome(chosen: DataOptions) -> object:
    """Returns what comes out: the lists of clips, or the words of a refusal."""
    try:
        source = read_source(chosen)
        return source, split_records(source, chosen.split)
    except DataError as error:
        return str(error)


def test_the_table_is_whole() -> None:
    assert set(USES) <= set(MEMBERS)
    assert set(BOUND) <= set(VALUES) <= set(by_name(DataOptions()))


@pytest.mark.parametrize("option", sorted(VALUES))
@pytest.mark.parametrize("name", MEMBERS)
def test_an_option_changes_something_or_is_refused(
    name: str, option: str, tiny: Callable[[str], Tiny], tmp_path: Path
) -> None:
    made = tiny(name)
    before = outcome(asked(name, made))
    assert not isinstance(before, str), before
    source = before[0]  # pyright: ignore
    changed: list[bool] = []
    for value in VALUES[option]:
        if made.options.get(option) == value:
            continue
        given = tmp_path if option == "videos" else value
        after = outcome(asked(name, made, **{option: given}))
        refused = isinstance(after, str) and "without effect" in after
        changed.append(refused or after != before or option in LATER)
        if refused:
            assert f"--{option.replace('_', '-')} {given}" in str(after)
            assert "cure: omit them" in str(after)
        if option in BOUND:
            assert refused == (option not in USES.get(name, source.uses or ()))
        elif option == "clip_labels":
            assert refused == (name != "charades")
        elif option != "split_by":
            word: Split = "val" if option == "val_share" else "test"
            given_by = {record.split for record in source.records}  # pyright: ignore
            assert refused == (word in given_by)
    assert any(changed)


def test_what_an_earlier_run_brings_along_can_be_undone(tmp_path: Path) -> None:
    before = {"source": {"source": "other"}, "split": {"val_share": 0.3}}
    recorded = for_source(before, str(tmp_path))
    assert recorded["split"]["val_share"] == 0.3  # the data may only have moved
    given = [Record(s, Path(s), (0,), split=s) for s in SPLITS]
    with pytest.raises(DataError, match=r"(?s)--val-share 0.3 \(by default 0.15\).*the default"):
        refuse_without_effect(clips(*given), DataOptions.of(**recorded))
    refuse_without_effect(
        clips(*given), DataOptions.of(**{**recorded, "split": {"val_share": 0.15}})
    )


@pytest.mark.parametrize("name", MEMBERS)
def test_a_default_is_never_refused(name: str, tiny: Callable[[str], Tiny]) -> None:
    made = tiny(name)
    defaults = {option: usual(DataOptions, option) for option in VALUES}
    chosen = asked(name, made, **{**defaults, **made.options})
    assert read_source(chosen).records


def clips(*records: Record, uses: frozenset[str] = frozenset()) -> Source:
    return Source("mine", ("a", "b"), records, None, uses=uses)


def test_object_maps_make_their_number_useful(tmp_path: Path) -> None:
    chosen = options("x", object_classes=3)
    plain = clips(Record("a", Path("a"), (0,)), uses=frozenset(("object_classes",)))
    assert without_effect(plain, chosen) == {"object_classes": "it has no object maps"}
    mapped = replace(plain, records=(Record("a", Path("a"), (0,), objects=Path("m")),))
    assert not without_effect(mapped, chosen)
    assert set(without_effect(replace(mapped, uses=frozenset()), chosen)) == {"object_classes"}


def test_spans_make_clip_labels_useful() -> None:
    chosen = options("x", clip_labels="clip")
    assert set(without_effect(clips(Record("a", Path("a"), (0,))), chosen)) == {"clip_labels"}
    spans = Record("a", Path("a"), (0,), spans=(Span(0, 0.0, 1.0),))
    assert not without_effect(clips(spans), chosen)


def test_clip_by_clip_says_something_where_groups_or_lists_are_torn() -> None:
    chosen = options("x", split_by="clip")
    given = [Record(s, Path(s), (0,), split=s) for s in SPLITS]
    assert set(without_effect(clips(*given), chosen)) == {"split_by"}
    assert set(without_effect(clips(*given[:2]), chosen)) == {"split_by"}
    assert set(without_effect(clips(*given, replace(given[0], name="x")), chosen)) == {"split_by"}
    undecided = [replace(given[0], name=name, split=None) for name in "ab"]
    assert set(without_effect(clips(*undecided), chosen)) == {"split_by"}
    assert not without_effect(clips(*given, replace(given[0], name="x", group="ann")), chosen)
    assert not without_effect(clips(*given, replace(given[0], name="x", split="test")), chosen)


def test_a_packed_folder_looks_at_what_it_has(packed: Path, videos: Path) -> None:
    source = read_source(options(packed, object_classes=5))
    assert source.object_classes == 5
    for word in ("", "frames_db:", "folder:"):
        for option in ("protocol", "videos"):
            with pytest.raises(DataError, match=f"--{option}"):
                read_source(options(f"{word}{packed}", **{option: str(videos)}))


def test_all_are_named_together_and_a_run_of_before_goes_on(videos: Path) -> None:
    chosen = options(videos, protocol="2", train_clips=3)
    with pytest.raises(DataError, match=r"(?s)--protocol 2: it has no.*--train-clips 3 \(by def"):
        load.load_data(chosen)
    assert load.load_data(chosen, reading=1).reading == 2


def test_settings_of_another_source_leave_its_own_behind() -> None:
    source = {"source": "ucf101:x", "protocol": "2", "videos": "y"}
    recorded = {"source": source, "clips": {"size": 64}, "planted": {"val_clips": 3}}
    assert for_source(recorded, "ucf101:x") == recorded
    kept = {"clips": {"size": 64}, "planted": {}}
    assert for_source(recorded, "b.csv") == {"source": {"source": "b.csv"}, **kept}
    named = for_source(recorded, "b.csv", keep_name=True)
    assert named == {"source": {"source": "ucf101:x"}, **kept}
