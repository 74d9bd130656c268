#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1 libraries, x265): HEVC as x265 writes it by default, cut at a key frame without
# coding it anew (what "ffmpeg -ss ... -c copy" and mkvmerge do), in Matroska.
# Seen: every packet has a size, a presentation time of its own and no discard flag, but the decoder shows
# fewer frames than there are packets: the first key frame opens a group whose leading pictures refer to
# what was cut away, and these vanish without an error.
# It matters because packets are counted to know how many frames a file has: here the last numbers do not
# exist, and number n is another frame than the n-th packet. H.264 with closed groups has none of this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.0
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys
import av
import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(0)
with av.open(f"{folder}/whole.mkv", "w") as out:
    options = {"x265-params": "log-level=none:keyint=30:min-keyint=30:scenecut=0:pools=1:frame-threads=1"}
    stream = out.add_stream("libx265", rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for n in range(100):
        picture = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    out.mux(stream.encode(None))
with av.open(f"{folder}/whole.mkv") as source, av.open(f"{folder}/cut.mkv", "w") as out:
    stream = out.add_stream_from_template(source.streams.video[0])
    packets = [p for p in source.demux(video=0) if p.size]
    first = [n for n, p in enumerate(packets) if p.is_keyframe][1]
    for packet in packets[first:]:
        packet.stream = stream
        out.mux_one(packet)
counts = {}
for name in ("whole", "cut"):
    with av.open(f"{folder}/{name}.mkv") as file:
        held = [p for p in file.demux(video=0) if p.size and not p.is_discard]
    with av.open(f"{folder}/{name}.mkv") as file:
        shown = sum(1 for _ in file.decode(video=0))
    distinct = len({p.pts for p in held})
    counts[name] = len(held), distinct, shown
    print(f"{name}: {len(held)} packets, {distinct} distinct times, {shown} frames")
whole, cut = counts["whole"], counts["cut"]
as_stated = whole[0] == whole[2] == 100 and cut[0] == cut[1] > cut[2]
sys.exit(0 if as_stated else "not the stated behaviour any more")
PYTHON
