#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1 libraries): H.264 with B-frames, copied from MP4 into AVI without coding it anew.
# Seen: 60 frames at 25 a second, 2.4 s in the MP4; the AVI says average_rate 50, 60 frames, and a duration
# of 4.76 s by its packets' times at its own time base of 1/50... i.e. 119 ticks for 60 frames.
# It matters to whoever takes the rate from the header, or divides frames by duration: two of the three
# figures contradict each other, and seconds point to other frames than in the file it was copied from.
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
with av.open(f"{folder}/a.mp4", "w") as out:
    stream = out.add_stream("libx264", rate=25, options={"bf": "3", "threads": "1"})
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for n in range(60):
        picture = np.full((48, 64, 3), 4 * n, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    out.mux(stream.encode(None))
with av.open(f"{folder}/a.mp4") as source, av.open(f"{folder}/a.avi", "w") as out:
    stream = out.add_stream_from_template(source.streams.video[0])
    for packet in source.demux(video=0):
        if packet.size:
            packet.stream = stream
            out.mux_one(packet)
for name in ("a.mp4", "a.avi"):
    with av.open(f"{folder}/{name}") as file:
        video = file.streams.video[0]
        rate, base = video.average_rate, video.time_base
        packets = [p for p in file.demux(video=0) if p.size]
        print(name, "rate", rate, "time base", base, "packets", len(packets),
              "seconds by packet times", float((max(p.pts for p in packets) - min(p.pts for p in packets)) * base))
PYTHON
