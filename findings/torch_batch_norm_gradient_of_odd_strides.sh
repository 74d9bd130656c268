#!/usr/bin/env bash
# torch 2.13.0 (CPU): the backward pass of F.batch_norm gives wrong gradients, without an error, where the features lie
# in memory with channels first, the gradient with channels last, and the gradient has an axis of one entry whose
# stride is not the one a fresh tensor would have. Such a stride says nothing, and Tensor.is_contiguous ignores it.
# Seen: features (3, 32, 1, 2, 2) with the strides (128, 4, 4, 2, 1). A gradient with the strides (128, 1, 128, 64, 32)
# gives 1e-7 (relative to float64, contiguous); with (128, 1, 384, 64, 32) gradients of features, scale and shift are
# off by more than their largest entry. Training and evaluation, float32 and float64, 4 and 5 axes, and a batch of one
# alike. Group normalisation, convolutions, pools and interpolation are right.
# It matters to networks in channels last whose maps end as one frame, row or column: additions and permutations leave
# such strides behind. Lay the gradient out anew (Tensor.copy_ into empty_like with the memory format).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)
shape = (3, 32, 1, 2, 2)
x, g = (torch.randn(shape, dtype=torch.float64) for _ in range(2))


def gradients(gradient, train):
    given = [x.to(gradient.dtype, copy=True)]
    given += [torch.ones(32, dtype=gradient.dtype), torch.zeros(32, dtype=gradient.dtype)]
    given = [t.requires_grad_() for t in given]
    mean, variance = (torch.full((32,), v, dtype=gradient.dtype) for v in (0.1, 2.0))
    out = F.batch_norm(given[0], mean, variance, given[1], given[2], train, 0.1, 1e-5)
    return [t.double() for t in torch.autograd.grad(out, given, gradient)]


seen = []
for train in (True, False):
    right = gradients(g, train)
    for stride in (128, 384):
        laid = torch.empty_strided(shape, (128, 1, stride, 64, 32)).copy_(g)
        assert laid.is_contiguous(memory_format=torch.channels_last_3d)
        ours = gradients(laid, train)
        apart = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(right, ours)]
        print(f"train={train}, stride {stride} of one frame:", " ".join(f"{e:.1e}" for e in apart))
        seen.append(max(apart) > 0.5)
sys.exit(0 if seen == [False, True, False, True] else 1)
PY
