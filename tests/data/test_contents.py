"""A file that changes is noticed, even where its size and its times stay as they were."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from connsearch.data.loading import first_look
from connsearch.data.loading.load import load_data
from connsearch.data.media import contents
from connsearch.data.media.contents import BLOCK, MARKS, UNREADABLE, Kind, mark_of, read_contents
from connsearch.data.records import Record
from tests.data.helpers import options

LARGE = 10 * BLOCK


def flip(path: Path, place: int) -> None:
    """Changes one byte and sets the times back."""
    found = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.mp4"
    path.write_bytes(bytes(LARGE))
    return path


@pytest.mark.parametrize(
    ("place", "seen_by"),
    [
        (0, ("sample", "full")),
        (BLOCK - 1, ("sample", "full")),
        (LARGE // 2, ("sample", "full")),
        (LARGE - BLOCK, ("sample", "full")),
        (LARGE - 1, ("sample", "full")),
        (BLOCK, ("full",)),
        (3 * BLOCK, ("full",)),
    ],
)
def test_a_sample_sees_three_parts_and_full_sees_all(
    large: Path, place: int, seen_by: tuple[str, ...]
) -> None:
    kinds: tuple[Kind, ...] = ("sample", "full")
    before = {kind: mark_of(large, kind) for kind in kinds}
    flip(large, place)
    after = {kind: mark_of(large, kind) for kind in kinds}
    assert tuple(kind for kind in kinds if after[kind] != before[kind]) == seen_by


@pytest.mark.parametrize("size", [1, BLOCK, 3 * BLOCK])
def test_of_a_small_file_every_byte_counts(tmp_path: Path, size: int) -> None:
    path = tmp_path / "small"
    path.write_bytes(bytes(size))
    marks = {mark_of(path, "sample")}
    for place in {0, size // 3, size // 2, size - 1}:
        flip(path, place)
        marks.add(mark_of(path, "sample"))
    assert len(marks) == 1 + len({0, size // 3, size // 2, size - 1})


def test_a_folder_counts_by_its_names_and_some_of_its_pictures(tmp_path: Path) -> None:
    for n in range(9):
        (tmp_path / f"{n}.png").write_bytes(bytes([n, 0]))
    (tmp_path / "notes.txt").write_text("no picture")
    first, whole = mark_of(tmp_path, "sample"), mark_of(tmp_path, "full")
    (tmp_path / "notes.txt").unlink()
    assert mark_of(tmp_path, "sample") == first
    flip(tmp_path / "2.png", 1)
    assert mark_of(tmp_path, "sample") == first
    assert mark_of(tmp_path, "full") != whole
    for n in (0, 4, 8):
        before = mark_of(tmp_path, "sample")
        flip(tmp_path / f"{n}.png", 1)
        assert mark_of(tmp_path, "sample") != before
    before = mark_of(tmp_path, "sample")
    (tmp_path / "3.png").rename(tmp_path / "3a.png")
    assert mark_of(tmp_path, "sample") != before


def test_what_cannot_be_read_has_a_mark_of_its_own(tmp_path: Path) -> None:
    assert mark_of(tmp_path / "gone", "sample") == UNREADABLE
    assert mark_of(tmp_path / "a\0b", "full") == UNREADABLE


def records(folder: Path, count: int) -> list[Record]:
    out: list[Record] = []
    for n in range(count):
        path = folder / f"{n}.mp4"
        path.write_bytes(f"{n}".encode())
        out.append(Record(path.name, path, (0,)))
    return out


@pytest.mark.parametrize("count", [3, MARKS, MARKS + 10])
def test_what_changed_is_named(tmp_path: Path, count: int) -> None:
    train = records(tmp_path, count)
    lists = {"train": train, "val": train[:1], "test": ()}
    before = read_contents(lists, "sample")  # pyright: ignore[reportArgumentType]
    assert len(before.marks["train"]) <= MARKS
    flip(tmp_path / "2.mp4", 0)
    after = read_contents(lists, "sample")  # pyright: ignore[reportArgumentType]
    assert after.hashes["train"] != before.hashes["train"]
    assert after.hashes["val"] == before.hashes["val"]
    named = after.changed(before.marks)
    assert named == (["2.mp4"] if count <= MARKS else ["2.mp4 to 3.mp4"])


def test_what_was_read_is_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = records(tmp_path, 3)
    lists = {"train": train, "val": (), "test": ()}
    cache = tmp_path / "cache.sqlite"

    def read() -> dict[str, str]:
        return dict(read_contents(lists, "sample", cache=cache).hashes)  # pyright: ignore[reportArgumentType]

    before = read()  # written a moment ago: nothing is remembered
    now = time.time_ns()
    monkeypatch.setattr(contents.time, "time_ns", lambda: now + 10**10)
    assert read() == before
    with monkeypatch.context() as patch:
        patch.setattr(contents, "mark_of", None)  # nobody is asked again
        assert read() == before
    flip(tmp_path / "1.mp4", 0)  # same size, same time of change
    assert read() != before


def test_the_content_belongs_to_the_fingerprint(listing: Path, videos: Path) -> None:
    before = load_data(options(listing))
    path = videos / "sit" / "person-b.mp4"
    whole = path.read_bytes()
    try:
        flip(path, len(whole) // 2)
        after = load_data(options(listing, bad_share=1.0))
    finally:
        path.write_bytes(whole)
    assert after.fingerprint != before.fingerprint
    assert (after.earlier, after.hashes) == (before.earlier, before.hashes)
    again = load_data(options(listing))
    assert again.fingerprint == before.fingerprint
    assert load_data(options(listing, fingerprint="full")).fingerprint != before.fingerprint


def test_object_maps_belong_to_the_content(listing: Path, videos: Path) -> None:
    before = load_data(options(listing, object_classes=3))
    path = videos / "sit" / "person-b.npz"
    whole = path.read_bytes()
    try:
        flip(path, len(whole) - 1)
        after = load_data(options(listing, object_classes=3))
    finally:
        path.write_bytes(whole)
    assert after.fingerprint != before.fingerprint


def test_a_large_data_set_remembers_beside_its_infos(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MANY", 10)
    first = load_data(options(videos, cache=tmp_path))
    assert (tmp_path / "contents.sqlite").is_file()
    assert load_data(options(videos, cache=tmp_path)).fingerprint == first.fingerprint
