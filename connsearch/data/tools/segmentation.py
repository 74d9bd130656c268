"""A segmentation network in ONNX: frames in, the class of every pixel out.

What it reads and returns is taken from the model and tried before any video is read.

Shape letters: B frames at a time, K classes, H W pixels of the input, h w of the output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from connsearch.data.media.decode import Frames
from connsearch.data.media.objects import Maps
from connsearch.data.tools.onnx_session import chosen_device, faults, first_line, open_session
from connsearch.errors import SettingsError

SHORT_SIDE = 256
MULTIPLE = 32
"""A network of any size sees frames of this short side, in multiples of this many pixels."""

MOST_CLASSES = 256

_FORM = (
    "one input of three colours, (frames, 3, height, width) or (frames, height, width, 3), and as "
    "its output a score for every class, (frames, classes, h, w) or (frames, h, w, classes), or "
    "the number of the class, (frames, h, w), as an integer"
)
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How a pixel becomes a number: ``(pixel * scale - mean) / std``, colour by colour."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float


class SegmentationModel:
    """A model that is open, and what it takes.

    Args:
        path: of the ONNX file.
        device: ``cpu``, ``cuda``, or ``auto``: a CUDA device if onnxruntime has one.
        normalisation: of the pixels; a model that takes bytes gets them as they are.
        output: name of the output that is read; None: the first.
        threads: of the CPU; 0: onnxruntime decides.

    Attributes:
        name: of the file.
        sha256: of its bytes.
        layout: ``NCHW`` or ``NHWC``.
        size: (H, W) it takes; None: any.
        frames: how many at a time; None: any number.
        device: it runs on.

    Raises:
        SettingsError: a package is missing, the file is no model that can be run, it does not take
            pictures, or there is no such output or device.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        normalisation: Normalisation,
        output: str | None = None,
        threads: int = 0,
    ) -> None:
        self.name, self.normalisation = path.name, normalisation
        self.device = chosen_device(device)
        self.sha256 = _digest(path)
        self._session = open_session(path, self.device, threads)
        inputs = self._session.get_inputs()
        self.said = "; ".join(f"{i.name} {_shape(i.shape)} {i.type}" for i in inputs)
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            raise self._unfit(f"its inputs: {self.said}")
        self._input, self._type = inputs[0].name, _TYPES[inputs[0].type]
        self.layout, self.size, self.frames = self._read(inputs[0].shape)
        self.output = _output(self._session, output, path)

    @property
    def takes_bytes(self) -> bool:
        """Whether it normalises pixels itself."""
        return self._type is np.uint8

    def told(self) -> str:
        """Returns in words what it takes, and how it is run."""
        size = "any size" if self.size is None else f"{self.size[0]}x{self.size[1]} pixels"
        how = self.normalisation
        colours = ", ".join(f"{m:g}/{s:g}" for m, s in zip(how.mean, how.std, strict=True))
        pixels = f"pixels times {how.scale:.6g}, mean/std {colours}"
        pixels = "bytes as they are" if self.takes_bytes else pixels
        return f"{self.layout}, {size}, {pixels}; runs on {self.device}"

    def fitting(self, height: int, width: int) -> tuple[int, int]:
        """Returns the (H, W) that frames of a video are scaled to: what it takes, or nearly so.

        A network of any size gets a short side of 256, and multiples of 32.
        """
        if self.size is not None:
            return self.size
        scale = SHORT_SIDE / min(height, width)
        return _rounded(height * scale), _rounded(width * scale)

    def maps(self, frames: Frames) -> Maps:
        """Returns the class of every pixel, ``uint8`` (B, h, w).

        Args:
            frames: ``uint8`` (B, H, W, 3), red, green, blue.

        Raises:
            SettingsError: what comes out is no map of classes.
        """
        return self.classes(frames)[0]

    def classes(self, frames: Frames) -> tuple[Maps, int | None]:
        """Returns the maps, and how many classes there are; None where only numbers come out.

        Arguments and errors as for :meth:`maps`.
        """
        parts: list[Maps] = []
        classes: int | None = None
        count = self.frames or len(frames)
        for start in range(0, len(frames), count):
            some = frames[start : start + count]
            filled = some
            if len(some) < count:  # a model of a fixed number: the last frame again
                filled = np.concatenate([some, np.repeat(some[-1:], count - len(some), 0)])
            found, classes = self._judged(self._run(filled), filled)
            parts.append(found[: len(some)])
        return np.concatenate(parts), classes

    def _run(self, frames: Frames) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = frames
        if not self.takes_bytes:
            how = self.normalisation
            mean, std = np.asarray(how.mean, np.float32), np.asarray(how.std, np.float32)
            scaled = frames.astype(np.float32) * np.float32(how.scale) - mean
            values = (scaled / std).astype(self._type)
        if self.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        try:
            (found,) = self._session.run([self.output], {self._input: np.ascontiguousarray(values)})
        except faults() as error:
            raise self._unfit(
                f"it cannot be run on {_shape(values.shape)}: {first_line(error)}",
                "--size HEIGHT WIDTH, if it needs frames of another size",
            ) from None
        return np.asarray(found)

    def _judged(self, found: npt.NDArray[Any], frames: Frames) -> tuple[Maps, int | None]:
        """The output as classes of pixels."""
        what = f"its output {self.output} is {_shape(found.shape)} {found.dtype}"
        if len(found) != len(frames) or found.ndim not in (3, 4) or 0 in found.shape:
            raise self._unfit(what)
        if found.ndim == 4 and found.dtype.kind in "iu" and 1 in (found.shape[1], found.shape[3]):
            found = found[:, 0] if found.shape[1] == 1 else found[..., 0]
        if found.ndim == 3:
            if found.dtype.kind not in "iu" or not _alike(found.shape[1:], frames.shape[1:3]):
                raise self._unfit(what)
            low, high = int(found.min()), int(found.max())
            if low < 0 or high >= MOST_CLASSES:
                raise self._unfit(f"{what} with the classes {low} to {high}; allowed: 0 to 255")
            return found.astype(np.uint8), None
        axis = _class_axis(found.shape, frames.shape[1:3], self.layout)
        if axis is None or not 2 <= found.shape[axis] <= MOST_CLASSES:
            raise self._unfit(f"{what}, from frames of {_shape(frames.shape[1:3])}")
        return found.argmax(axis).astype(np.uint8), found.shape[axis]

    def _read(
        self, shape: Sequence[Any]
    ) -> tuple[Literal["NCHW", "NHWC"], tuple[int, int] | None, int | None]:
        """The layout, the size and the number of frames that an input of that shape takes."""
        if len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise self._unfit(f"its input: {self.said}")
        layout = "NCHW" if shape[1] == 3 else "NHWC"
        height, width = shape[2:] if layout == "NCHW" else shape[1:3]
        fixed = isinstance(height, int) and isinstance(width, int)
        if not fixed and (isinstance(height, int) or isinstance(width, int)):
            raise self._unfit(f"its input: {self.said}; only one side of the picture is fixed")
        return layout, (height, width) if fixed else None, _whole(shape[0])

    def _unfit(self, what: str, cure: str = "") -> SettingsError:
        return SettingsError(
            f"{self.name}: does not segment pictures as it must\n  read: {what}\n"
            f"  allowed: {_FORM}\n  cure: "
            f"{cure or '--output-name, if another output fits; or export the network in this form'}"
        )


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(f"--model {path}: cannot be read ({error.strerror})") from None


