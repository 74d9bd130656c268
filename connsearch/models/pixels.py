"""Colour clips as networks by name take them: checked, and normalised inside the network.

Shape letters: B clips, T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from connsearch.errors import DataError
from connsearch.models.model import one_stream

AS_THEY_ARE = 0.5
"""Mean and spread, for pixels of 0 to 1, by which clips in [-1, 1] are normalised already."""


def rgb_clips(streams: Mapping[str, Tensor]) -> Tensor:
    """Returns the stream ``rgb``, floating point ``(B, 3, T, H, W)``.

    Raises:
        DataError: there is none, or it is of another shape or type.
    """
    clips = one_stream(streams, "rgb")
    if clips.ndim != 5 or clips.shape[1] != 3 or not clips.numel():
        raise DataError(
            "the rgb stream must be (clips, 3 channels, frames, height, width), none of them 0, "
            f"got {tuple(clips.shape)}"
        )
    if not clips.is_floating_point():
        raise DataError(
            f"the rgb stream must hold floating point numbers, got {clips.dtype}; "
            "scale pixels to -1..1 first"
        )
    return clips


def normalised(x_B3: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Returns clips or images of [-1, 1] normalised.

    Args:
        x_B3: clips ``(B, 3, T, H, W)`` or images ``(B, 3, H, W)``.
        mean: of red, green and blue, for pixels of 0 to 1.
        std: spread, likewise.
    """
    if all(value == AS_THEY_ARE for value in (*mean, *std)):
        return x_B3
    scale = x_B3.new_tensor([0.5 / s for s in std])
    shift = x_B3.new_tensor([(0.5 - m) / s for m, s in zip(mean, std, strict=True)])
    by_colour = (3, *(1 for _ in x_B3.shape[2:]))
    return x_B3 * scale.view(by_colour) + shift.view(by_colour)


def refuse_one_vector(count: int, what: str) -> None:
    """Refuses a batch of one vector, which no batch normalisation can normalise in training.

    Args:
        count: of vectors in the batch.
        what: they are of, such as "adafocus: one clip".

    Raises:
        DataError: there is one; the message says what to do.
    """
    if count == 1:
        raise DataError(
            f"{what} alone cannot be normalised in training\n  cure: another --batch-size, so that "
            "no batch has one clip (the last of an epoch is what is left)"
        )


def one_number(size: str, where: str, larger: str) -> DataError:
    """Returns the refusal of a batch of which a channel has one number left, in training.

    Args:
        size: of its only clip.
        where: in the network that happens, after "per channel"; may be empty.
        larger: what else would leave more.
    """
    return DataError(
        f"one clip of {size} leaves one number per channel{where}, and batch normalisation in "
        "training needs at least two\n"
        "  cure: another --batch-size, so that no batch has one clip (the last of an epoch is what "
        f"is left); {larger}"
    )
