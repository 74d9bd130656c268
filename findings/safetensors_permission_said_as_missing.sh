#!/usr/bin/env bash
# safetensors 0.8.0 (with numpy 2.4.6), Linux.
# safe_open on a file that exists but may not be read raises FileNotFoundError
# "No such file or directory: PATH"; plain open() of the same path raises PermissionError (EACCES).
# Why it matters: whoever shows the message sends people looking for a file that is there, and code
# that treats "not found" as "start from nothing" starts over beside a checkpoint it may not read.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6
"$place/venv/bin/python" - "$place/x.safetensors" <<'PY'
import os
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

path = sys.argv[1]
save_file({"a": np.ones(3, np.float32)}, path)
os.chmod(path, 0)
if os.getuid() == 0:  # root may read everything
    os.setuid(65534)
said = []
for name, attempt in (
    ("open", lambda: open(path, "rb")),
    ("safe_open", lambda: safe_open(path, framework="numpy")),
):
    try:
        attempt()
    except OSError as error:
        said.append(type(error))
        print(f"{name}: {type(error).__name__}: {error}")
sys.exit(said != [PermissionError, FileNotFoundError])
PY