def _output(session: Any, name: str | None, path: Path) -> str:
    names = [entry.name for entry in session.get_outputs()]
    if name is not None and name not in names:
        raise SettingsError(f"--output-name {name}: {path.name} has {', '.join(names)}")
    return names[0] if name is None else name


def _class_axis(shape: Sequence[int], size: Sequence[int], layout: str) -> int | None:
    """Which axis of scores counts classes: the others have the proportions of the frames.

    >>> _class_axis((1, 21, 64, 48), (256, 192), "NCHW")
    1
    >>> _class_axis((1, 64, 48, 9), (64, 48), "NCHW")
    3
    """
    first = 1 if layout == "NCHW" else 3
    for axis in (first, 4 - first):
        if _alike(shape[2:] if axis == 1 else shape[1:3], size):
            return axis
    return None


def _alike(maps: Sequence[int], frames: Sequence[int]) -> bool:
    """Whether a map of that (h, w) can be one of frames of that (H, W): of more than one pixel."""
    (h, w), steps = maps, (frames[0] / maps[0], frames[1] / maps[1])
    return min(h, w) > 1 and abs(steps[0] - steps[1]) <= 0.1 * max(steps) + 1 / min(h, w)


def _rounded(pixels: float) -> int:
    return max(1, round(pixels / MULTIPLE)) * MULTIPLE


def _whole(size: Any) -> int | None:
    return size if isinstance(size, int) else None


def _shape(shape: Sequence[Any]) -> str:
    return "(" + ", ".join("any" if s is None else str(s)[:30] for s in shape) + ")"
