"""Files: never waited for, written whole, with the mode the umask gives, and full disks by name."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from connsearch.errors import Failure, UserError
from connsearch.files import disk
from connsearch.files.disk import (
    DiskFullError,
    UnreadableError,
    atomic_write_bytes,
    atomic_write_text,
    is_folder,
    is_plain,
    is_there,
    names_in,
    open_plain,
    read_plain,
    require_plain,
    writing,
)


@pytest.fixture(params=[0o022, 0o027, 0o002])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def special(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        here = os.getcwd()
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "directory", "device", "socket"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.json"
    special(path, kind)
    for read in (open_plain, read_plain, require_plain):
        with pytest.raises(UnreadableError, match=f"x.json: is a {kind}.*, not a file") as caught:
            read(path)
        assert isinstance(caught.value, UserError)
        assert isinstance(caught.value, OSError)
    assert is_there(path)
    assert not is_plain(path)


def test_a_path_with_a_null_byte_is_no_file() -> None:
    with pytest.raises(FileNotFoundError, match="a"):
        open_plain("a\0b")


def test_a_file_is_read_and_one_that_is_too_large_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_plain(path) == b"12345"
    with pytest.raises(UnreadableError, match="5 bytes; allowed are at most 4"):
        read_plain(path, most=4)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "y")


def test_what_may_not_be_looked_at_is_not_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: object, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    assert [f(tmp_path / "x") for f in (is_there, is_plain, is_folder)] == [False] * 3
    assert names_in(tmp_path / "x") == []
    monkeypatch.setattr(disk.os, "stat", denied)
    monkeypatch.setattr(disk.os, "listdir", denied)
    for ask in (is_there, is_plain, is_folder, names_in, open_plain):
        with pytest.raises(
            UnreadableError, match=r"x: permission denied\n  cure: change the permissions"
        ):
            ask(tmp_path / "x")


def test_a_new_file_has_the_mode_of_the_umask_and_a_replaced_one_its_own(
    tmp_path: Path, mask: int
) -> None:
    path = tmp_path / "x"
    atomic_write_text(path, "a")
    assert mode(path) == 0o666 & ~mask
    path.chmod(0o640)
    atomic_write_text(path, "b")
    assert (mode(path), path.read_text()) == (0o640, "b")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    atomic_write_text(tmp_path / "link", "b")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "b"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):  # nobody reads: said, not waited for
        atomic_write_bytes(path, b"x")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    atomic_write_bytes(path, b"hello")
    assert os.read(reader, 10) == b"hello"
    os.close(reader)
    assert path.is_fifo()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_by_name_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(DiskFullError) as caught:
        atomic_write_text(path, "new")
    assert isinstance(caught.value, Failure)
    message = str(caught.value)
    assert message.startswith(f"{path}: could not be written: ")
    assert "are free on its file system" in message
    assert "cure: " in message
    assert "rerun the same command" in message
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert path.read_text() == "old"


def test_other_errors_stay_what_they_are_and_get_a_name() -> None:
    with pytest.raises(OSError, match=r"x\.csv") as caught, writing("x.csv"):
        raise OSError(errno.EIO, "Input/output error")
    assert not isinstance(caught.value, DiskFullError)
