from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition

from connsearch.data.media import decode, opening
from connsearch.data.media.decode import read_frames, stream_frames, write_video
from connsearch.data.media.survey import probe
from connsearch.errors import DataError
from tests.data.helpers import FRAMES, HEIGHT, WIDTH, moving_square, read_clip


def numbers(frames: np.ndarray) -> list[int]:
    """Reads the frame numbers back from the brightness of the long video."""
    return [round((float(f.mean()) - 30) / 2) for f in frames]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    frames, _ = moving_square(np.random.default_rng(1))
    write_video(tmp_path / "v.mp4", frames, quality=0)
    again = read_frames(tmp_path / "v.mp4", range(FRAMES))
    assert again.shape == frames.shape
    assert again.dtype == np.uint8
    assert np.abs(again.astype(int) - frames).max() <= 4


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    contents: set[bytes] = set()
    for number in range(15):
        rng = np.random.default_rng(3)
        frames = rng.normal(128, 30, (10, 20, 20, 3)).clip(0, 255).astype(np.uint8)
        write_video(tmp_path / f"{number}.mp4", frames)
        contents.add((tmp_path / f"{number}.mp4").read_bytes())
    assert len(contents) == 1


def test_probe_counts_frames_and_says_the_size(long_video: Path) -> None:
    info = probe(long_video)
    assert (info.frames, info.height, info.width, info.fps) == (100, HEIGHT, WIDTH, 12.0)


@pytest.mark.parametrize("wanted", [[0], [3, 5, 7], [99, 2, 2], [98, 99], [50, 41, 60]])
def test_frames_are_the_ones_asked_for(long_video: Path, wanted: list[int]) -> None:
    assert numbers(read_frames(long_video, wanted)) == wanted


@pytest.mark.parametrize("first", [1, 19, 20, 21, 59, 77, 98])
def test_a_seek_gives_the_frames_of_reading_from_the_start(
    long_video: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    straight = read_frames(long_video, range(100))[first : first + 2]
    monkeypatch.setattr(decode, "SEEK_AFTER", 0)
    again = read_frames(long_video, [first, first + 1], info=probe(long_video))
    assert np.array_equal(again, straight)


def test_a_clip_comes_from_the_centre_and_short_videos_follow_the_rule(long_video: Path) -> None:
    assert numbers(read_clip(long_video, frames=4, stride=2)) == [46, 48, 50, 52]
    repeated = read_clip(long_video, frames=4, stride=40)
    assert numbers(repeated) == [0, 40, 80, 99]
    assert numbers(read_clip(long_video, frames=4, stride=40, short="loop")) == [0, 40, 80, 20]
    with pytest.raises(DataError, match=r"a:b -long.mp4: 100 frames, .* needs 121; cure:"):
        read_clip(long_video, frames=4, stride=40, short="refuse")


def test_frames_are_scaled_to_the_size_asked_for(long_video: Path) -> None:
    assert read_clip(long_video, frames=2, size=(10, 14)).shape == (2, 10, 14, 3)


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\nhttp://example.org/a.ts\n", b"\0" * 3000])
def test_a_file_that_is_no_video_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"broken.mp4: .*; read: {len(content)} bytes; cure:"):
        probe(path)
    with pytest.raises(DataError, match=r"broken.mp4"):
        read_clip(path, frames=2)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.mp4: .*no such file"):
        probe(tmp_path / "gone.mp4")


def test_a_file_without_video_is_refused_by_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(
        b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0"
        b"data\x08\0\0\0" + b"\x80" * 8
    )
    with pytest.raises(DataError, match=r"sound.wav: no video stream; read: audio; cure"):
        probe(path)


COVERS = {
    "song.m4a": ("mp4", "aac"),
    "song.mp3": ("mp3", "libmp3lame"),
    "song.flac": ("flac",) * 2,
}


def with_cover(path: Path, container: str, code: str, *, film: bool = False) -> Path:
    """Writes a second of sound (or of a film) with a cover picture."""
    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
    with av.open(str(path), "w", format=container) as out:
        if film:
            main = out.add_stream("libx264", rate=25)
            main.width, main.height, main.pix_fmt = 32, 24, "yuv420p"
        else:
            main = out.add_stream(code, rate=44100)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        out.mux(cover.encode(picture))
        out.mux(cover.encode(None))
        for n in range(30):
            if film:
                frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 5 * n, np.uint8))
            else:
                kind = {"aac": "fltp", "libmp3lame": "fltp", "flac": "s16"}[code]
                sound = np.zeros((1, 1152), np.float32 if kind == "fltp" else np.int16)
                if kind == "s16":
                    sound = sound.repeat(2, 1)
                layout = "mono" if kind == "fltp" else "stereo"
                frame = av.AudioFrame.from_ndarray(sound, format=kind, layout=layout)
                frame.sample_rate = 44100
                frame.pts = 1152 * n
            out.mux(main.encode(frame))
        out.mux(main.encode(None))
    return path


@pytest.mark.parametrize("name", COVERS)
def test_sound_with_a_cover_picture_is_no_video(tmp_path: Path, name: str) -> None:
    path = with_cover(tmp_path / name, *COVERS[name])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    wrong = rf"{name}: no video stream; read: a cover picture, audio; cure"
    for read in (probe, lambda p: read_frames(p, [0]), lambda p: next(stream_frames(p))):
        with pytest.raises(DataError, match=wrong):
            read(path)


def test_of_several_streams_the_first_that_is_no_cover_is_read(tmp_path: Path) -> None:
    path = with_cover(tmp_path / "film.mp4", "mp4", "", film=True)
    info = probe(path)
    assert (info.frames, info.height, info.width) == (30, 24, 32)
    with av.open(str(path)) as container:
        film, cover = container.streams.video
        turned = SimpleNamespace(streams=SimpleNamespace(video=(cover, film)))
        assert opening._chosen(path, turned) is film  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [None, (48, 48), (33, 47), (64, 32), (90, 100)])
@pytest.mark.parametrize("level", [16, 17, 40, 100, 128, 180, 235])
def test_greys_keep_their_brightness_whatever_the_size(
    tmp_path: Path, level: int, size: tuple[int, int] | None
) -> None:
    path = tmp_path / "grey.mkv"
    planes = np.full((96, 64), 128, np.uint8)
    planes[:64] = level
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        out.mux(stream.encode(None))
    frames = read_frames(path, [0], size=size).astype(float)
    assert np.abs(frames - (level - 16) * 255 / 219).max() <= 0.6


def test_a_cut_off_file_is_refused_with_what_could_be_read(
    long_video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(long_video.read_bytes())
    with pytest.raises(DataError, match=r"frame 201 was needed, decoding stopped after 100 .*cure"):
        read_frames(path, [1, 200])
    path.write_bytes(long_video.read_bytes()[:900])
    with pytest.raises(DataError, match=r"cut.mp4: not readable as video .*read: 900 bytes"):
        probe(path)
