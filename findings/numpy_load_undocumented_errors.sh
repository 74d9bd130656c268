#!/usr/bin/env bash
# numpy 2.4.6: numpy.load names OSError, UnpicklingError, ValueError and EOFError as what it raises.
# A header that ends inside a bracket raises tokenize.TokenError instead (the second try, for headers
# of Python 2, runs the tokenizer outside the `except`); and a member of an npz whose magic bytes are
# damaged raises nothing: it comes back as `bytes`, so the fault shows up later, as an AttributeError.
# Seen: tokenize.TokenError: ('EOF in multi-line statement', (2, 0)) and <class 'bytes'>.
# It matters to whoever lists the exceptions of damaged files: both go past the documented list.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import io
import struct
import sys
import tokenize
import zipfile

import numpy as np

text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2,\n"
cut = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"12"
print("numpy", np.__version__)
try:
    np.load(io.BytesIO(cut), allow_pickle=False)
except tokenize.TokenError as error:
    print("tokenize.TokenError:", error)
except (OSError, ValueError, EOFError) as error:
    sys.exit(f"no longer so: {type(error).__name__}: {error}")

whole = io.BytesIO()
np.save(whole, np.arange(2, dtype=np.uint8))
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("classes.npy", b"\x92" + whole.getvalue()[1:])
archive.seek(0)
try:
    found = np.load(archive, allow_pickle=False)["classes"]
except ValueError as error:
    sys.exit(f"no longer so: {error}")
print("an array with one wrong byte comes back as", type(found))
if not isinstance(found, bytes):
    sys.exit("no longer so: no bytes")
PY
"$folder/venv/bin/python" "$folder/show.py"
