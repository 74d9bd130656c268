#!/usr/bin/env bash
# safetensors 0.8.0 (with numpy 2.4.6), Linux.
# save_file writes a temporary file and renames it: the result has mode 0600 whatever the umask
# says (open() would give 0644 under 022), an existing 0644 file becomes 0600, and where the target
# is a symbolic link the link itself is replaced by a regular file; what it pointed to stays old.
# Why it matters: weights saved for a group can be read by their owner only, and a "latest" link
# silently stops being one. safetensors.numpy.save() and an own write have none of this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6
"$place/venv/bin/python" - "$place" <<'PY'
import os
import stat
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

os.umask(0o022)
place = Path(sys.argv[1])
plain, real, link = place / "plain", place / "real", place / "link"
plain.write_bytes(b"")
link.symlink_to(real)
real.write_bytes(b"old")
before = stat.S_IMODE(plain.stat().st_mode)
save_file({"a": np.ones(3, np.float32)}, plain)
save_file({"a": np.ones(3, np.float32)}, link)
after = stat.S_IMODE(plain.stat().st_mode)
print(f"mode: {before:04o} before, {after:04o} after")
print(f"link: still a link: {link.is_symlink()}; what it pointed to: {real.read_bytes()!r}")
sys.exit((before, after, link.is_symlink(), real.read_bytes()) != (0o644, 0o600, False, b"old"))
PY
