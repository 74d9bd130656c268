"""Each task is what it says: one factor tells the class, and each stream shows its own factor only.

Ridge regression on features by hand stands for a network: what it cannot find in the pooled
statistics of one stream, a network that pools at its head has little to find either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connsearch.data.media.decode import read_frames, write_video
from connsearch.data.sources.planted import (
    CLASS_NAMES,
    FACTOR_VALUES,
    OBJECT_CLASSES,
    TASKS,
    Factors,
    PlantedShape,
    Task,
    draw_factors,
    draw_objects,
    draw_scene,
    draw_video,
    hue_order,
)

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
FRAMES, SIDE = 6, 36
LEARN, TEST = 160, 100
AT_CHANCE = 0.25 + 4.5 * (0.25 * 0.75 / TEST) ** 0.5


def gradients(grey: Array) -> tuple[Array, Array]:
    return (np.roll(grey, -1, 2) - np.roll(grey, 1, 2)), (
        np.roll(grey, -1, 1) - np.roll(grey, 1, 1)
    )


def colours(rgb: Array) -> Array:
    """The mean and spread of the two colour differences, of one frame."""
    first, second = rgb[4, ..., 0] - rgb[4].mean(-1), rgb[4, ..., 1] - rgb[4, ..., 2]
    return np.array([first.mean(), second.mean(), (first**2).mean(), (second**2).mean()])


def grey_frame(rgb: Array) -> Array:
    """Brightness, coarse picture, edge directions and spectrum of one grey frame."""
    grey = rgb[4:5].mean(-1)
    right, down = gradients(grey)
    edges, _ = np.histogram(
        np.arctan2(down, right), 8, (-np.pi, np.pi), weights=np.hypot(right, down)
    )
    coarse = grey.reshape(6, SIDE // 6, 6, SIDE // 6).mean((1, 3)).ravel()
    spectrum = np.abs(np.fft.fft2(grey[0] - grey.mean()))[:5, :5].ravel()
    return np.concatenate([[grey.mean(), grey.std()], coarse, edges, spectrum])


def flow(rgb: Array) -> Array:
    """Where the brightness moves: products of change in time and in space, over quadrants."""
    grey = rgb.mean(-1)
    change = np.diff(grey, axis=0)
    size = change.std() * grey.std()
    half = SIDE // 2
    return np.concatenate(
        [
            (-(slope[:-1] * change) / size).reshape(-1, 2, half, 2, half).mean((0, 2, 4)).ravel()
            for slope in gradients(grey)
        ]
    )


def areas(maps: Array) -> Array:
    return np.array([(maps == value).mean() for value in range(1, OBJECT_CLASSES)])


def map_motion(maps: Array) -> Array:
    inside = (maps > 0).astype(float)
    change = np.diff(inside, axis=0)
    return np.array([-(slope[:-1] * change).mean() for slope in gradients(inside)])


def accuracy(features: Array, labels: Labels) -> float:
    """Returns the share of the last clips that ridge regression on the first ones gets right."""
    x = (features - features[:LEARN].mean(0)) / (features[:LEARN].std(0) + 1e-9)
    x = np.hstack([x, np.ones((len(x), 1))])
    learn, test = x[:LEARN], x[LEARN:]
    gram = learn.T @ learn + 0.05 * LEARN * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, learn.T @ np.eye(FACTOR_VALUES)[labels[:LEARN]])
    return float((np.argmax(test @ weights, 1) == labels[LEARN:]).mean())


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Array], list[Array], Labels]:
    """Videos as they come back from the codec, maps, and the three factors of every scene."""
    path = tmp_path_factory.mktemp("scenes") / "v.mp4"
    videos: list[Array] = []
    maps: list[Array] = []
    known: list[tuple[int, int, int]] = []
    for number in range(LEARN + TEST):
        rng = np.random.default_rng([7, number])
        factors = draw_factors("appearance", number % FACTOR_VALUES, rng)
        write_video(path, draw_video(factors, frames=FRAMES, side=SIDE, rng=rng))
        videos.append(read_frames(path, range(FRAMES)).astype(float))
        maps.append(draw_objects(factors, frames=FRAMES, side=SIDE, rng=rng).astype(float))
        known.append((factors.colour, factors.direction, factors.region))
    return videos, maps, np.array(known)


@pytest.mark.parametrize(
    ("stream", "measure", "shown"),
    [
        ("video", colours, "colour"),
        ("video", grey_frame, None),
        ("video", flow, "direction"),
        ("maps", areas, "region"),
        ("maps", map_motion, None),
    ],
)
def test_each_stream_shows_its_own_factor_and_no_other(
    scenes: tuple[list[Array], list[Array], Labels],
    stream: str,
    measure: Callable[[Array], Array],
    shown: str | None,
) -> None:
    videos, maps, known = scenes
    features = np.array([measure(x) for x in (videos if stream == "video" else maps)])
    for column, factor in enumerate(("colour", "direction", "region")):
        reached = accuracy(features, known[:, column])
        if factor == shown:
            assert reached > 0.9, factor
        else:
            assert reached < AT_CHANCE, factor


@pytest.mark.parametrize("task", TASKS)
def test_the_class_is_the_factor_the_task_names_and_the_rest_is_drawn(task: Task) -> None:
    drawn = [
        [draw_factors(task, label, np.random.default_rng([label, s])) for s in range(200)]
        for label in range(len(CLASS_NAMES[task]))
    ]
    values = {
        name: [{getattr(factors, name) for factors in of_class} for of_class in drawn]
        for name in ("colour", "direction", "region", "order", "texture")
    }
    every = [{0, 1, 2, 3}] * 4
    own = [{0}, {1}, {2}, {3}]
    none: list[set[int | None]] = [{None}] * 4
    expected: dict[str, Any] = dict.fromkeys(("colour", "direction", "region"), every)
    expected |= {"order": none, "texture": none}
    match task:
        case "appearance" | "unrelated" | "still":
            expected["colour"] = own
        case "motion":
            expected["direction"] = own
        case "object":
            expected["region"] = own
        case "mix":
            expected |= {"colour": [{0}, {0}, {2}, {2}], "direction": [{0}, {1}, {0}, {1}]}
        case "order":
            expected["order"] = own
        case "mark":
            expected["texture"] = own
    assert values == expected


def test_the_picture_does_not_depend_on_the_region_nor_the_maps_on_the_rest() -> None:
    def both(*factors: int):
        chosen = Factors(*factors)
        video = draw_video(chosen, frames=3, side=20, rng=np.random.default_rng(0))
        return video, draw_objects(chosen, frames=3, side=20, rng=np.random.default_rng(0))

    video, maps = both(0, 0, 0)
    other_video, other_maps = both(0, 0, 3)
    assert np.array_equal(video, other_video)
    assert not np.array_equal(maps, other_maps)
    assert np.array_equal(both(3, 2, 0)[1], maps)


def test_streams_have_content_everywhere() -> None:
    for value in range(FACTOR_VALUES):
        rng = np.random.default_rng(value)
        video = draw_video(Factors(value, value, value), frames=4, side=36, rng=rng)
        maps = draw_objects(Factors(value, value, value), frames=4, side=36, rng=rng)
        assert video.std() > 10
        assert np.abs(np.diff(video.astype(int), axis=0)).mean() > 1
        assert value + 1 in maps
        assert 0.1 < (maps > 0).mean() < 0.6


@given(frames=st.integers(4, 40), first=st.integers(0, 100))
def test_any_clip_shows_the_same_hues_in_each_of_four_orders(frames: int, first: int) -> None:
    """From any hue on: sorted, the places of a clip do not depend on the order."""
    shown = [hue_order(order, frames=frames) for order in range(4)]
    hues = {len(places) for places in shown}.pop()
    clips = [
        [(first + places[t % hues]) % hues for t in range(first, first + frames)]
        for places in shown
    ]
    assert len({tuple(np.diff(clip) % hues) for clip in clips}) == 4, "their order is their class"
    assert all(len(set(clip)) == frames for clip in clips), "each hue at most once"
    if hues == frames:
        assert len({tuple(sorted(clip)) for clip in clips}) == 1
    else:  # one is missing; which one depends on the first hue as much as on the order
        assert hues == frames + 1


def hues_of(video: Array) -> Array:
    """The mean hue of every frame, as an angle in turns."""
    red, green, blue = (video[..., channel].mean((1, 2)) for channel in range(3))
    return np.arctan2((green - blue) / 2**0.5, (2 * red - green - blue) / 6**0.5) / (2 * np.pi)


def scene(task: Task, factors: Factors, *, stride: int = 1, seed: int = 0) -> Array:
    shape = PlantedShape(8 * stride + 4, 24, 8, stride)
    return draw_scene(task, factors, shape, np.random.default_rng(seed)).astype(float)


@pytest.mark.parametrize("stride", [1, 3])
def test_hues_turn_by_their_order_from_frame_to_frame_of_a_clip(stride: int) -> None:
    for order, step in enumerate((1, -1, 3, -3)):
        video = scene("order", Factors(1, 2, 0, order), stride=stride, seed=order)
        for start in range(5):
            turned = np.diff(hues_of(video[start::stride][:8])) * 8
            assert np.abs((turned - step + 4) % 8 - 4).max() < 0.5


def test_every_frame_of_an_unrelated_scene_is_another_picture_of_one_hue() -> None:
    video = scene("unrelated", Factors(1, 0, 0))
    grey = video.mean(-1).reshape(len(video), -1)
    alike = np.corrcoef(grey)[np.triu_indices(len(video), 1)]
    assert np.abs(alike).max() < 0.5
    assert (
        np.abs(np.corrcoef(scene("motion", Factors(1, 0, 0)).mean(-1).reshape(12, -1))).max() > 0.5
    )
    assert np.abs(hues_of(video) - 0.25).max() < 0.35 / (2 * np.pi) + 0.05


def test_all_frames_of_a_still_scene_are_one_also_behind_the_codec(tmp_path: Path) -> None:
    video = scene("still", Factors(1, 0, 0))
    assert (video == video[:1]).all()
    write_video(tmp_path / "v.mp4", video.astype(np.uint8))
    read = read_frames(tmp_path / "v.mp4", range(len(video))).astype(float)
    assert np.abs(read - read[:1]).mean((1, 2, 3)).max() < 0.5
