from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from connsearch.data.media.decode import read_frames, write_video
from connsearch.data.media.jpeg import decode_pictures, encode_jpeg, picture_size, scale_frames
from connsearch.errors import DataError
from tests.data.media.helpers import Bytes

HEIGHT, WIDTH = 120, 176


@pytest.fixture(scope="module")
def scene() -> Bytes:
    """A smooth picture in which every colour differs everywhere."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    colours = [127 + 120 * np.sin(x / 9 + y / (17 + 4 * c) + c) for c in range(3)]
    return np.stack(colours, -1).astype(np.uint8)


def stored(scene: Bytes, mode: str = "RGB", kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene).convert(mode).save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes, size: tuple[int, int] | None = None) -> Bytes:
    return decode_pictures([data], lambda n: f"frame {n}", stored=(HEIGHT, WIDTH), size=size)[0]


def distance(a: Bytes, b: Bytes) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_what_is_encoded_is_decoded(scene: Bytes) -> None:
    data = encode_jpeg(scene, quality=95)
    assert picture_size(data, "x") == (HEIGHT, WIDTH)
    assert distance(decoded(data), scene) < 2


@pytest.mark.parametrize("size", [(15, 22), (40, 60), (60, 88), (61, 89), (100, 150), (240, 300)])
def test_scaled_frames_look_as_a_video_scaled_by_ffmpeg(
    scene: Bytes, tmp_path: Path, size: tuple[int, int]
) -> None:
    write_video(tmp_path / "v.mp4", scene[None], quality=0)
    video = read_frames(tmp_path / "v.mp4", [0], size=size)[0]
    assert distance(decoded(encode_jpeg(scene, quality=95), size), video) < 3
    assert distance(scale_frames(scene[None], size)[0], video) < 2


def test_scaling_smooths_what_it_shrinks() -> None:
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    small = scale_frames(stripes, (16, 16))
    assert abs(float(small.mean()) - 127) < 3
    assert small.std() < 20


@pytest.mark.parametrize("share", [0.95, 0.7, 0.51])
def test_fine_detail_stays_where_it_can(share: float) -> None:
    stripes = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stripes[:, np.arange(WIDTH) % 6 < 3] = 255
    size = (round(HEIGHT * share), round(WIDTH * share))
    want = scale_frames(stripes[None], size)[0].std()
    assert decoded(encode_jpeg(stripes, quality=95), size).std() > 0.93 * want


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("size", [None, (50, 60)])
def test_grey_and_print_colours_become_rgb(
    scene: Bytes, mode: str, size: tuple[int, int] | None
) -> None:
    data = stored(scene, mode, quality=95)
    with Image.open(io.BytesIO(data)) as picture:
        true = np.asarray(picture.convert("RGB"))
    want = true if size is None else scale_frames(true[None].copy(), size)[0]
    assert distance(decoded(data, size), want) < 1.5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_becomes_rgb(scene: Bytes, mode: str) -> None:
    true = np.asarray(Image.fromarray(scene).convert(mode).convert("RGB"))
    assert np.array_equal(decoded(stored(scene, mode, "PNG")), true)


def test_a_progressive_jpeg_is_decoded(scene: Bytes) -> None:
    assert distance(decoded(stored(scene, quality=95, progressive=True)), scene) < 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither JPEG nor PNG.*read: 0 bytes"),
        (b"\xff\xd8\xff" + bytes(300), "header is damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "."),
        (b"\xff\xd8\xff\xe0", "."),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=rf"frame 0: not readable as a picture \(.*{words}.*cure:"):
        decoded(data)
    with pytest.raises(DataError, match=r"x: not readable as a picture"):
        picture_size(data, "x")


@pytest.mark.parametrize("size", [None, (30, 44)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_is_cut_off_is_refused(
    scene: Bytes, kind: str, size: tuple[int, int] | None
) -> None:
    data = stored(scene, kind=kind)
    with pytest.raises(DataError, match=r"frame 0: not readable as a picture"):
        decoded(data[: len(data) * 2 // 3], size)


def test_more_than_8_bits_a_colour_are_refused() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(file, "PNG")
    with pytest.raises(DataError, match=r"frame 0: pixels of kind I;16; allowed: .*8 bits"):
        decoded(file.getvalue())


def test_another_size_is_refused(scene: Bytes) -> None:
    with pytest.raises(DataError, match=r"frame 1: 120x170 pixels .*the first frame has 120x176"):
        decode_pictures(
            [encode_jpeg(scene, quality=90), encode_jpeg(scene[:, :170], quality=90)],
            lambda n: f"frame {n}",
            stored=(HEIGHT, WIDTH),
        )
