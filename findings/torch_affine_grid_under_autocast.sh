#!/usr/bin/env bash
# torch 2.13.0 (CPU): inside torch.autocast("cpu", torch.bfloat16), F.affine_grid of a float32 matrix gives a grid in
# bfloat16. The documentation of autocast does not name it; the grid is made by a batched matrix product, and that is
# on the list of lower precision. The grid holds places from -1 to 1, so what is lost are places: a window of 128
# pixels in a frame of 224 is sampled up to .31 pixels beside where it should be. F.grid_sample then runs in float32
# (it is on the list of full precision), so the output has the right type and nothing shows.
# It matters to spatial transformers and to crops that learn where to look: the loss is smooth in float32, and in
# bfloat16 the place moves in steps. A grid made in its own autocast(enabled=False) is as it was.
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

side, window = 224, 128
theta = torch.tensor([[[window / side, 0.0, 0.13], [0.0, window / side, -0.2]]])
picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
size = (1, 3, window, window)


def grid():
    return F.affine_grid(theta, size, align_corners=False)


exact = grid()
with torch.autocast("cpu", torch.bfloat16):
    rounded = grid()
    sampled = F.grid_sample(picture, rounded, align_corners=False)
    with torch.autocast("cpu", enabled=False):
        kept = grid()
off = float(((rounded.float() - exact) * side / 2).abs().max())
apart = float((sampled - F.grid_sample(picture, exact, align_corners=False)).abs().max())
print(f"float32 matrix -> grid in {rounded.dtype}, sampled picture in {sampled.dtype}")
print(f"places off by up to {off:.2f} pixels; pixels of 0 to 1 differ by up to {apart:.2f}")
print(f"in its own precision: off by {float((kept - exact).abs().max())}")
seen = rounded.dtype is torch.bfloat16 and sampled.dtype is torch.float32
sys.exit(0 if seen and 0.1 < off < 1 and apart > 0.05 and torch.equal(kept, exact) else 1)
PY
