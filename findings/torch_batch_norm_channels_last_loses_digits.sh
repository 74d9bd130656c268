#!/usr/bin/env bash
# torch 2.13.0 (CPU, float32): batch normalisation in training of features in channels_last_3d adds up each channel one
# number after the other, in float32. With 1.6 million numbers a channel, of mean 3 and spread 2, the variance is off by
# 1.0e-3 (relative; one thread) and 3.8e-4 (two threads), the gradient of the scale by 5.2e-4 and 2.0e-4. The same features
# in plain contiguous layout: 2.2e-8 and 3.2e-6, with any number of threads. Type and shape are the same, and small tests
# cannot see it: what is lost grows with the number of clips, frames and pixels, and with the mean.
# It matters where channels last is the faster layout, as on most CPUs: gradients of a whole network can be off by 1e-3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from torch.nn.functional import batch_norm

shape = (8, 8, 16, 112, 112)
features = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 2 + 3
vector = torch.randn(shape, generator=torch.Generator().manual_seed(1))
axes = (0, 2, 3, 4)
right = features.double().var(axes)


def normalised(layout, dtype=torch.float32):
    x = features.to(dtype).contiguous(memory_format=layout).requires_grad_()
    scale, shift = (torch.full((8,), value, dtype=dtype, requires_grad=True) for value in (1.0, 0.0))
    mean, variance = torch.zeros(8, dtype=dtype), torch.zeros(8, dtype=dtype)
    out = batch_norm(x, mean, variance, scale, shift, training=True, momentum=1.0)
    out.backward(vector.to(dtype).contiguous(memory_format=layout))
    return variance, scale.grad


def off(found, wanted):
    return float((found.double() - wanted).norm() / wanted.norm())


gradient = normalised(torch.contiguous_format, torch.float64)[1]
seen = {}
for name, layout in (("contiguous", torch.contiguous_format), ("channels last", torch.channels_last_3d)):
    for threads in (1, 2):
        torch.set_num_threads(threads)
        variance, by_scale = normalised(layout)
        seen[name, threads] = off(variance, right), off(by_scale, gradient)
        print(
            f"{name}, {threads} thread(s): variance off by {seen[name, threads][0]:.1e}, "
            f"gradient of the scale by {seen[name, threads][1]:.1e}"
        )
worse = all(seen["channels last", n][0] > 20 * seen["contiguous", n][0] for n in (1, 2))
sys.exit(0 if worse and seen["channels last", 1] != seen["channels last", 2] else 1)
PY
