#!/usr/bin/env bash
# rich 15.0.0: Text and Console.print remove five control characters (BEL, BS, VT, FF, CR) from what
# they are given, which reads like protection; ESC and the one-byte C1 introducers (U+009B, U+009D)
# go through, with markup, emoji, highlight and colours off, and also when the output is no terminal.
# Seen: bell False, escape True, CSI in one byte True.
# It matters wherever names of files or labels are printed: a colour code in a file's name colours the
# rest of the line, although these settings are off. One has to escape before.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q rich==15.0.0
"$place/venv/bin/python" - <<'PYTHON'
import io
import sys

from rich.console import Console
from rich.table import Table

written = io.StringIO()
console = Console(file=written, markup=False, emoji=False, highlight=False, color_system=None)
table = Table("name")
table.add_row("bell\x07 esc\x1b[32m one\x9b32m")
console.print("bell\x07 esc\x1b[32m one\x9b32m")
console.print(table)
text = written.getvalue()
bell, escape, single = "\x07" in text, text.count("\x1b[32m") == 2, text.count("\x9b32m") == 2
print(f"bell {bell}, escape {escape}, CSI in one byte {single}")
sys.exit(0 if (bell, escape, single) == (False, True, True) else 1)
PYTHON
