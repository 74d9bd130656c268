#!/usr/bin/env bash
# safetensors 0.8.0: save_file writes to ".tmpXXXXXX" (six random characters) beside the name it is given
# and renames that. A process that is killed while it saves leaves that file, of up to the full size; no
# later save takes it over or removes it. Seen: 3 kills, 3 files, all still there after two whole saves.
# Whoever saves checkpoints on machines that end jobs fills the disk with files that no "*.safetensors"
# and no name of the program's own finds. safetensors.numpy.save() gives the bytes, and the program can
# write them under a name it knows again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.2.6
mkdir "$folder/work"
cat > "$folder/save.py" <<'PY'
import sys
import numpy as np
from safetensors.numpy import save_file
tensors = {"a": np.zeros(100_000_000, np.uint8)}
while True:
    save_file(tensors, sys.argv[1])
PY
cat > "$folder/look.py" <<'PY'
import signal, subprocess, sys, time
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file

place = Path(sys.argv[1])
target = place / "x.safetensors"
for _ in range(3):
    known = set(place.glob(".tmp*"))
    process = subprocess.Popen([sys.executable, sys.argv[2], str(target)])
    deadline = time.monotonic() + 60
    while not set(place.glob(".tmp*")) - known:
        assert time.monotonic() < deadline, "it no longer writes to a hidden name"
    process.send_signal(signal.SIGKILL)
    process.wait()
left = sorted(path.name for path in place.glob(".tmp*"))
print("left behind by 3 kills:", left)
for _ in range(2):
    save_file({"a": np.zeros(3, np.uint8)}, target)
still = sum((place / name).exists() for name in left)
print("still there after two whole saves:", still)
# a kill may come just after the rename: not every one has to leave something
sys.exit(0 if left and still == len(left) else 1)
PY
"$folder/venv/bin/python" "$folder/look.py" "$folder/work" "$folder/save.py"
