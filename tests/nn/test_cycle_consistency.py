"""When two sequences of frames agree: the definition, its options, and what must not matter."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.nn.cycle_consistency import GateTest, consistent

U = torch.tensor([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]])
"""Four frames of three channels, far apart."""
LINE = torch.tensor([[0.0], [1], [3], [7]])
FINE = torch.tensor([[0.0], [0.1], [0.2], [0.3]])
BY_HAND: dict[str, tuple[Tensor, Tensor, bool, bool]] = {
    "the same": (U, U, True, True),
    "moved": (U, U + 0.5, True, True),
    "two frames swapped": (U, U[[1, 0, 2, 3]], True, False),
    "backwards": (U, U.flip(0), True, False),
    "zeros": (U, torch.zeros(4, 3), False, False),
    "a frame repeated": (U, U[[0, 0, 2, 3]], False, False),
    "a still clip": (torch.ones(4, 3), torch.ones(4, 3), False, False),
    "a line": (LINE, LINE + 0.2, True, True),
    "a line blurred by the temperature": (FINE, FINE, False, True),
    "that line times 100": (100 * FINE, 100 * FINE, True, True),
    "one frame": (U[:1], -U[3:], True, True),
}
"""Reference 1.5: u, s, and whether ``cycle`` and ``align`` find them consistent."""


def agree(u_TC: Tensor, s_TC: Tensor, **settings: Any) -> bool:
    return bool(consistent(u_TC.T[None], s_TC.T[None], GateTest(**settings)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", BY_HAND)
def test_the_table_by_hand(name: str, dtype: torch.dtype) -> None:
    """Half the precision outside; float32 inside decides the same."""
    u, s, cycle, align = BY_HAND[name]
    u, s = u.to(dtype), s.to(dtype)
    for both in ("and", "or"):
        assert agree(u, s, both=both) is cycle
        assert agree(u, s, test="align", both=both) is align


def test_one_way_may_hold_and_the_other_not() -> None:
    """Every frame of u finds back by way of s, but two frames of s have one neighbour in u."""
    u, s = torch.tensor([[0.0], [10], [20]]), torch.tensor([[0.0], [10], [14]])
    ways = {both: agree(u, s, test="align", both=both) for both in ("and", "or")}
    assert ways == {"and": False, "or": True}


def test_a_share_of_the_frames_may_do() -> None:
    """Half of the frames are found again: those that are not repeated, and the first of two."""
    s = U[[0, 0, 2, 2]]
    assert not agree(U, s, min_fraction=0.51)
    assert agree(U, s, min_fraction=0.5)
    ten = torch.arange(10.0)[:, None] * 10
    seven = ten.clone()
    seven[7:] = 1e4  # three of ten land elsewhere
    assert agree(ten, seven, test="align", both="and", min_fraction=0.7)
    assert not agree(ten, seven, test="align", min_fraction=0.71)


def test_the_temperature_blurs_and_auto_follows_the_scale() -> None:
    assert agree(FINE, FINE, temperature=1e-4)
    apart = 0.1 * U
    assert not agree(0.01 * U, 0.01 * U, temperature=100.0)
    for scale in (1e-3, 1.0, 1e3):
        assert agree(scale * apart, scale * apart, temperature="auto")
        assert not agree(scale * FINE, scale * FINE, temperature="auto")
    assert not agree(torch.ones(4, 3), torch.ones(4, 3), temperature="auto")


def test_equal_distances_may_be_tolerated() -> None:
    still = torch.ones(4, 3)
    assert agree(still, still, ties="tolerant")
    assert agree(U, U[[0, 0, 2, 3]], ties="tolerant", test="align", both="or")
    assert not agree(U, torch.zeros(4, 3), ties="tolerant", test="align")
    pair = torch.stack([1e5 * LINE.T, FINE.T])
    assert consistent(pair, pair, GateTest(ties="tolerant")).tolist() == [True, False]


def test_channels_may_decide_by_themselves() -> None:
    """Whole frames differ, though no single channel tells all of them apart."""
    corners = 10 * torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    assert agree(corners, corners)
    assert not agree(corners, corners, distance="per_channel")
    both = torch.cat([10 * LINE, -20 * LINE], 1)
    assert agree(both, both, distance="per_channel")
    assert not agree(both, torch.cat([10 * LINE, 0 * LINE], 1), distance="per_channel")


def test_sequences_may_be_normalised() -> None:
    """A cell's answer is below 1, whatever the scale of its input."""
    s = 0.05 * U + 0.5
    assert not agree(U + 5, s)
    assert agree(U + 5, s, normalise="zscore", temperature=0.1)
    directions = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]])
    stretched = directions * torch.tensor([[1.0], [50], [900]])
    assert not agree(stretched, 0.1 * directions)
    assert agree(stretched, 0.1 * directions, normalise="l2", temperature=0.1)


def test_a_channel_that_never_changes_is_no_number_by_zero() -> None:
    u = torch.cat([LINE, torch.full((4, 1), 3.0)], 1)
    assert agree(u, u, normalise="zscore", temperature=0.01)


def test_large_activations_decide_as_small_ones() -> None:
    """The softmax over distances of 1e8 is one of logarithms."""
    assert agree(1e3 * U, 1e3 * U)
    assert agree(1e3 * U, 1e3 * U + 100), "no frame of the other side is near"
    near = 1e3 + 0.01 * U
    assert agree(near, near, temperature=1e-3), "near frames far from zero"
    u = (1e3 * U).half()
    assert agree(u, u)
    assert not agree(1e3 * U, torch.zeros(4, 3))


