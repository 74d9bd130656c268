"""Files that are being written: whole or as they were, their drafts taken over from the dead."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connsearch.files.drafts import alone, is_draft, remove_abandoned, replacing


def draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.connsearch.tmp")


def test_a_file_is_replaced_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as draft:
        draft.write_text("half")
        assert path.read_text() == "old"
        assert draft == draft_of(path)
        draft.write_text("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ZeroDivisionError])
def test_what_fails_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as draft:
            draft.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    draft_of(tmp_path / "a.txt").write_text("a long text that is half of what was to be written")
    with replacing(tmp_path / "a.txt") as draft:
        assert draft.read_bytes() == b""
        draft.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_who_write_one_file_wait_for_each_other(tmp_path: Path) -> None:
    path, inside, most, guard = tmp_path / "a.txt", 0, 0, threading.Lock()

    def write(number: int) -> None:
        nonlocal inside, most
        with replacing(path) as draft:
            with guard:
                inside, most = inside + 1, max(most, inside + 1)
            draft.write_text(str(number) * 1000)
            with guard:
                inside -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(10)))
    text = path.read_text()
    assert len(text) == 1000
    assert len(set(text)) == 1
    assert most == 1
    assert os.listdir(tmp_path) == ["a.txt"]


def link_to_a_treasure(draft: Path) -> None:
    treasure = draft.parent / "treasure"
    treasure.write_text("gold")
    draft.symlink_to(treasure)


def pipe(draft: Path) -> None:
    os.mkfifo(draft)


def folder(draft: Path) -> None:
    draft.mkdir()


@pytest.mark.parametrize("lay", [link_to_a_treasure, pipe, folder])
def test_something_else_of_that_name_is_left_alone(
    tmp_path: Path, lay: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.txt"
    lay(draft_of(path))
    before = sorted(os.listdir(tmp_path))
    with replacing(path) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "a.txt"])
    if "treasure" in before:
        assert (tmp_path / "treasure").read_text() == "gold"


def test_a_file_has_the_mode_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.txt") as draft:
            draft.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_only_drafts_nobody_holds_are_removed(tmp_path: Path) -> None:
    dead = draft_of(tmp_path / "dead.txt")
    dead.write_text("half")
    with replacing(tmp_path / "alive.txt") as draft:
        draft.write_text("half")
        remove_abandoned(path for path in tmp_path.iterdir() if is_draft(path))
        assert os.listdir(tmp_path) == [draft.name]
        draft.write_text("whole")
    assert (tmp_path / "alive.txt").read_text() == "whole"


def test_one_after_the_other_is_let_in(tmp_path: Path) -> None:
    inside = threading.Semaphore(1)

    def enter(_: int) -> bool:
        with alone(tmp_path / ".turn") as sure:
            assert inside.acquire(blocking=False)
            inside.release()
            return sure

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(enter, range(20)))
    assert os.listdir(tmp_path) == []
