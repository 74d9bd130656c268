"""Paths at which something is going to be written, looked at before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from connsearch.errors import SettingsError

_LONGEST_NAME = 255
"""Bytes of a name that file systems take."""
_BEGINNING = 128
_LONGEST_PATH = 4095 - _BEGINNING
"""Bytes of a path that a system call takes, less what the name of a draft may add."""


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def beginning(name: str) -> str:
    """Returns the beginning of a name, for that of its draft: with something added it still fits.

    >>> len(beginning("a" * 255)), beginning("result.json")
    (128, 'result.json')
    """
    return os.fsdecode(os.fsencode(name)[:_BEGINNING])


def check_path(path: str | Path, *, below: int = 0, utf8: bool = False) -> None:
    """Refuses a path at which nothing can be written, before any work is done.

    Args:
        path: the file or directory.
        below: bytes of the longest path inside the directory.
        utf8: weight files will be written there, which can be read at UTF-8 paths only.

    Raises:
        SettingsError: its name or path is longer than the system allows, or is not UTF-8 although
            it must be.
    """
    path = Path(path)
    whole = os.path.abspath(path)
    name, length = len(os.fsencode(path.name)), len(os.fsencode(whole)) + below
    if name > _LONGEST_NAME or length > _LONGEST_PATH:
        what = f"a name of {name} bytes" if name > _LONGEST_NAME else f"a path of {length} bytes"
        raise SettingsError(
            f"{str(path)[:60]}...: {what}; allowed: names of {_LONGEST_NAME}, paths of "
            f"{_LONGEST_PATH}\n  cure: a shorter name, or a directory nearer to the root"
        )
    if utf8 and not _is_utf8(str(path)):
        raise SettingsError(
            f"{path}: this path is not UTF-8, and weight files in it could not be read again\n"
            "  cure: another directory, or a path relative to one below which all names are UTF-8"
        )


def make_room(path: str | Path, *, below: int = 0) -> None:
    """Makes the folder of a file or directory that is to be written, before any work is done.

    Raises:
        SettingsError: as :func:`check_path`, or no folder can be made there.
    """
    check_path(path, below=below)
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{path.parent}: the folder cannot be created ({error.strerror})"
        ) from error