@pytest.mark.parametrize("ties", ["first", "tolerant"])
@pytest.mark.parametrize("test", ["cycle", "align"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e30])
def test_what_is_not_finite_never_agrees(wrong: float, test: str, ties: str) -> None:
    u = U.clone()
    u[1, 2] = wrong
    pair = torch.stack([u.T, U.T])
    form = TypeAdapter(GateTest)
    found = consistent(
        pair, torch.stack([U.T, U.T]) + 1, form.validate_python({"test": test, "ties": ties})
    )
    assert found.tolist() == [False, True], "the clip beside it is not touched"


SETTINGS = st.builds(
    GateTest,
    test=st.just("cycle"),
    both=st.sampled_from(["and", "or"]),
    distance=st.sampled_from(["vector", "per_channel"]),
    temperature=st.sampled_from([0.5, 4.0, "auto"]),
    normalise=st.sampled_from(["none", "l2", "zscore"]),
    min_fraction=st.sampled_from([0.5, 1.0]),
    ties=st.sampled_from(["first", "tolerant"]),
)


def drawn(seed: int, clips: int, channels: int, frames: int) -> tuple[Tensor, Tensor]:
    """Pairs of which about half agree, of different scales, and no two distances nearly equal."""
    generator = torch.Generator().manual_seed(seed)
    shape, each = (clips, channels, frames), (clips, 1, 1)
    u, noise = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    off, scale = (torch.rand(each, generator=generator, dtype=torch.float64) for _ in range(2))
    return 10 ** (3 * scale) * u, 10 ** (3 * scale) * (u + noise * off)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), SETTINGS)
def test_what_must_not_matter_does_not(
    seed: int, clips: int, channels: int, frames: int, test: GateTest
) -> None:
    """The order of the clips and their company, of the channels, and of the frames of one side."""
    u, s = drawn(seed, clips, channels, frames)
    found = consistent(u, s, test)
    assert found.dtype is torch.bool
    assert found.shape == (clips,)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(clips, generator=generator)
    assert torch.equal(consistent(u[order], s[order], test), found[order])
    alone = torch.cat([consistent(u[i : i + 1], s[i : i + 1], test) for i in range(clips)])
    assert torch.equal(alone, found)
    channel = torch.randperm(channels, generator=generator)
    assert torch.equal(consistent(u[:, channel], s[:, channel], test), found)
    frame = torch.randperm(frames, generator=generator)
    assert torch.equal(consistent(u, s[..., frame], test), found)
    assert torch.equal(consistent(s, u, test), found), "either may be called u"
    if test.normalise == "none":
        assert torch.equal(consistent(u + 7, s + 7, test), found)
    if frames == 1:
        assert found.all()


def test_align_asks_for_the_order_and_cycle_does_not() -> None:
    u, s = drawn(1, 40, 6, 5)
    for test, changes in (("align", True), ("cycle", False)):
        before = consistent(u, s, GateTest(test=test))
        after = consistent(u, s.flip(2), GateTest(test=test))
        assert before.any()
        assert (not torch.equal(before, after)) is changes


def test_a_decision_has_no_gradient_and_changes_nothing() -> None:
    u, s = (x.float().requires_grad_() for x in drawn(3, 2, 4, 4))
    before = u.detach().clone(), s.detach().clone()
    found = consistent(u, s, GateTest())
    assert not found.requires_grad
    assert torch.equal(u, before[0])
    assert torch.equal(s, before[1])


def test_autocast_does_not_round_it() -> None:
    """In bfloat16 1000, 1001, 1002 and 1003 are 1000 and 1004."""
    u = 1000 + torch.arange(4.0)[:, None] * 1.0
    with torch.autocast("cpu", torch.bfloat16):
        assert agree(u, u, temperature=0.1)


def test_its_settings_are_a_value_that_a_document_holds() -> None:
    test = GateTest(test="align", both="or", temperature="auto", min_fraction=0.5)
    form = TypeAdapter(GateTest)
    text = json.dumps(asdict(test))
    assert form.validate_json(text) == test
    assert form.dump_python(test, mode="json") == json.loads(text)
    assert hash(test) == hash(form.validate_json(text))
    with pytest.raises(ValidationError, match="tset"):
        form.validate_python({"tset": "cycle"})


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"test": "cylce"}, UnknownNameError, "test of a gate test: .*'cylce'.*'cycle'"),
        ({"both": "xor"}, UnknownNameError, "both of a gate test: .*'xor'.*and, or"),
        ({"distance": "chanel"}, UnknownNameError, "distance"),
        ({"normalise": "z"}, UnknownNameError, "normalise"),
        ({"ties": None}, UnknownNameError, "ties.*'None'"),
        ({"temperature": 0}, SettingsError, "temperature.*got 0; allowed: .*above 0, or 'auto'"),
        ({"temperature": float("inf")}, SettingsError, "temperature.*got inf"),
        ({"temperature": "mean"}, SettingsError, "temperature.*got 'mean'"),
        ({"temperature": True}, SettingsError, "temperature.*got True"),
        ({"min_fraction": 0.0}, SettingsError, "min_fraction.*got 0.0; allowed: above 0, up to 1"),
        ({"min_fraction": 1.5}, SettingsError, "min_fraction.*got 1.5"),
        ({"min_fraction": float("nan")}, SettingsError, "min_fraction.*got nan"),
    ],
)
def test_settings_out_of_range_are_refused(
    wrong: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        GateTest(**wrong)


def test_what_are_no_two_sequences_is_refused() -> None:
    u = torch.rand(2, 3, 4)
    wrong: list[Any] = [torch.rand(2, 3, 5), u[0], u.numpy(), None]
    for other in wrong:
        with pytest.raises(DataError, match=r"got a tensor of shape \(2, 3, 4\).*one shape"):
            consistent(u, other, GateTest())
