#!/usr/bin/env bash
# torch 2.13.0 (CPU): F.group_norm with a scale and a shift, of groups of one number each (as many groups as channels,
# one pixel), does not give the shift. In exact arithmetic a number less its own mean is 0; without scale and shift
# F.group_norm gives exactly that, and so does F.layer_norm over one number with them. With scale 1 and shift 0 group
# normalisation leaves up to 2e-5 of the number in float32 (1.9e-5 seen, for all of 8,192 numbers): scale and
# 1 / sqrt(eps), about 316, are multiplied into number and mean before the two are subtracted. In float64: 3e-14.
# It matters to networks with one group a channel, or narrow groups, whose maps end as one pixel of one frame: what is
# meant to be the shift alone is noise of the size of the input, and where logits are small they differ visibly.
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
x = torch.randn(2, 4096)


def left(dtype, affine=True):
    scale, shift = torch.ones(4096, dtype=dtype), torch.zeros(4096, dtype=dtype)
    out = F.group_norm(x.to(dtype), 4096, *((scale, shift) if affine else ()))
    return float((out.abs() / x.to(dtype).abs()).max()), int((out != 0).sum())


single, count = left(torch.float32)
double, _ = left(torch.float64)
plain, _ = left(torch.float32, affine=False)
layer = float(F.layer_norm(x.reshape(-1, 1), (1,), torch.ones(1), torch.zeros(1)).abs().max())
print(f"group_norm, float32: up to {single:.1e} of the number is left, in {count} of {x.numel()}")
print(f"float64: {double:.1e}; without scale and shift: {plain:.1e}; layer_norm with them: {layer:.1e}")
exact = plain == layer == 0
sys.exit(0 if 1e-6 < single < 1e-4 and count > x.numel() / 2 and double < 1e-12 and exact else 1)
PY
