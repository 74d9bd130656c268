"""Files on a disk: opened without waiting, read within limits, written completely or not at all.

A file that the user names is opened here, or checked by :func:`require_plain` first: a pipe, a
socket or a device of that name would block or never end. Every file is written here: it exists
completely or not at all, with the mode the umask gives, and a full disk is reported with the
file's name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from connsearch.errors import Failure, UserError
from connsearch.files.drafts import replacing
from connsearch.files.text import as_utf8

AnyPath = str | os.PathLike[str]

LARGEST = 1 << 28
"""Bytes of the largest text file that is read at once: 256 MiB."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the system if there is no space for a file."""
REFUSED = FULL | {errno.EACCES, errno.EPERM, errno.EROFS}
"""Errors of the system if nothing can be written for now."""
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ALLOW = "change the permissions (chmod, chown), or run as the owner"
_ROOM = "free space there, then rerun the same command to resume"
_CURES = {
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: "choose a writable place",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the file size limit (ulimit -f), then rerun the same command to resume",
}


class UnreadableError(UserError, OSError):
    """A file that is there and cannot be opened: no permission, a pipe, a device, too large."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}{cure_line(cure_for(self))}"


class DiskFullError(Failure, OSError):
    """A file that could not be written because there is no space for it."""

    def __str__(self) -> str:
        return f"{self.filename}: could not be written: {self.strerror}{cure_line(cure_for(self))}"


def reason(error: Exception) -> str:
    """Returns the system's message, in lower case and without the path.

    >>> reason(FileNotFoundError(2, "No such file or directory", "x"))
    'no such file or directory'
    """
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said[:1].lower() + said[1:]


def cure_for(error: Exception) -> str:
    """Returns the usual cure of an error of the system, or an empty text."""
    if not isinstance(error, OSError):
        return ""
    return _CURES.get(error.errno or 0, "")


def is_there(path: AnyPath) -> bool:
    """Returns whether anything of that name exists.

    ``Path.exists`` and ``is_file`` return False without permission (Python 3.14), so an unreadable
    run would look like a missing one.

    Raises:
        UnreadableError: permission denied.
    """
    return _status(path) is not None


def is_plain(path: AnyPath) -> bool:
    """Returns whether there is a regular file of that name.

    Raises:
        UnreadableError: permission denied.
    """
    found = _status(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_folder(path: AnyPath) -> bool:
    """Returns whether there is a directory of that name.

    Raises:
        UnreadableError: permission denied.
    """
    found = _status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def names_in(folder: AnyPath) -> list[str]:
    """Returns the sorted names in a folder; none where there is no such folder.

    ``Path.glob`` treats an unreadable folder as empty.

    Raises:
        UnreadableError: it cannot be read, or is not a folder.
    """
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error) from None


def open_plain(path: AnyPath) -> BinaryIO:
    """Returns a regular file, opened to read; anything else is refused without waiting.

    Raises:
        FileNotFoundError: no such file.
        UnreadableError: it is something else, or cannot be read.
    """
    try:
        _refuse_special(path, os.stat(path).st_mode)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, UnreadableError):
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError:  # a null byte: not a file name
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path)) from None
    try:
        _refuse_special(path, os.fstat(handle).st_mode)  # it may have been replaced meanwhile
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def open_text(
    path: AnyPath, *, encoding: str = "utf-8", newline: str | None = None
) -> io.TextIOWrapper:
    """Returns a regular file, opened to read as text; as :func:`open_plain`."""
    return io.TextIOWrapper(open_plain(path), encoding=encoding, newline=newline)


def require_plain(path: AnyPath) -> None:
    """Refuses a path that a library must not open by its name.

    Raises:
        FileNotFoundError: no such file.
        UnreadableError: it is not a regular file, or cannot be read.
    """
    open_plain(path).close()


def read_plain(path: AnyPath, *, most: int = LARGEST) -> bytes:
    """Returns the bytes of a regular file of at most ``most`` bytes.

    Raises:
        FileNotFoundError: no such file.
        UnreadableError: it is something else, cannot be read, or is larger.
    """
    with open_plain(path) as file:
        try:
            found = file.read(most + 1)
        except OSError as error:
            raise _unreadable(path, error) from None
        if len(found) > most:
            size = os.fstat(file.fileno()).st_size
            said = f"{size} bytes; allowed are at most {most}"
            raise UnreadableError(errno.EMSGSIZE, said, os.fspath(path))
    return found


def sha256_of(path: AnyPath) -> str:
    """Returns the SHA-256 of a regular file of any size, in hexadecimal digits.

    Raises:
        FileNotFoundError: no such file.
        UnreadableError: it is something else, or cannot be read.
    """
    found = hashlib.sha256()
    with open_plain(path) as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


@contextlib.contextmanager
def writing(path: AnyPath) -> Generator[None]:
    """Adds the file's name to errors inside, and the free space if the disk is full.

    Raises:
        DiskFullError: the disk, the quota or the allowed size of a file is exhausted.
    """
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise disk_full(path, error) from None
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


def disk_full(path: AnyPath, error: Exception) -> DiskFullError:
    """Returns the error of a file there is no space for, with the free space."""
    code = (error.errno if isinstance(error, OSError) else None) or errno.ENOSPC
    return DiskFullError(code, f"{reason(error)}{_free(path)}", os.fspath(path))


def atomic_write_text(path: AnyPath, text: str) -> None:
    r"""Writes UTF-8 text so that a reader sees the old file or the new one, never half of it.

    A name in it that is not UTF-8 does not end the work: such bytes are written as ``\xe9``, and
    control characters likewise.
    """
    atomic_write_bytes(path, as_utf8(text))


def atomic_write_bytes(path: AnyPath, data: bytes) -> None:
    """Writes bytes to a temporary file next to ``path``, flushes it to disk and renames it.

    A new file has the mode the umask gives; one that is replaced keeps its own, and where ``path``
    is a link, its target is replaced. A device or a pipe is written to and stays what it is.

    Raises:
        DiskFullError: there is no space; an existing file is unchanged.
    """
    found = _status(path)
    with writing(path):
        if found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            _write_through(path, data)
            return
        target = Path(os.path.realpath(path) if os.path.islink(path) else path)
        _replace(target, data, None if found is None else stat.S_IMODE(found.st_mode))


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    try:
        with replacing(path) as draft:
            if mode is not None:
                draft.chmod(mode)
            draft.write_bytes(data)
    except OSError as error:
        if error.filename is not None:
            error.filename, error.filename2 = os.fspath(path), None  # the other name is temporary
        raise


def _write_through(path: AnyPath, data: bytes) -> None:
    """Writes to a device or a pipe; a pipe without a reader is an error, not a wait."""
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _status(path: AnyPath) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:  # a null byte: not a file name
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
            return None
        raise _unreadable(path, error) from None


def _refuse_special(path: AnyPath, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise UnreadableError(code, f"is {kind}, not a file", os.fspath(path))


def _unreadable(path: AnyPath, error: OSError) -> UnreadableError:
    return UnreadableError(error.errno, reason(error), os.fspath(path))


def cure_line(cure: str) -> str:
    """Returns the line that ends a message; empty without a known cure."""
    return f"\n  cure: {cure}" if cure else ""


def _free(path: AnyPath) -> str:
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
        return f"; {free / 2**20:,.1f} MiB are free on its file system"
    return ""
