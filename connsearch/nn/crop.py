"""Windows of images at places that are numbers: a crop with a gradient by its place.

A pixel of a window lies at (top + i, left + j) of the image, in steps of one pixel, between its
four neighbours (AdaFocusV2, arXiv 2112.14238; ``affine_grid`` and ``grid_sample`` with
``align_corners=False`` mean the same). The fraction of a place is the same for all pixels of a
window, so two products a pixel are enough.

Shape letters: N images, C channels, H W pixels.
"""

from __future__ import annotations

from torch import Tensor

from connsearch.errors import TrainingError


def crop(images_NCHW: Tensor, corners_N2: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns a window of each image, ``(N, C, *size)``, in the type of the images.

    Beyond the border the nearest pixel is repeated. At a whole number the derivative by the place
    is the one towards higher numbers; it is 0 on an image of one colour.

    Args:
        images_NCHW: any floating point type.
        corners_N2: the top left corner of each window, (row, column) in pixels from that of the
            image; each within 0 and H - height, 0 and W - width.
        size: height and width of the windows, at most H and W.

    Raises:
        TrainingError: a corner is not finite.
    """
    if not corners_N2.is_meta and not corners_N2.isfinite().all():
        raise TrainingError(
            "a window has no place: the policy gave a number that is not finite\n"
            "  cure: a smaller learning rate (--lr, --rate policy=0.01), or --grad-clip"
        )
    height, width = size
    room = corners_N2.new_tensor([images_NCHW.shape[2] - height, images_NCHW.shape[3] - width])
    first_N2 = corners_N2.detach().floor().minimum(room).clamp(min=0)
    part_N2 = (corners_N2 - first_N2).to(images_NCHW.dtype)
    down_N, right_N = (part_N2[:, axis, None, None, None] for axis in (0, 1))
    rows_NP = _places(first_N2[:, 0], height, images_NCHW.shape[2])
    columns_NP = _places(first_N2[:, 1], width, images_NCHW.shape[3])
    channels = images_NCHW.shape[1]
    wide = images_NCHW.shape[3]
    x = images_NCHW.gather(2, rows_NP[:, None, :, None].expand(-1, channels, -1, wide))
    x = x.gather(3, columns_NP[:, None, None, :].expand(-1, channels, height + 1, -1))
    x = x[:, :, :-1] + down_N * (x[:, :, 1:] - x[:, :, :-1])
    return x[:, :, :, :-1] + right_N * (x[:, :, :, 1:] - x[:, :, :, :-1])


def _places(first_N: Tensor, count: int, length: int) -> Tensor:
    """Rows (or columns) of every window, and one more, within the image: ``(N, count + 1)``."""
    steps = first_N.new_tensor(range(count + 1))
    return (first_N[:, None] + steps).long().clamp(max=length - 1)
