from __future__ import annotations

import math

import numpy as np
import pytest

from connsearch.data.clips.augment import AUGMENTATIONS, PRESETS, draw_changes, expanded
from connsearch.data.clips.augment.geometry import Perspective, Rotation
from connsearch.data.loading.load import load_data
from connsearch.errors import UnknownNameError
from tests.data.helpers import options

DRAWS = 3000


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([5, seed])


def kinds(seed: int, names: tuple[str, ...], **changes: object) -> dict[str, object]:
    chosen = options("x", augment=names, **changes)
    return {type(c).__name__: c for c in draw_changes(chosen.augment, generator(seed))}


@pytest.mark.parametrize(("likely", "each"), [(0.9, 0.4), (0.65, 0.3), (0.5, 0.9)])
def test_each_is_as_frequent_as_asked_for(likely: float, each: float) -> None:
    chosen = options("x", augment=("srtg_large",), augment_any=likely, augment_each=each)
    counts: dict[str, int] = {}
    nothing = 0
    for seed in range(DRAWS):
        changes = draw_changes(chosen.augment, generator(seed))
        nothing += not changes
        for change in changes:
            name = type(change).__name__
            name = "either" if name in ("Perspective", "Rotation") else name
            counts[name] = counts.get(name, 0) + 1
    assert len(counts) == len(PRESETS["srtg_large"])
    p = likely * each
    sigma = math.sqrt(DRAWS * p * (1 - p))
    for name, count in counts.items():
        assert abs(count - DRAWS * p) < 3 * sigma, name
    p = 1 - likely + likely * (1 - each) ** len(counts)
    assert abs(nothing - DRAWS * p) < 3 * math.sqrt(DRAWS * p * (1 - p))


def test_all_or_nothing_at_the_ends() -> None:
    every = tuple(AUGMENTATIONS)
    for seed in range(20):
        sure = options("x", augment=every, augment_any=1.0, augment_each=1.0)
        assert len(draw_changes(sure.augment, generator(seed))) == len(every)
        for never in ({"augment_any": 0.0}, {"augment_each": 0.0}):
            assert not kinds(seed, every, **{"augment_any": 1.0, "augment_each": 1.0, **never})


def test_changes_are_made_in_the_published_order() -> None:
    sure = options("x", augment=("srtg_large",), augment_any=1.0, augment_each=1.0)
    names = [type(c).__name__ for c in draw_changes(sure.augment, generator(0))]
    assert names[:-1] == [
        "GaussianBlur",
        "ChannelAdd",
        "AverageBlur",
        "Multiply",
        "ChannelGamma",
        "HueSaturation",
        "LinearContrast",
    ]
    assert names[-1] in ("Perspective", "Rotation")
    missing = set(PRESETS["srtg_large"]) - set(PRESETS["srtg_small"])
    assert missing == {"average_blur", "multiply", "channel_gamma"}


def test_another_augmentation_changes_nothing_about_the_others() -> None:
    for seed in range(100):
        few = kinds(seed, ("channel_add", "rotation"))
        more = kinds(seed, ("gaussian_noise", "channel_add", "multiply", "rotation"))
        assert few == {k: v for k, v in more.items() if k in ("ChannelAdd", "Rotation")}


@pytest.mark.parametrize("names", [("rotation",), ("srtg_large", "gaussian_noise")])
def test_the_number_of_draws_does_not_depend_on_what_comes_out(names: tuple[str, ...]) -> None:
    for seed in range(50):
        rng, plain = generator(seed), generator(seed)
        draw_changes(options("x", augment=names).augment, rng)
        plain.integers(2**63)
        plain.random()
        assert rng.bit_generator.state == plain.bit_generator.state


def test_exactly_one_of_perspective_and_rotation() -> None:
    turns = 0
    for seed in range(400):
        found = set(kinds(seed, ("srtg_small",), augment_any=1.0, augment_each=1.0))
        assert len(found & {"Perspective", "Rotation"}) == 1
        turns += "Rotation" in found
    assert abs(turns - 200) < 3 * 10


def test_presets_and_names_mix_and_count_once() -> None:
    found = expanded(("motion_blur", "srtg_small", "channel_add", "srtg_large"))
    assert found[:6] == ("motion_blur", *PRESETS["srtg_small"])
    assert len(set(found)) == len(found) == 9


def test_presets_name_members_only() -> None:
    for names in PRESETS.values():
        assert set(names) <= set(AUGMENTATIONS)
    assert not set(PRESETS) & set(AUGMENTATIONS)


def test_a_wrong_name_is_refused_before_any_file_is_opened() -> None:
    wrong = options("there/is/no/such.csv", augment=("gausian_blur",))
    with pytest.raises(UnknownNameError, match=r"did you mean 'gaussian_blur'.*srtg_small"):
        load_data(wrong)


def test_parameters_stay_in_their_ranges_and_reach_their_ends() -> None:
    def many(name: str, *fields: str) -> list[list[float]]:
        changes = [AUGMENTATIONS[name](generator(seed)) for seed in range(600)]
        return [[getattr(c, field) for c in changes] for field in fields]

    assert set(many("gaussian_blur", "sigma")[0]) == {0.1, 0.2, 0.3}
    assert set(many("average_blur", "side")[0]) == {1, 2}
    assert set(many("motion_blur", "length")[0]) == {3, 5, 7}
    assert set(np.ravel(many("channel_add", "values")).tolist()) == set(range(-5, 16))
    for field in many("hue_saturation", "hue", "saturation"):
        assert set(field) == set(range(-16, 17))
    assert set(many("gaussian_noise", "scale")[0]) == {76.5}
    for name, field, low, high in (
        ("multiply", "factor", 0.8, 1.2),
        ("channel_gamma", "gammas", 0.85, 1.15),
        ("linear_contrast", "factor", 0.85, 1.115),
        ("colour_enhance", "factor", 1.2, 1.6),
        ("rotation", "degrees", -10.0, 10.0),
        ("motion_blur", "angle", 0.0, 180.0),
    ):
        values = np.ravel(many(name, field))
        edge = 0.02 * (high - low)
        assert low <= values.min() < low + edge, name
        assert high - edge < values.max() <= high, name


def test_perspective_corners_move_inward_as_the_scales_say() -> None:
    inward = np.array([AUGMENTATIONS["perspective"](generator(s)).inward for s in range(2000)])
    assert inward.min() >= 0
    assert inward.max() <= 0.25
    spread = np.sqrt((inward**2).mean())  # of |normal(0, s)|, s uniform in .02 to .05
    expected = math.sqrt((0.05**3 - 0.02**3) / 3 / 0.03)
    assert abs(spread - expected) < 0.03 * expected


def test_the_two_geometric_changes_are_the_ones_drawn_alone() -> None:
    drawn = {type(AUGMENTATIONS["perspective_or_rotation"](generator(s))) for s in range(30)}
    assert drawn == {Perspective, Rotation}
