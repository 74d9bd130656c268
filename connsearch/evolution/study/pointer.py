"""``study.json``: which study a directory belongs to, and whether it is followed.

A directory may be untrusted. So the file in it is followed only to a study in the directory itself;
a study elsewhere is opened only if the command line names the same place.
"""

from __future__ import annotations

import json
import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from connsearch.errors import RunError
from connsearch.evolution.study.address import (
    JOURNAL,
    MEMORY,
    absolute,
    checked,
    file_of,
    hidden,
    is_same,
    is_within,
)
from connsearch.files.disk import is_plain
from connsearch.files.drafts import alone, replacing
from connsearch.graph.files import atomic_write_bytes

POINTER = "study.json"
"""Where the study of a directory is, and its name."""

_LARGEST = 65536
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Pointer:
    """The study of a directory.

    Attributes:
        storage: without user, password and values of a query; None: a journal in the directory.
        name: of the study in its storage.
    """

    storage: str | None
    name: str

    @classmethod
    def to(cls, storage: str | None, name: str) -> Pointer:
        """Returns the pointer to a study.

        Raises:
            SettingsError: such a storage may not be named.
        """
        return cls(None if storage is None else hidden(absolute(checked(storage))), name)

    @property
    def words(self) -> str:
        """Its description in an error."""
        return f"study {self.name!r} in {self.storage or 'its own journal'}"

    def text(self) -> str:
        """Returns the content of the file."""
        return json.dumps({"storage": self.storage, "name": self.name}, indent=1) + "\n"


def read_pointer(directory: Path) -> Pointer | None:
    """Returns the study of a directory; None where it has none.

    Raises:
        RunError: the file cannot be read, or is not what ``connsearch evolve`` writes.
    """
    path = directory / POINTER
    if not os.path.lexists(path):
        return None
    try:
        found = json.loads(_bytes(path))
        storage, name = _fields(found)
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise RunError(
            f"{path}: cannot be read: {reason}\n"
            '  allowed: {"storage": text or null, "name": text}, as connsearch evolve writes it'
        ) from None
    return Pointer(None if storage is None else _moved(hidden(storage), directory), name)


def place_of(directory: Path, pointer: Pointer, storage: str | None) -> str:
    """Returns where the study of a directory is opened.

    Args:
        directory: whose study it is.
        pointer: as the directory has it.
        storage: from the command line, or None.

    Raises:
        RunError: the study is elsewhere and the command line does not name that place.
        SettingsError: such a storage may not be named.
    """
    own = pointer.storage or str(directory / JOURNAL)
    if storage is not None:
        if is_same(absolute(checked(storage)), own):
            return storage
        raise RunError(
            f"{directory}: belongs to {pointer.words}, not to {hidden(storage)}\n"
            "  cure: use that --storage, or choose another directory (--run)"
        )
    if own == MEMORY:
        raise RunError(f"{directory}: its study was in memory and ended with its process")
    if is_within(own, directory):
        return own
    where = os.path.realpath(own) if pointer.storage is None else own
    raise RunError(
        f"{directory}: its study is outside the directory, in {where}; connsearch opens such a "
        f"study only if you name it\n  cure: if this is your study, add --storage "
        f"{shlex.quote(where)}{' with the values hidden by ***' if '***' in where else ''}"
    )


def needed_storage(directory: Path) -> str:
    """Returns the option that commands need to read a directory's study; empty if it is inside."""
    pointer = read_pointer(directory)
    own = None if pointer is None else pointer.storage
    if own is None or own == MEMORY or is_within(own, directory):
        return ""
    return f" --storage {shlex.quote(own)}"


def keep_pointer(directory: Path, pointer: Pointer) -> None:
    """Writes the pointer of a directory that has none; one that contains secrets is replaced."""
    path = directory / POINTER
    if not path.exists():
        _write_once(path, pointer.text())
    elif _has_secrets(path):
        atomic_write_bytes(path, pointer.text().encode())


def _moved(storage: str, directory: Path) -> str:
    """The place of a database that was written inside of a directory which has another name now.

    Nothing outside is opened for it: where the file is no longer where it was, the one of that
    name in the directory itself is meant.
    """
    file = file_of(storage)
    if file is None or "://" not in storage or not file.is_absolute() or os.path.lexists(file):
        return storage
    here = directory.absolute() / file.name
    return storage.replace(str(file), str(here)) if is_plain(here) else storage


def _has_secrets(path: Path) -> bool:
    """Whether a pointer of an earlier version contains what is hidden today."""
    storage, _ = _fields(json.loads(_bytes(path)))
    return storage is not None and hidden(storage) != storage


def _fields(found: object) -> tuple[str | None, str]:
    if not isinstance(found, dict) or set(cast("dict[str, Any]", found)) != {"storage", "name"}:
        raise ValueError("not what connsearch evolve writes")
    for key, value in cast("dict[str, object]", found).items():
        if key == "storage" and value is None:
            continue
        if not isinstance(value, str) or not value or len(value) > _LONGEST or "\0" in value:
            raise ValueError(f"{key} is not text of 1 to {_LONGEST} characters")
    storage, name = cast("dict[str, Any]", found)["storage"], cast("dict[str, str]", found)["name"]
    if storage is not None and not storage.isprintable():
        raise ValueError("storage is not printable")
    return storage, name


def _bytes(path: Path) -> bytes:
    """The content of a small file; a pipe in its place is refused instead of waited for."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("is not a regular file")
        if facts.st_size > _LARGEST:
            raise ValueError(f"{facts.st_size:,} bytes; at most {_LARGEST:,} are read")
        return file.read(_LARGEST)


def _write_once(path: Path, text: str) -> None:
    """Writes a file; of several simultaneous writers one wins, and no reader sees half of it."""
    with alone(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            with replacing(path) as draft:
                draft.write_text(text, encoding="utf-8")
