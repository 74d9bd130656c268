#!/usr/bin/env bash
# imgaug 0.4.0 (its newest release) with NumPy 2.4.0: pip installs the two side by side, and `import imgaug` fails.
# Seen: it asks for numpy>=1.15 without an upper bound, so nothing is said when it is installed; the import ends with
# "AttributeError: `np.sctypes` was removed in the NumPy 2.0 release".
# It matters because training code for video networks, SRTG's among it, imports it in its data loader: with today's
# packages that code stops at its first import, before any data is read. What it drew there is in our augmentations.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q imgaug==0.4.0 numpy==2.4.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import requires

asked = [line for line in requires("imgaug") or [] if line.startswith("numpy")]
try:
    import imgaug  # noqa: F401

    said = "nothing"
except AttributeError as error:
    said = str(error)
print(f"it asks for {asked}; the import says: {said}")
sys.exit(0 if asked == ["numpy (>=1.15)"] and "np.sctypes" in said else "not the stated behaviour any more")
PY
