"""Gates and scales that are one step of autograd each, with a backward pass written for them.

Taken apart into torch's own operations, what the gates of a network do is thousands of tiny steps,
and the gradient of a gate is a sum over the pixels of a whole feature map that torch 2.13 computes
ten times slower than it could where the layout is channels last. The functions are those of the
plain operations. They are for training steps: :func:`in_training` says when, and everything else
(evaluation, export, hard masks) takes the plain operations.

None of them can be differentiated twice; torch says so when it is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def in_training(module: nn.Module) -> bool:
    """Whether gradients are recorded for a module in training, and nothing traces it."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    traced = tracing or torch.compiler.is_compiling()
    return module.training and torch.is_grad_enabled() and not traced


def bare(layers: Iterable[nn.Module]) -> bool:
    """Whether all are dense layers without hooks: only those need not be called."""
    listening = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return all(
        type(layer) is nn.Linear and not any(getattr(layer, kind) for kind in listening)
        for layer in layers
    )


def pixels_last(x_BCTHW: Tensor) -> Tensor:
    """Returns the view ``(B, T, H W, C)``, whose sums over pixels are fast in both layouts."""
    return x_BCTHW.permute(0, 2, 3, 4, 1).flatten(2, 3)


def scaled(x_BCTHW: Tensor, scale: Tensor) -> Tensor:
    """Returns ``x * scale`` in the type of x, the same bits as the plain product.

    Args:
        x_BCTHW: features.
        scale: 0-d, or ``(B or 1, C, T or 1, 1, 1)``.
    """
    return cast(Tensor, _Scaled.apply(x_BCTHW, scale))


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor) -> Tensor:
        factor = scale.to(x.dtype)
        needs_x, needs_scale = ctx.needs_input_grad
        ctx.save_for_backward(x if needs_scale else None, factor if needs_x else None)
        ctx.scale = scale.shape, scale.dtype
        return x * factor

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, factor = ctx.saved_tensors
        shape, dtype = ctx.scale
        grad_x = None if factor is None else grad * factor
        if x is None:
            return grad_x, None
        sums_BTC = pixels_last(grad * x).sum(2)
        if not shape:
            return grad_x, sums_BTC.sum(dtype=dtype)
        sums = sums_BTC.to(dtype).transpose(1, 2)[..., None, None]
        return grad_x, sums.sum_to_size(shape)


def means(x_BCTHW: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns the spatial means ``(B, T, C)`` in a type; the gradient is never as large as x is.

    Torch's own backward pass writes the gradient of every pixel in the wider type first.
    """
    return cast(Tensor, _Means.apply(x_BCTHW, dtype))


class _Means(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.shape, ctx.dtype = x.shape, x.dtype
        return pixels_last(x.to(dtype)).mean(2)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Any
    ) -> tuple[Tensor, None]:
        (grad_BTC,) = grads
        share = (grad_BTC / (ctx.shape[3] * ctx.shape[4])).to(ctx.dtype)
        return share.transpose(1, 2)[..., None, None].expand(ctx.shape), None


def together(layers: Sequence[nn.Linear], inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Returns ``layer_k(input_k)`` of n dense layers, each ``(M, O_k)`` in float32.

    Layers of one shape are one product, in the type autocast has for dense layers; biases are added
    in float32. So the last bit of a result may depend on how many others there are, which networks
    that are compared bit by bit cannot have.

    Args:
        layers: with bias.
        inputs: n of ``(M, I_k)``.
    """
    kind, kernel = inputs[0].device.type, layers[0].weight
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else kernel.dtype
    kernels, biases = [m.weight for m in layers], [m.bias for m in layers]
    return cast("tuple[Tensor, ...]", _Together.apply(dtype, *inputs, *kernels, *biases))


class _Together(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *given: Tensor) -> tuple[Tensor, ...]:
        count = len(given) // 3
        inputs, kernels, biases = (given[i : i + count] for i in range(0, 3 * count, count))
        groups, wide = _alike(kernels, dtype), torch.promote_types(dtype, torch.float32)
        results: list[Any] = [None] * count
        saved: list[Tensor] = []
        with torch.autocast(given[0].device.type, enabled=False):
            for group in groups:
                x_NMI = _stacked([inputs[k] for k in group], dtype)
                kernel_NOI = _stacked([kernels[k] for k in group], dtype)
                y_NMO = torch.bmm(x_NMI, kernel_NOI.transpose(1, 2)).to(wide)
                for k, y in zip(group, y_NMO.unbind(), strict=True):
                    results[k] = y.add_(biases[k])
                saved += [x_NMI, kernel_NOI]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.types = groups, (inputs[0].dtype, kernels[0].dtype)
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Any
    ) -> tuple[Tensor | None, ...]:
        input_type, kernel_type = ctx.types
        count, saved = len(grads), ctx.saved_tensors
        results: list[Any] = [None] * (3 * count)
        with torch.autocast(grads[0].device.type, enabled=False):
            for index, group in enumerate(ctx.groups):
                x_NMI, kernel_NOI = saved[2 * index : 2 * index + 2]
                grad_NMO = _stacked([grads[k] for k in group], grads[0].dtype)
                low_NMO = grad_NMO.to(x_NMI.dtype)
                of_inputs = torch.bmm(low_NMO, kernel_NOI).to(input_type)
                of_kernels = torch.bmm(low_NMO.transpose(1, 2), x_NMI).to(kernel_type)
                found = (of_inputs, of_kernels, grad_NMO.sum(1).to(kernel_type))
                for place, values in enumerate(found):
                    for k, value in zip(group, values.unbind(), strict=True):
                        results[place * count + k] = value
        return None, *results


def _alike(kernels: Sequence[Tensor], dtype: torch.dtype) -> list[list[int]]:
    """The layers of each shape; each for itself where no cast copies the kernels anyway."""
    groups: dict[object, list[int]] = {}
    for k, kernel in enumerate(kernels):
        groups.setdefault(k if kernel.dtype == dtype else kernel.shape, []).append(k)
    return list(groups.values())


def _stacked(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The tensors in one, cast on the way; a view where there is one and it needs no cast."""
    if len(tensors) == 1:
        return tensors[0].to(dtype).unsqueeze(0)
    first = tensors[0]
    stacked = torch.empty((len(tensors), *first.shape), dtype=dtype, device=first.device)
    for row, tensor in zip(stacked.unbind(), tensors, strict=True):
        row.copy_(tensor)
    return stacked
