"""What is suggested for the clips of a data set: rules that hold whatever the clips are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connsearch.data.clips.sampling import span
from connsearch.data.tools.suggest import (
    FASTEST,
    FEWEST_STEPS,
    SUGGESTED,
    ClipFacts,
    NetworkFacts,
    at_rate,
    suggested,
)
from connsearch.data.tools.uneven import few_groups, uneven_classes

STARTER = NetworkFacts("starter_rgb_flow", 32, flow=True)

RATES = st.sampled_from([0.0, 5.0, 8.33, 10.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0, 120.0])
CLIP = st.tuples(st.integers(1, 5000), RATES, st.integers(4, 2000))


@st.composite
def facts(draw: st.DrawFn) -> ClipFacts:
    """Any data set: mixed rates and lengths, very short clips, one clip."""
    frames, rates, sides = zip(*draw(st.lists(CLIP, min_size=1, max_size=60)), strict=True)
    train = draw(st.integers(1, 20_000))
    varying = draw(st.integers(0, len(frames)))
    return ClipFacts(frames=frames, rates=rates, sides=sides, varying=varying, train=train)


networks = st.builds(
    NetworkFacts,
    st.just("net"),
    st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]),
    flow=st.booleans(),
    gpu=st.booleans(),
)


@given(facts(), networks)
def test_a_suggestion_always_fits(clips: ClipFacts, network: NetworkFacts) -> None:
    choices = suggested(clips, network)
    found = {choice.option: choice.value for choice in choices}
    assert list(found) in ([*SUGGESTED], [*SUGGESTED[:2], "fps", *SUGGESTED[2:]])
    assert all(choice.reason for choice in choices)
    seen = at_rate(clips, found["fps"]) if "fps" in found else clips
    reach = span(int(found["frames"]), found["stride"])
    assert sum(length < reach for length in seen.frames) <= 0.05 * len(clips.frames)
    steps = -(-clips.train // int(found["batch_size"])) * found["epochs"]
    assert steps >= FEWEST_STEPS
    assert 1 <= found["batch_size"] <= clips.train
    assert -(-int(found["size"]) // network.stride) > 1
    assert found["size"] % 16 == 0


@given(facts(), networks)
def test_every_value_is_one_that_the_option_takes(clips: ClipFacts, network: NetworkFacts) -> None:
    from connsearch.data.options import DataOptions
    from connsearch.training.options import TrainOptions

    found = {choice.option: choice.value for choice in suggested(clips, network)}
    epochs = found.pop("epochs")
    assert DataOptions.of(**found).clips.frames == found["frames"]
    assert TrainOptions.of(epochs=epochs).schedule.epochs == epochs


@given(facts())
def test_motion_is_sampled_often_enough_and_rates_are_brought_to_one(clips: ClipFacts) -> None:
    assume(min(clips.rates) > FASTEST)
    found = {choice.option: choice.value for choice in suggested(clips, STARTER)}
    if "fps" in found:
        assert found["fps"] <= sorted(clips.rates)[int(0.05 * len(clips.rates))]
        assert found["fps"] / found["stride"] >= FASTEST
    else:
        assert max(clips.rates) <= 1.1 * min(clips.rates)
        assert min(clips.rates) / found["stride"] >= FASTEST


def of(frames: list[int], rate: float = 30.0, side: int = 240, train: int = 120) -> ClipFacts:
    return ClipFacts(
        frames=frames,
        rates=[rate] * len(frames),
        sides=[side] * len(frames),
        varying=0,
        train=train,
    )


def values(clips: ClipFacts, network: NetworkFacts = STARTER) -> list[int | float]:
    return [choice.value for choice in suggested(clips, network)]


def test_suggestions_by_hand() -> None:
    assert values(of([24] * 40, side=120)) == [16, 1, 64, 16, 38]  # cc-motion
    assert values(of([300] * 40)) == [16, 3, 64, 16, 38]
    assert values(of([10] * 40)) == [8, 1, 64, 16, 38]
    assert values(of([3] * 40)) == [3, 1, 64, 16, 38]
    assert values(of([300] * 40, train=9)) == [16, 3, 64, 2, 60]
    assert values(of([300] * 40, train=100_000)) == [16, 3, 64, 16, 12]
    assert values(of([300] * 40, side=30)) == [16, 3, 48, 16, 38]  # enlarged: less is one pixel
    assert values(of([300] * 40), replace(STARTER, gpu=True)) == [16, 3, 112, 16, 38]
    assert values(of([300] * 40, rate=0.0)) == [16, 2, 64, 16, 38]


def test_a_single_frame_is_no_motion_and_that_is_said() -> None:
    first, *_ = suggested(of([1] * 5), STARTER)
    assert (first.value, "motion needs 2" in first.reason) == (1, True)


def test_mixed_and_varying_rates_are_brought_to_the_slowest() -> None:
    mixed = replace(of([100] * 4), rates=[25.0, 30.0, 50.0, 60.0])
    [rate] = [choice for choice in suggested(mixed, STARTER) if choice.option == "fps"]
    assert (rate.value, "from 25 to 60" in rate.reason) == (25.0, True)
    varying = replace(of([100] * 4), varying=1)
    [rate] = [choice for choice in suggested(varying, STARTER) if choice.option == "fps"]
    assert (rate.value, "varying rate" in rate.reason) == (30.0, True)
    unknown = replace(of([100] * 4), rates=[0.0, 30.0, 30.0, 60.0])
    assert "fps" not in {choice.option for choice in suggested(unknown, STARTER)}


def test_nothing_is_suggested_for_nothing() -> None:
    with pytest.raises(ValueError, match="no clip"):
        suggested(of([]), STARTER)


def test_uneven_classes_are_told_with_the_options_for_them() -> None:
    assert uneven_classes({"a": 20, "b": 6, "c": 0}) == ()
    assert uneven_classes({"a": 0}) == ()
    [said] = uneven_classes({"walk": 24, "fall": 8, "lie": 6, "never": 0})
    assert said.startswith("walk has 24 training clips, lie 6: --class-weights balanced")
    assert said.endswith("--keep best --watch balanced_accuracy")


def test_few_groups_are_told_with_as_many_folds_as_they_allow() -> None:
    assert few_groups({"train": 9, "val": 3, "test": 3}) == ()
    assert few_groups({"train": 0, "val": 0, "test": 0}) == ()
    assert few_groups({"train": 1, "val": 0, "test": 9}) == ()  # no two folds without the test
    [said] = few_groups({"train": 9, "val": 1, "test": 2})
    assert "(val 1, test 2): --folds 5" in said
    [said] = few_groups({"train": 2, "val": 1, "test": 9})
    assert "(train 2, val 1): --folds 3" in said
