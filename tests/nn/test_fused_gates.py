"""Steps written for training: values of the plain operations, gradients that are right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from connsearch.models.structure import Network
from connsearch.nn import attention, connection
from connsearch.nn.fused_gates import in_training, means, pixels_last, scaled, together
from tests.nn.helpers import CLASSES, clips, starter

LAYOUTS = (torch.channels_last_3d, torch.contiguous_format)
SCALES = ((), (1, 3, 1, 1, 1), (2, 3, 1, 1, 1), (2, 3, 2, 1, 1))


def features(layout: torch.memory_format, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 2, 4, 3, generator=generator, dtype=torch.float64)
    return x.to(dtype).contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SCALES)
def test_gradients_of_a_scale(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    x = features(layout).requires_grad_()
    scale = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(scaled, (x, scale))
    assert torch.autograd.gradcheck(lambda s: scaled(x.detach(), s), (scale,))
    assert torch.autograd.gradcheck(lambda x: scaled(x, scale.detach()), (x,))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_scaled_map_has_the_bits_and_the_layout_of_the_product(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    x, gate = features(layout, dtype), torch.rand(2, 3, 2, 1, 1, requires_grad=True)
    y = scaled(x, gate)
    assert torch.equal(y, x * gate.to(dtype))
    assert y.dtype is dtype
    assert y.is_contiguous(memory_format=layout)
    y.float().sum().backward()
    assert gate.grad is not None
    assert gate.grad.dtype is torch.float32


def layers_and_inputs() -> tuple[list[nn.Linear], list[Tensor]]:
    torch.manual_seed(0)
    layers = [nn.Linear(wide, 4, dtype=torch.float64) for wide in (3, 5, 3, 3)]
    inputs = [torch.randn(6, m.in_features, dtype=torch.float64) for m in layers]
    return layers, [x.requires_grad_() for x in inputs]


def test_gradients_of_layers_computed_together() -> None:
    layers, inputs = layers_and_inputs()
    parameters = [p for m in layers for p in m.parameters()]
    for mine, layer, x in zip(together(layers, inputs), layers, inputs, strict=True):
        torch.testing.assert_close(mine, layer(x))

    def work(*_changed: Tensor) -> tuple[Tensor, ...]:
        return together(layers, inputs)

    assert torch.autograd.gradcheck(work, (*inputs, *parameters))


def test_layers_of_one_shape_are_stacked_under_autocast() -> None:
    """The only case in which several layers are one product; gradients stay in order."""
    layers, inputs = layers_and_inputs()
    layers, inputs = [m.float() for m in layers], [x.detach().float() for x in inputs]
    inputs = [x.requires_grad_() for x in inputs]
    factors = [1.0, 2.0, 3.0, 4.0]
    found: list[list[Tensor]] = []
    for low in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            ours = (
                together(layers, inputs)
                if low
                else [m(x) for m, x in zip(layers, inputs, strict=True)]
            )
        assert all(y.dtype is torch.float32 for y in ours)
        total = sum((y.square() * f).sum() for y, f in zip(ours, factors, strict=True))
        wanted = [*inputs, *(p for m in layers for p in m.parameters())]
        assert isinstance(total, Tensor)
        found.append(list(torch.autograd.grad(total, wanted)))
    for mine, plain in zip(*found, strict=True):
        assert mine.dtype is plain.dtype
        assert (mine - plain).norm() < 0.02 * plain.norm()


def test_a_second_derivative_is_refused() -> None:
    x = features(LAYOUTS[0]).requires_grad_()
    scale = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    layers, inputs = layers_and_inputs()
    for y, of in ((scaled(x, scale), scale), (together(layers, inputs)[0], inputs[0])):
        (slope,) = torch.autograd.grad(y.square().sum(), of, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            slope.sum().backward()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_training_step_is_that_of_the_plain_operations(
    layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(starter(), CLASSES, seed=1, memory_format=layout).train()
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.3)
    streams = clips(network.structure)
    found: list[tuple[Tensor, list[Tensor]]] = []
    for fast in (True, False):
        if not fast:
            for module in (attention, connection):
                monkeypatch.setattr(module, "in_training", lambda _module: False)  # type: ignore[misc]
        logits = network(streams)
        grads = torch.autograd.grad(logits.square().sum(), list(network.parameters()))
        found.append((logits, list(grads)))
    (mine, of_mine), (plain, of_plain) = found
    torch.testing.assert_close(mine, plain)
    for (name, _), a, b in zip(network.named_parameters(), of_mine, of_plain, strict=True):
        assert (a - b).norm() <= 1e-2 * b.norm() + 1e-7, name


def test_evaluation_and_export_take_the_plain_operations() -> None:
    layer = nn.Linear(1, 1)
    assert in_training(layer)
    with torch.no_grad():
        assert not in_training(layer)
    assert not in_training(layer.eval())
    network = Network(starter(), CLASSES, seed=1).eval()
    streams = clips(network.structure)
    program = torch.export.export(network, (streams,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(streams), network(streams))


def test_a_hook_on_a_dense_layer_hears_it_in_training() -> None:
    network = Network(starter(), CLASSES, seed=1).train()
    heard: list[str] = []
    for name, module in network.named_modules():
        if ".attention.gates." in name or ".attention.project." in name:
            module.register_forward_hook(lambda _m, _x, _y, name=name: heard.append(name))
    network(clips(network.structure))
    wanted = {n for n, m in network.named_modules() if "attention" in n and type(m) is nn.Linear}
    assert set(heard) == wanted


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_means_have_the_bits_of_the_plain_ones_and_of_their_gradient(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    x = torch.rand(2, 8, 3, 5, 7).to(dtype).contiguous(memory_format=layout)
    plain, lean = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, wanted = means(lean, torch.float32), pixels_last(plain.float()).mean(2)
    assert torch.equal(found, wanted)
    upstream = torch.rand(2, 3, 8)
    found.backward(upstream)
    wanted.backward(upstream)
    assert lean.grad is not None
    assert plain.grad is not None
    assert torch.equal(lean.grad, plain.grad)
