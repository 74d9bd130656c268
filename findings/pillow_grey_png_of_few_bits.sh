#!/usr/bin/env bash
# Pillow 13.0.0: a grey PNG of 2 or 4 bits opens as mode "L" with its values stretched to 0 to 255 (times
# 85 or 17), while 1 bit ("1"), 8 and 16 bits ("I;16") and every palette come out as stored; and nothing
# in `info` tells how many bits the file had. Seen for the stored row 0 1 2 3: [0, 85, 170, 255] with 2
# bits, [0, 17, 34, 51] with 4, [0, 1, 2, 3] with 8, 16 and with a palette of 4.
# It matters for label maps: the classes 0 to 3 become 0, 85, 170, 255 or 0, 17, 34, 51, depending on how
# small the writer packed the file. Byte 24 of the file (bit depth) says what to divide by.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pillow==13.0.0
cat > "$folder/show.py" <<'PY'
import io
import struct
import sys
import zlib

import PIL
from PIL import Image


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(bits, colour):
    """A row 0 1 2 3 in so many bits."""
    row = int("".join(f"{value:0{bits}b}" for value in range(4)), 2).to_bytes(bits // 2, "big")
    header = struct.pack(">IIBBBBB", 4, 1, bits, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(48)) if colour == 3 else b""
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + data + chunk(b"IEND", b"")


print("Pillow", PIL.__version__)
expected = {
    (2, 0): [0, 85, 170, 255],
    (4, 0): [0, 17, 34, 51],
    (8, 0): [0, 1, 2, 3],
    (16, 0): [0, 1, 2, 3],
    (4, 3): [0, 1, 2, 3],
}
for (bits, colour), values in expected.items():
    picture = Image.open(io.BytesIO(png(bits, colour)))
    found = [picture.getpixel((x, 0)) for x in range(4)]
    print(f"{bits:2} bits, {'palette' if colour else 'grey'}: mode {picture.mode}, {found}, info {picture.info}")
    if found != values or "bits" in picture.info:
        sys.exit("no longer so")
PY
"$folder/venv/bin/python" "$folder/show.py"
