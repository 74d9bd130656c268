"""Arrays of npy and npz files, read in blocks: the size in a header is never allocated unchecked.

The header is read first and compared with the bytes that are there; then the values come in
blocks of a few megabytes. Nothing that is stored can run code: objects are refused.

Shape letters: T maps, H W pixels.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from connsearch.data.bounds import ARRAY_FAULTS, shortly
from connsearch.errors import DataError

MOST_ARRAY = 2**34
"""Bytes of an array: 16 GiB, as unpacked."""
MOST_SLICE = 2**28
"""Bytes of one map, the smallest block in memory: 256 MiB."""
_BLOCK = 2**23
_PIECE = 2**20
_HEADER = 2**16
_DEFLATE = 1032
"""Bytes that deflate unpacks from one byte at most."""

_CURE = "cure: write the file again with numpy.savez_compressed, or remove the clip from the list"
_KINDS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}


@dataclass(frozen=True, slots=True)
class ArrayPart:
    """A part of an array (T, H, W): some maps whole, or some columns of all maps.

    Attributes:
        first: the first map of it.
        column: the first column of it.
        values: (t, H, w).
    """

    first: int
    column: int
    values: npt.NDArray[Any]


class _FileFault(Exception):
    """What is wrong with a file; the path and the cure are added where they are known."""


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Returns at most so many bytes, nothing only at the end."""
        ...


class StoredArray:
    """An array whose header has been read and found to fit what is there.

    Attributes:
        shape: as the header says.
        dtype: of its values, never objects.
    """

    def __init__(
        self,
        path: Path,
        stream: Readable,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        fortran: bool,
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._path, self._stream, self._fortran = path, stream, fortran

    def blocks(self) -> Iterator[ArrayPart]:
        """Yields the values of an array of three axes, once, in blocks of about 8 MB."""
        # Fortran order is the array (W, H, T) in the order of C
        shape = self.shape[::-1] if self._fortran else self.shape
        slice_bytes = shape[1] * shape[2] * self.dtype.itemsize
        if slice_bytes > MOST_SLICE:
            raise DataError(
                f"{self._path}: one of its maps has {slice_bytes} bytes; allowed: {MOST_SLICE}; "
                f"{_CURE}"
            )
        many = max(1, _BLOCK // max(1, slice_bytes))
        for first in range(0, shape[0], many):
            count = min(many, shape[0] - first)
            values = self._values((count, *shape[1:]))
            if self._fortran:
                yield ArrayPart(0, first, values.transpose(2, 1, 0))
            else:
                yield ArrayPart(first, 0, values)
        with _named(self._path):
            while self._stream.read(_PIECE):  # to its end: only there the check sum is compared
                pass

    def _values(self, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        values = np.empty(shape, self.dtype)
        into = values.reshape(-1).view(np.uint8)
        done = 0
        while done < len(into):
            with _named(self._path):
                piece = self._stream.read(min(_PIECE, len(into) - done))
                if not piece:
                    raise EOFError(f"it ends at least {len(into) - done} bytes early")
            into[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
            done += len(piece)
        return values


@contextmanager
def opened_array(path: Path, *, name: str = "classes") -> Generator[StoredArray]:
    """Opens an npy file, or an array of an npz file, whose values are read with ``blocks``.

    Args:
        path: of the file.
        name: of the array in an npz; the only array of one may be called anything.

    Raises:
        DataError: any fault of the file, here or while it is read, with its name.
    """
    with ExitStack() as stack:
        with _named(path):
            stored = _opened(path, name, stack)
        yield stored


def _opened(path: Path, name: str, stack: ExitStack) -> StoredArray:
    """Returns the array of a file that the stack will close."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would never end
        raise _FileFault("not a regular file")
    file = stack.enter_context(_Guarded(io.FileIO(path)))
    start = file.read(npy.MAGIC_LEN)
    file.seek(0)
    if start.startswith(npy.MAGIC_PREFIX):
        return _stored(path, file, found.st_size)
    if not start.startswith(b"PK"):
        raise ValueError("it begins like neither of them")
    archive = stack.enter_context(zipfile.ZipFile(file))
    info = _member(archive, name, found.st_size)
    return _stored(path, stack.enter_context(archive.open(info)), info.file_size)


@contextmanager
def _named(path: Path) -> Generator[None]:
    """Whatever the libraries raise on damaged bytes becomes a DataError with the path."""
    try:
        yield
    except _FileFault as error:
        raise DataError(f"{path}: {error}; {_CURE}") from None
    except ARRAY_FAULTS as error:
        said = next((arg for arg in error.args if isinstance(arg, str)), type(error).__name__)
        raise DataError(f"{path}: not readable as npy or npz ({said[:200]}); {_CURE}") from error


class _Guarded(io.BufferedReader):
    """A file that is read in small pieces only, whatever its directory claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            here = self.tell()
            size = self.seek(0, io.SEEK_END) - here
            self.seek(here)
        if size > _PIECE:
            raise ValueError(f"its directory claims {size} bytes")
        return super().read(size)


class _Limited:
    """A stream whose header is short."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _HEADER:
            raise ValueError(f"a header of {size} bytes")
        found = self._stream.read(size)
        self.taken += len(found)
        return found


def _member(archive: zipfile.ZipFile, name: str, size: int) -> zipfile.ZipInfo:
    """Returns the member that holds the array of that name, or the only one."""
    names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
    place = names.index(name) if name in names else 0
    if not names or (name not in names and len(names) > 1):
        few = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
        raise _FileFault(f"arrays {few or 'none'}; expected: {name}")
    info = archive.infolist()[place]
    if info.flag_bits & 1:
        raise _FileFault("its array is encrypted; allowed: no password")
    if info.compress_type not in _KINDS:
        raise _FileFault(
            f"compression method {info.compress_type}; allowed: {' or '.join(_KINDS.values())}"
        )
    most = info.compress_size
    if info.compress_type == zipfile.ZIP_DEFLATED:
        most = most * _DEFLATE + _HEADER
    if info.compress_size > size or info.file_size > most:
        raise _FileFault(
            f"its directory says {info.file_size} bytes, packed into {info.compress_size}; the "
            f"whole file has {size}"
        )
    return info


def _stored(path: Path, stream: Readable, size: int) -> StoredArray:
    """Returns the array that begins here, if all of it can be there.

    Args:
        path: of the file.
        stream: what it is read from.
        size: bytes of the whole stream, header included.
    """
    header = _Limited(stream)
    readers: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[Any]]]]
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(header)
    if version not in readers:
        raise _FileFault(f"npy version {version}; allowed: (1, 0), (2, 0)")
    shape, fortran, dtype = readers[version](header)
    if dtype.hasobject:
        raise _FileFault("not readable as npy or npz (objects are stored in it)")
    if any(side < 0 for side in shape) or dtype.itemsize == 0:
        raise _FileFault(f"an array of {str(dtype)[:60]} with the shape {shortly(shape)}")
    needed = dtype.itemsize
    for side in shape:
        needed *= side
    if needed > size - header.taken or needed > MOST_ARRAY:
        raise _FileFault(
            f"its header claims {needed} bytes, shape {shortly(shape)} of {str(dtype)[:60]}; there "
            f"are {max(0, size - header.taken)}, allowed are {MOST_ARRAY}"
        )
    return StoredArray(
        path, stream, tuple(int(side) for side in shape), dtype, fortran=bool(fortran)
    )
