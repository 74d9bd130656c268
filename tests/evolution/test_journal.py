"""A journal cut off anywhere is mended; a journal damaged elsewhere is refused."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connsearch.evolution.child import Outcome
from connsearch.evolution.study.journal import JournalLock, is_journal, repair_tail
from connsearch.evolution.study.patience import StorageError
from connsearch.evolution.study.storage import open_storage
from tests.evolution.engine import evolution_of, options_of, read, study_of


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A real one: some children are judged, one is being judged."""
    path = tmp_path / "study.journal"
    evolution = evolution_of(path)
    for _ in range(3):
        task = evolution.ask(rounds=4)
        assert task is not None
        evolution.tell(task, Outcome((0.5,)))
    evolution.ask(rounds=4)
    return path


def test_every_cut_through_the_last_two_lines_is_mended(journal: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of times
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    kept = whole[: -len(lines[-1]) - len(lines[-2])]
    for end in range(len(kept), len(whole) + 1):
        torn_file = journal.with_name(journal.name + ".torn")
        torn_file.unlink(missing_ok=True)
        journal.write_bytes(whole[:end])
        torn = repair_tail(journal)
        last = whole[:end].rfind(b"\n") + 1
        assert journal.read_bytes() == whole[:last]
        assert torn == whole[last:end]
        assert (torn_file.read_bytes() if torn else b"\n") == torn + b"\n"


@pytest.mark.parametrize("cut", [1, 2, 30, 150, 220])
def test_a_study_goes_on_behind_a_torn_line(journal: Path, cut: int) -> None:
    journal.write_bytes(journal.read_bytes()[:-cut])
    evolution = evolution_of(journal)
    task = evolution.ask(rounds=9)
    assert task is not None
    assert evolution.tell(task, Outcome((0.9,)))
    assert task.child.number in read(journal).judged


def test_a_line_that_is_torn_while_others_work_is_mended_by_the_next(journal: Path) -> None:
    study, other = study_of(journal, options_of()), study_of(journal, options_of())
    with journal.open("ab") as file:
        file.write(b'{"op_code":8,"worker_id":"kil')
    assert len(study.changed()) == len(other.changed())
    study.create("waiting", {"child": 9, "evaluation": 0, "attempt": 0})
    assert other.changed()[-1].facts["child"] == 9
    assert journal.with_name(journal.name + ".torn").read_bytes().startswith(b'{"op_code":8')


def test_a_journal_of_half_a_line_is_new(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    for text in (b"", b"{", b'{"op_code":0,"worker', b"\0\0\0\0"):
        path.write_bytes(text)
        assert is_journal(path)
        assert study_of(path, options_of()).changed() == []
        path.unlink()


@pytest.mark.parametrize(
    "text",
    [b"a letter\nto you", b"a letter", b"[1]\n", b"7\n", b"\x80\x81\n", b"SQLite format 3\0"],
)
def test_what_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "letter"
    path.write_bytes(text)
    with pytest.raises(StorageError, match="is no journal"):
        open_storage(path)
    assert path.read_bytes() == text
    assert [p.name for p in tmp_path.iterdir()] == ["letter"]


@pytest.mark.parametrize("damage", [b"not json\n", b"7\n", b"[]\n", b"{}\n", b"\xff\xfe\n"])
def test_damage_in_the_middle_is_named(journal: Path, damage: bytes) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[len(lines) // 2] = damage
    journal.write_bytes(b"".join(lines))
    with pytest.raises(StorageError, match=r"study.journal: is damaged(.|\n)*cure"):
        open_storage(journal)


def test_damage_of_the_last_line_is_named_before_anything_is_written(journal: Path) -> None:
    with journal.open("ab") as file:
        file.write(b"{half and the end of a line\n")
    before = journal.read_bytes()
    with pytest.raises(StorageError, match="is damaged"):
        open_storage(journal)
    assert journal.read_bytes() == before


_HOLD = """
import sys, time
from pathlib import Path
from connsearch.evolution.child import Outcome
from connsearch.evolution.study.journal import JournalLock
JournalLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_dies_with_its_process(journal: Path) -> None:
    line = [sys.executable, "-c", _HOLD, str(journal)]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait()
        began = time.monotonic()
        lock = JournalLock(journal)
        assert lock.acquire()
        lock.release()
        assert time.monotonic() - began < 5


def test_a_lock_is_not_kept_by_a_process_forked_meanwhile(journal: Path) -> None:
    lock = JournalLock(journal)
    lock.acquire()
    assert lock._handle is not None
    kept = os.dup(lock._handle)  # what a forked process has
    try:
        lock.release()
        with journal.with_name(journal.name + ".lock").open("rb+") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(kept)


def test_a_journal_that_cannot_be_written_is_a_failure(journal: Path, monkeypatch) -> None:
    evolution = evolution_of(journal)
    full = OSError(28, "No space left on device")

    def fail(_: int) -> None:
        raise full

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="No space left"):
        evolution.study.create("waiting", {"child": 9, "evaluation": 0, "attempt": 0})


def test_a_journal_is_read_back_as_it_was_written(journal: Path) -> None:
    history = read(journal)
    assert sorted(history.births) == [0, 1, 2, 3]
    assert len(history.open) == 1
