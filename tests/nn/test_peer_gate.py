"""Peer attention by itself, between tensors of any axes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.nn.attention import as_gate, frame_means
from connsearch.nn.modules import PeerGate

PEERS = {"sound": 3, "objects": 5}


def gate_of(width: int = 4) -> PeerGate:
    module, generator = PeerGate(width, PEERS), torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return module


def peers_of(sound: tuple[int, ...] = (9,), objects: tuple[int, ...] = (8, 8)) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "sound": torch.rand(2, 3, *sound, generator=generator),
        "objects": torch.rand(2, 5, *objects, generator=generator),
    }


@pytest.mark.parametrize("axes", [(), (7,), (6, 5), (7, 6, 5)])
def test_gates_have_the_axes_of_what_is_gated(axes: tuple[int, ...]) -> None:
    x = torch.rand(2, 4, *axes)
    module, peers = gate_of(), peers_of()
    gate = module.gate(x, peers)
    timed = {1: (7,), 3: (7, 1, 1), 2: (1, 1), 0: ()}[len(axes)]
    assert gate.shape == (2, 4, *timed)
    assert ((gate > 0) & (gate < 1)).all()
    assert torch.equal(module(x, peers), x * gate)


def test_the_gate_is_the_published_formula() -> None:
    module = gate_of()
    peers = peers_of((3, 2, 2), (3, 4, 4))
    share = module.coefficients()
    projections = dict(zip(PEERS, module.attention.project.values(), strict=True))
    mixed = sum(share[n] * projections[n](frame_means(peers[n])) for n in PEERS)
    assert isinstance(mixed, Tensor)
    expected = as_gate(module.attention.gates["0"](mixed))
    torch.testing.assert_close(module.gate(torch.rand(2, 4, 3, 2, 2), peers), expected)


def test_a_frame_hears_its_own_moment_and_a_clip_all_of_them() -> None:
    module, peers = gate_of(), peers_of((8,), (3, 3))
    late = {**peers, "sound": peers["sound"].clone()}
    late["sound"][:, :, 6:] += 1
    video = torch.rand(2, 4, 4, 2, 2)
    before, after = module.gate(video, peers), module.gate(video, late)
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])
    picture = torch.rand(2, 4, 2, 2)
    assert not torch.allclose(module.gate(picture, peers), module.gate(picture, late))


def test_everything_learns_and_is_saved() -> None:
    module = gate_of()
    module(torch.rand(2, 4, 6, 6), peers_of()).square().sum().backward()
    assert isinstance(module.logits, nn.Parameter)
    assert "attention.logits" in module.state_dict()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    assert sum(c.item() for c in module.coefficients().values()) == pytest.approx(1)


def test_half_precision_features_stay_half() -> None:
    x = torch.rand(2, 4, 6, 6, dtype=torch.bfloat16)
    assert gate_of()(x, peers_of()).dtype == torch.bfloat16


def test_gradients_are_those_of_the_function() -> None:
    module = gate_of().double()
    x = torch.rand(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    peers = [p.double().requires_grad_() for p in peers_of((2,), (2, 2)).values()]

    def function(x: Tensor, *given: Tensor) -> Tensor:
        return module(x, dict(zip(PEERS, given, strict=True)))

    # Gates are float32 by design: the steps must be seen in them.
    assert torch.autograd.gradcheck(function, [x, *peers], eps=1e-3, atol=2e-3, rtol=1e-2)


def test_what_does_not_fit_is_refused() -> None:
    module, x, peers = gate_of(), torch.rand(2, 4, 6, 6), peers_of()
    with pytest.raises(SettingsError, match="no peer is declared"):
        PeerGate(4, {})
    with pytest.raises(SettingsError, match="'width': got 0 channels"):
        PeerGate(0, PEERS)
    with pytest.raises(UnknownNameError, match="'sund', did you mean 'sound'"):
        module(x, {**peers, "sund": peers["sound"]})
    with pytest.raises(DataError, match=r"peer 'sound'.*not given"):
        module(x, {"objects": peers["objects"]})
    with pytest.raises(DataError, match=r"the gated tensor: .* 5 channels; declared: 4"):
        module(torch.rand(2, 5, 6, 6), peers)
    with pytest.raises(DataError, match=r"peer 'sound': .* 3 clips.* 2"):
        module(x, {**peers, "sound": torch.rand(3, 3, 9)})
