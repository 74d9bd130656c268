"""Object maps from disk: which class every pixel of every frame belongs to.

An ``.npy`` or ``.npz`` array of whole numbers (T, H, W) (the only array of the npz, or the one
called ``classes``), or a folder of PNG label maps, one a frame, in the order of their names.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from connsearch.disk import open_plain
from connsearch.errors import DataError

Maps = npt.NDArray[np.uint8]


def read_objects(path: Path, *, frames: int | None = None, classes: int | None = None) -> Maps:
    """Returns object maps, ``uint8`` (T, H, W).

    Args:
        path: npz, npy or a folder of PNG.
        frames: frames of the video; None: not checked.
        classes: number of classes; None: not checked.

    Raises:
        DataError: not such a file, not whole numbers in [0, classes), not (T, H, W), or another
            number of frames than the video.
    """
    maps = stored_maps(path)
    if maps.ndim != 3 or maps.size == 0:
        raise DataError(f"{path}: object maps of shape {maps.shape}; expected (frames, H, W)")
    if maps.dtype.kind not in "iub":
        raise DataError(f"{path}: object maps of {maps.dtype}; expected whole numbers")
    low, high, limit = int(maps.min()), int(maps.max()), classes or 256
    if low < 0 or high >= limit:
        raise DataError(
            f"{path}: object classes {low} to {high}; allowed: 0 to {limit - 1}; "
            "cure: renumber the classes from 0, or set object_classes"
        )
    if frames is not None and len(maps) != frames:
        raise DataError(
            f"{path}: {len(maps)} object maps, the video has {frames} frames; one each is needed"
        )
    return maps.astype(np.uint8)


def stored_maps(path: Path) -> npt.NDArray[np.generic]:
    """Returns the array in an npy or npz file, or the PNGs of a folder as one, as they are.

    Raises:
        DataError: not such a file or folder, or pictures of several sizes or channels.
    """
    return _pictures(path) if path.is_dir() else _array(path)


def _array(path: Path) -> npt.NDArray[np.generic]:
    try:
        with open_plain(path) as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            names = list(loaded.files)
            name = "classes" if "classes" in names else names[0] if len(names) == 1 else None
            if name is None:
                raise DataError(f"{path}: arrays {', '.join(names) or 'none'}; expected: classes")
            return loaded[name]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not readable as npy or npz ({error})") from error


def _pictures(path: Path) -> npt.NDArray[np.generic]:
    files = sorted(path.glob("*.png"))
    if not files:
        raise DataError(f"{path}: a folder without PNG label maps")
    pictures: list[npt.NDArray[np.generic]] = []
    for file in files:
        try:
            with open_plain(file) as opened, Image.open(opened) as picture:
                pictures.append(np.asarray(picture))
        except (OSError, UnidentifiedImageError) as error:
            raise DataError(f"{file}: not readable as PNG ({error})") from error
        if pictures[-1].ndim != 2 or pictures[-1].shape != pictures[0].shape:
            raise DataError(
                f"{file}: shape {pictures[-1].shape}; expected one channel of class numbers, "
                f"{pictures[0].shape[:2]} like the first"
            )
    return np.stack(pictures)


def scale_objects(maps: Maps, size: tuple[int, int]) -> Maps:
    """Returns the maps at that (H, W): every pixel takes the class at its own centre.

    >>> scale_objects(np.array([[[1, 2], [3, 4]]], np.uint8), (4, 2))[0].tolist()
    [[1, 2], [1, 2], [3, 4], [3, 4]]
    """
    picks = [
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, maps.shape[1:], strict=True)
    ]
    return maps[:, picks[0][:, None], picks[1][None, :]]
