#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1 libraries), H.264 with B-frames in AVI, written and read by PyAV.
# Seen: frames come out of the decoder in the right order, but frame.pts is that of the order of
# storage: it goes back and forth (1, 4, 3, 5, 2, ...) while the pictures go forward. packet.pts rises
# by one a packet, is never missing and never repeated, so nothing tells that it was made up. A seek to
# the "time" of a frame followed by looking for that pts gives another picture than one pass.
# Why it matters: anybody who looks frames up by pts (the usual recipe) gets frames off by one to
# three in AVI files, without an error; frame.time is wrong as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.0
"$work/venv/bin/python" - "$work/b.avi" <<'PYTHON'
import sys
import av
import numpy as np

path, count = sys.argv[1], 40
with av.open(path, "w") as out:
    stream = out.add_stream("libx264", rate=25, options={"bf": "3", "threads": "1", "qp": "10"})
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for n in range(count):  # the brightness of a picture says its number
        picture = np.full((48, 64, 3), 20 + 5 * n, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    out.mux(stream.encode(None))

def number(frame):
    return round((float(frame.to_ndarray(format="rgb24").mean()) - 20) / 5)

with av.open(path) as file:
    packets = [p.pts for p in file.demux(video=0) if p.size]
with av.open(path) as file:
    frames = [(frame.pts, number(frame)) for frame in file.decode(video=0)]
print("packet.pts", packets[:10])
print("frame.pts ", [pts for pts, _ in frames[:10]])
print("picture   ", [n for _, n in frames[:10]])
back = sum(b[0] < a[0] for a, b in zip(frames, frames[1:]))
print("frame.pts goes back", back, "times of", count - 1)
in_order = [n for _, n in frames] == list(range(count))
made_up = packets == list(range(packets[0], packets[0] + count))
sys.exit(0 if in_order and made_up and back > 3 else "not the stated behaviour any more")
PYTHON
