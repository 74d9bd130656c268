#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1 libraries), GIF: the rate that the file's header is said to have is not the rate
# at which its frames are shown.
# Seen: 60 frames written at 30 a second say average_rate 100/3 (33.33), and their own presentation times
# 29.95; at 60 a second 100 against 60.2; at 25 a second both say 25.
# A GIF keeps delays in hundredths of a second, so 30 a second is a pattern of 3, 3 and 4; the demuxer reports
# the shortest delay as the rate. It matters to whoever turns seconds into frame numbers by average_rate:
# they are off by a tenth, and by two thirds for a GIF of 60 a second.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.0
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys
import av
import numpy as np

seen = {}
for rate in (25, 30, 60):
    path = f"{sys.argv[1]}/{rate}.gif"
    with av.open(path, "w") as out:
        stream = out.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb8"
        for n in range(60):
            picture = np.full((32, 32, 3), 4 * n, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="rgb8")))
        out.mux(stream.encode(None))
    with av.open(path) as file:
        said = float(file.streams.video[0].average_rate)
        times = [float(frame.time) for frame in file.decode(video=0)]
    measured = (len(times) - 1) / (times[-1] - times[0])
    seen[rate] = said, measured
    print(f"written at {rate}: the header says {said:.2f}, the times {measured:.2f}")
right = all(abs(measured / rate - 1) < 0.01 for rate, (_, measured) in seen.items())
wrong = abs(seen[30][0] - 100 / 3) < 0.01 and seen[60][0] == 100 and seen[25][0] == 25
sys.exit(0 if right and wrong else "not the stated behaviour any more")
PYTHON
