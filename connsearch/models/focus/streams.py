"""What glance and local networks see of the streams of a clip: resized, or in windows.

Flow is always that of whole frames: inside a window that moves, or that ends where something
enters, there would be other motion.

Shape letters: B clips, C channels, T frames, H W pixels, P pixels of a window.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from connsearch.models.features import FeatureModel
from connsearch.models.pixels import rgb_clips
from connsearch.models.structure import Network
from connsearch.nn.crop import crop, crop_resized
from connsearch.nn.streams import ready_streams


def whole_streams(streams: Mapping[str, Tensor], part: FeatureModel) -> dict[str, Tensor]:
    """Returns the streams that a part reads; ``flow`` is computed from ``rgb`` if it is not given.

    Args:
        streams: whole frames ``(B, C, T, H, W)`` in the order of time.
        part: reads them.

    Raises:
        DataError: a stream is missing or of another form.
    """
    if isinstance(part, Network):
        ready = ready_streams(streams, part.structure, part.memory_format)
        return {str(modality): stream for modality, stream in ready.items()}
    if part.modalities == ("rgb",):
        return {"rgb": rgb_clips(streams)}
    return {name: streams[name] for name in part.modalities}


def local_streams(streams: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the streams of a local network: of ``focus`` where it has frames of its own."""
    return {"rgb": streams["focus"]} if "focus" in streams else dict(streams)


def windows_of(
    streams: Mapping[str, Tensor],
    corners_BS2: Tensor,
    size: tuple[int, int],
    sides_BS2: Tensor | None = None,
) -> dict[str, Tensor]:
    """Returns the same windows of all streams, each ``(B, C, T, *size)``.

    Args:
        streams: of whole frames ``(B, C, T, H, W)``.
        corners_BS2: top left corners in pixels (row, column): of every frame, or one (S = 1) of all
            frames of a clip.
        size: height and width.
        sides_BS2: height and width of the windows in the frames, from which they are resampled to
            ``size``, flow in pixels of that; None: they have that size.

    Raises:
        TrainingError: a corner is not finite.
    """
    found = {name: _windows(x, corners_BS2, size, sides_BS2) for name, x in streams.items()}
    if sides_BS2 is not None and "flow" in found:
        scale_BS2 = (sides_BS2.new_tensor(size) / sides_BS2).flip(2).to(found["flow"].dtype)
        found["flow"] = found["flow"] * scale_BS2.transpose(1, 2)[..., None, None]
    return found


def _windows(
    x_BCTHW: Tensor, corners_BS2: Tensor, size: tuple[int, int], sides_BS2: Tensor | None
) -> Tensor:
    clips, channels, frames = x_BCTHW.shape[:3]
    if corners_BS2.shape[1] == 1 and frames > 1:
        found = _cut(x_BCTHW.flatten(1, 2), corners_BS2, size, sides_BS2)
        return found.unflatten(1, (channels, frames))
    found = _cut(x_BCTHW.transpose(1, 2).flatten(0, 1), corners_BS2, size, sides_BS2)
    return found.unflatten(0, (clips, frames)).transpose(1, 2)


def _cut(
    images_NCHW: Tensor, corners_BS2: Tensor, size: tuple[int, int], sides_BS2: Tensor | None
) -> Tensor:
    corners_N2 = corners_BS2.flatten(0, 1)
    if sides_BS2 is None:
        return crop(images_NCHW, corners_N2, size)
    return crop_resized(images_NCHW, corners_N2, sides_BS2.flatten(0, 1), size)


def resized_streams(streams: Mapping[str, Tensor], size: int | None) -> dict[str, Tensor]:
    """Returns clips in another size; None: as they are.

    Colours bilinear with the corners kept, as published; maps of objects by the nearest pixel, and
    flow in pixels of its new size.

    Args:
        streams: ``(B, C, T, H, W)`` by name.
        size: height and width.
    """
    if size is None:
        return dict(streams)
    return {name: _resized(name, stream, size) for name, stream in streams.items()}


def _resized(name: str, x_BCTHW: Tensor, size: int) -> Tensor:
    clips, _, frames, height, width = x_BCTHW.shape
    if (height, width) == (size, size):
        return x_BCTHW
    images = x_BCTHW.transpose(1, 2).flatten(0, 1)
    if name == "object":
        images = interpolate(images, (size, size), mode="nearest-exact")
    else:
        images = interpolate(images, (size, size), mode="bilinear", align_corners=True)
    found = images.unflatten(0, (clips, frames)).transpose(1, 2)
    if name == "flow":
        scale = found.new_tensor([size / width, size / height])
        found = found * scale.view(1, 2, 1, 1, 1)
    return found


def empty_streams(part: FeatureModel, *clip: int) -> dict[str, Tensor]:
    """Returns a clip (T, H, W) of each stream that a part asks its data for; on the meta device."""
    if isinstance(part, Network):
        width = part.structure.network.stream_width
        asked = {"rgb" if m == "flow" else str(m): m for m in part.structure.modalities()}
        channels = {name: 3 if name == "rgb" else width(m) for name, m in asked.items()}
    else:
        channels = dict.fromkeys(part.modalities, 3)
    return {name: torch.empty(1, c, *clip, device="meta") for name, c in channels.items()}
