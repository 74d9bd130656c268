"""Object maps from disk: which class every pixel of every frame belongs to.

An ``.npy`` or ``.npz`` array of whole numbers (T, H, W) (the only array of the npz, or the one
called ``classes``), or a folder of PNG label maps, one per frame, in the order of the numbers in
their names.

Shape letters: T maps, H W pixels.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from connsearch.data.bounds import refuse_large, shortly
from connsearch.data.media.arrays import ArrayPart, opened_array
from connsearch.data.media.label_maps import FolderOfMaps
from connsearch.errors import DataError

Maps = npt.NDArray[np.uint8]


class Stored(Protocol):
    """Maps whose size is known and whose values have not been read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def blocks(self) -> Iterator[ArrayPart]:
        """Yields all values once."""
        ...


def read_objects(
    path: Path,
    *,
    frames: int | None = None,
    classes: int | None = None,
    numbers: Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
) -> Maps:
    """Returns object maps, ``uint8`` (T, H, W); the values of all maps are checked.

    Args:
        path: npz, npy or a folder of PNG.
        frames: frames of the video; None: not checked.
        classes: number of classes; None: not checked.
        numbers: maps that are kept, from 0, in any order; None: all.
        size: (H, W) to scale to; None: as stored.

    Raises:
        DataError: not such a file, not whole numbers in [0, classes), not (T, H, W), or another
            number of frames than the video.
    """
    with _checked(path, frames) as stored:
        kept = _Kept(stored.shape, np.dtype(np.uint8), numbers, size)
        low, high = _kept_range(stored, kept)
    _check_range(path, low, high, classes)
    return kept.maps


def check_objects(path: Path, *, frames: int | None = None) -> None:
    """Refuses object maps of another shape, kind or number; their values are not read.

    Raises:
        DataError: as :func:`read_objects`, but for what is wrong with the values.
    """
    with _checked(path, frames):
        pass


def greatest_class(path: Path) -> int:
    """Returns the greatest class in some object maps; read in small blocks.

    Raises:
        DataError: they cannot be read, or hold other numbers than 0 to 255.
    """
    with _checked(path, None) as stored:
        low, high = _kept_range(stored, None)
    _check_range(path, low, high, None)
    return high


def stored_shape(path: Path) -> tuple[int, ...]:
    """Returns the shape of the array in an npy or npz file, or of the PNGs of a folder as one.

    Raises:
        DataError: not such a file or folder.
    """
    with opened_maps(path) as stored:
        return stored.shape


def stored_maps(path: Path, rows: Sequence[int]) -> npt.NDArray[Any]:
    """Returns those rows of an array (R, H, W) in an npy or npz file or a folder of PNG, as stored.

    Raises:
        DataError: not such a file or folder, no numbers, or pictures of several sizes or channels.
    """
    with opened_maps(path) as stored:
        if stored.dtype.kind not in "fiub":
            raise DataError(
                f"{path}: values of {str(stored.dtype)[:60]}; expected numbers; cure: write the "
                "array as numbers"
            )
        kept = _Kept(stored.shape, stored.dtype, rows, None)
        for block in stored.blocks():
            kept.add(block)
    return kept.maps


@contextmanager
def opened_maps(path: Path) -> Generator[Stored]:
    """Opens object maps or measured rows; only their header has been read.

    Raises:
        DataError: whatever is wrong with them, here or while they are read.
    """
    if path.is_dir():
        yield FolderOfMaps(path)
    else:
        with opened_array(path) as stored:
            yield stored


@contextmanager
def _checked(path: Path, frames: int | None) -> Generator[Stored]:
    with opened_maps(path) as stored:
        shape = stored.shape
        if len(shape) != 3 or 0 in shape:
            raise DataError(
                f"{path}: object maps of shape {shortly(shape)}; expected (frames, H, W)"
            )
        if stored.dtype.kind not in "iub":
            raise DataError(
                f"{path}: object maps of {str(stored.dtype)[:60]}; expected whole numbers"
            )
        if frames is not None and shape[0] != frames:
            raise DataError(
                f"{path}: {shape[0]} object maps, the video has {frames} frames; allowed: one each"
            )
        refuse_large(str(path), (shape[1], shape[2]))
        yield stored


def _check_range(path: Path, low: int, high: int, classes: int | None) -> None:
    limit = classes or 256
    if low < 0 or high >= limit:
        raise DataError(
            f"{path}: object classes {low} to {high}; allowed: 0 to {limit - 1}; "
            "cure: renumber the classes from 0, or set --object-classes"
        )


class _Kept:
    """The maps that are wanted, filled block by block.

    Args:
        shape: (T, H, W) of what is stored.
        dtype: of what is kept.
        numbers: which maps; None: all.
        size: (H, W) to scale to; None: as stored.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        numbers: Sequence[int] | None,
        size: tuple[int, int] | None,
    ) -> None:
        self._wanted = np.asarray(range(shape[0]) if numbers is None else numbers, np.intp)
        height, width = shape[1:] if size is None else size
        self._scaled = size is not None
        self._rows, self._columns = _picks(shape[1], height), _picks(shape[2], width)
        self.maps: npt.NDArray[Any] = np.empty((len(self._wanted), height, width), dtype)

    def add(self, block: ArrayPart) -> None:
        count, _, width = block.values.shape
        places = np.flatnonzero(
            (self._wanted >= block.first) & (self._wanted < block.first + count)
        )
        columns = self._columns - block.column
        into = np.flatnonzero((columns >= 0) & (columns < width))
        for place in places:  # one by one: what is taken is never larger than one map
            values = block.values[self._wanted[place] - block.first]
            if self._scaled:
                values = values[self._rows[:, None], columns[into][None, :]]
            self.maps[place][:, into] = values


def _kept_range(stored: Stored, kept: _Kept | None) -> tuple[int, int]:
    """Returns the least and the greatest value; fills in what is kept on the way."""
    low, high = 255, 0
    for block in stored.blocks():
        low, high = min(low, int(block.values.min())), max(high, int(block.values.max()))
        if kept is not None:
            kept.add(block)
    return low, high


def scale_objects(maps: Maps, size: tuple[int, int]) -> Maps:
    """Returns the maps at that (H, W): every pixel takes the class at its own centre.

    >>> scale_objects(np.array([[[1, 2], [3, 4]]], np.uint8), (4, 2))[0].tolist()
    [[1, 2], [1, 2], [3, 4], [3, 4]]
    """
    rows, columns = (_picks(old, new) for new, old in zip(size, maps.shape[1:], strict=True))
    return maps[:, rows[:, None], columns[None, :]]


def _picks(old: int, new: int) -> npt.NDArray[np.intp]:
    """Returns the row or column that each of ``new`` takes of ``old``."""
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)
