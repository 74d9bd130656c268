"""Squeeze, recursion and the gate: what is computed, what learns, and what stays untouched."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.nn.modules import GateTest, OpenCount, TemporalGate
from connsearch.nn.recurrent import FEW, WIDE
from connsearch.nn.squeeze_recursion import SqueezeRecursion
from tests.nn.gates import WIDTH, clips, copying, parameters_that_learn

SHAPES = [(2, 3, 4, 5, 6), (2, 3, 4, 1, 7), (1, 3, 4, 7, 1), (2, 3, 4, 1, 1), (3, 3, 1, 5, 6)]
"""Also maps of one row or column, on which the published code stops, and one frame."""


def by_hand(gate: TemporalGate | SqueezeRecursion, x: Tensor) -> Tensor:
    """The states ``(B, C, T)`` of an LSTM on the means over the pixels, equation by equation."""
    cell: Any = gate.recursion
    sequence = [frame.mean((-2, -1)) for frame in x.unbind(2)]
    for layer in range(cell.num_layers):
        w_ih, w_hh, b_ih, b_hh = cell.all_weights[layer]
        h = c = torch.zeros_like(sequence[0])
        found: list[Tensor] = []
        for u in sequence:
            rows = u @ w_ih.T + b_ih + h @ w_hh.T + b_hh
            i, f, g, o = rows.split(cell.hidden_size, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            found.append(h)
        sequence = found
    return torch.stack(sequence, 2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_mean_a_two_layer_lstm_and_a_product(
    shape: tuple[int, ...], training: bool
) -> None:
    gate, x = TemporalGate(3).train(training), torch.randn(shape)
    s = by_hand(gate, x)
    torch.testing.assert_close(gate(x), x * s[..., None, None], atol=1e-6, rtol=0)
    only = SqueezeRecursion(3)
    only.load_state_dict(gate.state_dict())
    torch.testing.assert_close(only(x), s, atol=1e-6, rtol=0)


def test_one_layer_or_a_gru_may_do_it() -> None:
    x = torch.randn(2, 3, 4, 5, 6)
    one, gru = TemporalGate(3, layers=1), TemporalGate(3, cell="gru")
    torch.testing.assert_close(one(x), x * by_hand(one, x)[..., None, None], atol=1e-6, rtol=0)
    states, _ = gru.recursion(x.mean((3, 4)).permute(2, 0, 1))
    torch.testing.assert_close(gru(x), x * states.permute(1, 2, 0)[..., None, None])
    assert {name.rsplit("_", 1)[0] for name in one.state_dict()} == {
        f"recursion.{kind}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }


@pytest.mark.parametrize("frames", [1, FEW])
def test_a_frame_or_two_go_step_by_step_and_come_out_as_torch_has_them(frames: int) -> None:
    gate, x = TemporalGate(WIDE), torch.randn(2, WIDE, frames, 2, 2)
    torch.testing.assert_close(gate(x), x * by_hand(gate, x)[..., None, None])
    gate(x).sum().backward()
    grads = {name: p.grad for name, p in gate.named_parameters()}
    assert all(grad is not None for grad in grads.values())
    idle = {name for name, grad in grads.items() if not grad.any()}  # type: ignore[union-attr]
    recurring = {"recursion.weight_hh_l0", "recursion.weight_hh_l1"}
    assert idle == (recurring if frames == 1 else set()), "nothing came before the first frame"


@pytest.mark.parametrize(
    ("fusion", "function"),
    [("one_plus", lambda s: 1 + s), ("sigmoid", torch.sigmoid), ("product", lambda s: s)],
)
def test_the_fusion_may_be_another(fusion: Any, function: Any) -> None:
    gate, x = TemporalGate(3, fusion=fusion), torch.randn(2, 3, 4, 5, 6)
    wanted = x * function(by_hand(gate, x))[..., None, None]
    torch.testing.assert_close(gate(x), wanted, atol=1e-6, rtol=0)
    gate.gated = True
    assert torch.equal(gate(x), x), "shut, whatever the fusion"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("order", ["oso", "sos", "osss", "ooo", "sss"])
def test_every_clip_decides_for_itself(order: str, training: bool) -> None:
    """Open clips are those of an ungated module bit for bit, shut ones those that went in."""
    gate, x = copying().train(training), clips(order)
    always, before = gate(x), x.clone()
    gate.gated = True
    found = gate(x)
    for index, letter in enumerate(order):
        wanted = always if letter == "o" else x
        assert torch.equal(found[index], wanted[index]), index
        assert not torch.equal(always[index], x[index])
    assert torch.equal(x, before), "what goes in stays as it is"


def test_a_batch_in_another_order_is_the_same_in_that_order() -> None:
    gate, x = copying(gated=True), clips("osoos")
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(gate(x[order]), gate(x)[order], atol=1e-6, rtol=0)


def test_what_is_not_a_number_stays_in_its_clip() -> None:
    gate, x = copying(gated=True), clips("os")
    wanted = gate(x)
    x = torch.cat([x, torch.full_like(x[:1], torch.inf)])
    found = gate(x)
    assert torch.equal(found[:2], wanted)
    assert torch.equal(found[2], x[2]), "shut"


@pytest.mark.parametrize(
    ("gated", "order", "learns"),
    [(True, "ss", False), (True, "so", True), (False, "ss", True)],
)
def test_the_cell_learns_from_open_clips_only(gated: bool, order: str, learns: bool) -> None:
    gate, x = copying(gated=gated), clips(order).requires_grad_()
    upstream = torch.randn(x.shape)
    gate(x).backward(upstream)
    assert x.grad is not None
    assert all(p.grad is not None for p in gate.parameters()), "none is left out of a step"
    assert len(parameters_that_learn(gate)) == (8 if learns else 0)
    for index, letter in enumerate(order):
        passed = torch.equal(x.grad[index], upstream[index])
        assert passed is (gated and letter == "s"), "a shut clip hands the gradient through"


def test_gradients_are_those_of_the_function() -> None:
    gate = copying(gated=True).double()
    x = clips("os", frames=2, size=(1, 2)).double().requires_grad_()
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert torch.autograd.gradcheck(gate, [x])
    assert torch.autograd.gradcheck(copying().double().eval(), [x])


def test_switching_it_changes_no_entry_of_its_state() -> None:
    """Before: every clip is fused; after: as its gate says. A resumed run has the same names."""
    gate, x = copying(), clips("so")
    names, always = list(gate.state_dict()), gate(x)
    torch.testing.assert_close(always, x * by_hand(gate, x)[..., None, None])
    gate.gated = True
    gated = gate(x)
    assert list(gate.state_dict()) == names
    assert not torch.equal(gated, always)
    other = TemporalGate(WIDTH)
    other.load_state_dict(gate.state_dict())
    assert torch.equal(other(x), always), "the switch is no part of the weights"
    assert copy.deepcopy(gate).gated


@pytest.mark.parametrize("width", [64, 512])
@pytest.mark.parametrize("normalise", ["none", "zscore"])
def test_nothing_is_open_before_anything_is_learned(width: int, normalise: Any) -> None:
    """From four frames on, noise and smooth motion alike: why training starts without gates."""
    test = GateTest(
        normalise=normalise, distance="per_channel" if normalise != "none" else "vector"
    )
    gate = TemporalGate(width, gated=True, test=test)
    gate.watched = True
    with torch.no_grad():
        for frames in (4, 8):
            noise = torch.randn(4, width, frames, 1, 1).relu()
            gate(noise)
            gate(noise.cumsum(2) / frames)
    assert gate.take_count() == OpenCount(0, 16)


def test_a_cell_that_learns_to_repeat_its_input_opens() -> None:
    gate = TemporalGate(16)
    gate.watched = True
    generator = torch.Generator().manual_seed(0)

    def means(clips: int) -> Tensor:
        signs = torch.randint(0, 2, (clips, 16, 4), generator=generator)
        return (1.8 * signs - 0.9)[..., None, None]

    def rate() -> float | None:
        with torch.no_grad():
            gate(means(256))
        return gate.take_count().rate

    assert rate() == 0
    optimiser = torch.optim.Adam(gate.parameters(), lr=1e-2)
    for _ in range(90):
        u = means(32)
        gate.watched = False
        s = gate(u) / u
        gate.watched = True
        loss = nn.functional.mse_loss(s, u)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    opened = rate()
    assert opened is not None
    assert opened > 0.95


def test_it_counts_only_while_it_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, x = copying(), clips("oso")
    assert gate.take_count() == OpenCount(0, 0)
    assert gate.take_count().rate is None
    gate.watched = True
    for gated in (False, True):
        gate.gated = gated
        gate(x)
    assert gate.take_count() == OpenCount(4, 6)
    assert gate.take_count() == OpenCount(0, 0), "it was taken"
    gate(x)
    assert gate.take_count().rate == pytest.approx(2 / 3)
    gate.watched = False
    gate(x)
    assert gate.take_count() == OpenCount(0, 0)
    gate.gated = False
    monkeypatch.setattr("connsearch.nn.temporal_gate.consistent", None)
    gate(x)  # nobody asks: nothing is decided


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("training", [True, False])
def test_half_precision_decides_and_recurs_in_float32(
    precision: torch.dtype, training: bool
) -> None:
    """What the gate multiplies by is rounded once, to the type of the features."""
    gate, x = copying(gated=True).train(training), clips("oso").to(precision)
    gate.watched = True
    exact = gate(x.float())
    with torch.autocast("cpu", precision):
        found = gate(x)
    assert found.dtype is precision
    assert gate.take_count() == OpenCount(4, 6)
    resolution = torch.finfo(precision).eps
    torch.testing.assert_close(found.float(), exact, rtol=resolution, atol=0)
    assert torch.equal(found[1], x[1])
    only, grey = SqueezeRecursion(WIDTH), (1 + torch.rand(2, WIDTH, 4, 9, 9)).to(precision)
    with torch.autocast("cpu", precision):
        s = only(grey)  # the means of frames are closer together than this precision tells apart
    torch.testing.assert_close(s, only(grey.float()), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float32])
def test_large_activations_stay_numbers(precision: torch.dtype) -> None:
    gate = copying(gated=True, test=GateTest(temperature=1e-3))
    x = (1e3 * clips("os")).to(precision).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is not torch.float32):
        found = gate(x)
    found.float().mean().backward()
    assert found.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in gate.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_the_layout_in_memory_is_kept(training: bool) -> None:
    x = torch.randn(2, 4, 3, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    gate = TemporalGate(4, gated=True).train(training)
    assert gate(x).is_contiguous(memory_format=torch.channels_last_3d)
    assert gate(x.contiguous()).is_contiguous()


def test_the_copy_of_a_count_is_no_trouble() -> None:
    gate = copying()
    gate.watched = True
    gate(clips("o"))
    twin = copy.deepcopy(gate)
    assert twin.take_count() == gate.take_count() == OpenCount(1, 1)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_a_clip_comes_out_as_it_does_alone(seed: int, count: int, frames: int, gated: bool) -> None:
    gate = copying(gated=gated)
    generator = torch.Generator().manual_seed(seed)
    letters = "".join("os"[int(torch.randint(0, 2, (), generator=generator))] for _ in range(count))
    x = clips(letters, frames=frames, seed=seed)
    found = gate(x)
    assert found.shape == x.shape
    for index in range(count):
        alone = gate(x[index : index + 1])[0]
        torch.testing.assert_close(found[index], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"width": 0}, SettingsError, "width of a temporal gate: got 0; .*from 1"),
        ({"width": 2.0}, SettingsError, r"width of a temporal gate: got 2\.0"),
        ({"layers": True}, SettingsError, "layers of a temporal gate: got True"),
        ({"cell": "rnn"}, UnknownNameError, "cell of a temporal gate: .*'rnn'.*lstm, gru"),
        ({"fusion": "mul"}, UnknownNameError, "fusion of a temporal gate.*'mul'.*one_plus"),
        ({"test": "cycle"}, SettingsError, "got a value of the type str; wanted: a GateTest"),
    ],
)
def test_settings_that_are_none_are_refused(
    wrong: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        TemporalGate(**{"width": 4, **wrong})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (torch.rand(2, 5, 3, 4, 4), r"of 4 channels: got a tensor of shape \(2, 5, 3, 4, 4\)"),
        (torch.rand(2, 4, 3, 4), r"must be \(clips, 4 channels, frames, height, width\)"),
        (torch.rand(0, 4, 3, 4, 4), "none of them 0"),
        (torch.ones(2, 4, 3, 4, 4, dtype=torch.int64), r"int64.*floating point.*\.float\(\)"),
        (torch.rand(2, 4, 3, 4, 4).numpy(), r"got a value of the type ndarray.*as_tensor"),
        (None, "got None"),
    ],
)
def test_features_that_are_none_are_refused(wrong: Any, said: str) -> None:
    for module in (TemporalGate(4), SqueezeRecursion(4)):
        with pytest.raises(DataError, match=said):
            module(wrong)
