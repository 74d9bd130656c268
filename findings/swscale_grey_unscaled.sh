#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg's libswscale 9.5), yuv420p -> rgb24 of a neutral grey ramp, limited range.
# Seen: the flags must be given together. Scaled to 112 x 112 the mean is 1.6 levels too dark with
# BILINEAR, and ACCURATE_RND alone changes nothing. At the full size of 256 x 256 BILINEAR is 0.42
# too dark, FULL_CHR_H_INT alone is as well, and ACCURATE_RND alone makes it worse: 1.68. At
# 255 x 255 every one of them is right. FULL_CHR_H_INT | ACCURATE_RND is within 0.02 at every size.
# Why it matters: the brightness of a frame depends on whether, and to what width, it is scaled; a
# flag called "accurate rounding" costs accuracy unless the other is set too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.0
"$work/venv/bin/python" - <<'PYTHON'
import sys
import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation as I, VideoReformatter

luma = np.tile(np.arange(256, dtype=np.uint8), (256, 1)).clip(16, 235)
planes = np.concatenate([luma, np.full((128, 256), 128, np.uint8)])
frame = VideoFrame.from_ndarray(planes, format="yuv420p")
right = ((luma.astype(float) - 16) * 255 / 219).mean()

def off(flags, side):
    out = VideoReformatter().reformat(
        frame, width=side, height=side, format="rgb24", interpolation=flags, threads=1
    )
    return float(out.to_ndarray().mean() - right)

ways = {
    "bilinear": I.BILINEAR,
    "+ accurate_rnd": I.BILINEAR | I.ACCURATE_RND,
    "+ full_chr_h_int": I.BILINEAR | I.FULL_CHR_H_INT,
    "+ both": I.BILINEAR | I.FULL_CHR_H_INT | I.ACCURATE_RND,
}
seen = {(name, side): off(flags, side) for name, flags in ways.items() for side in (256, 255, 112)}
for name in ways:
    print(f"{name:18}", *(f"{side}: {seen[name, side]:+.2f}" for side in (256, 255, 112)))
same = (
    seen["bilinear", 112] < -1.2
    and seen["+ accurate_rnd", 112] < -1.2
    and abs(seen["+ full_chr_h_int", 112]) < 0.05
    and -0.6 < seen["bilinear", 256] < -0.3
    and seen["+ accurate_rnd", 256] < -1.2
    and seen["+ full_chr_h_int", 256] < -0.3
    and all(abs(seen["+ both", side]) < 0.05 for side in (256, 255, 112))
)
sys.exit(0 if same else "not the stated behaviour any more")
PYTHON
