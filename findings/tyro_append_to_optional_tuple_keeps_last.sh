#!/usr/bin/env bash
# tyro 1.0.17: an option that may be repeated (tyro.conf.UseAppendAction) and whose type is an optional tuple,
# tuple[str, ...] | None, keeps the last value only, and gives it as a text, not as a tuple. Nothing is said.
# Seen: --rate a=1 --rate b=2 gives 'b=2' for the optional tuple, and ('a=1', 'b=2') for tuple[str, ...].
# It matters where None is to mean that an option was not given: take the plain tuple, and an empty one for that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q tyro==1.0.17
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from dataclasses import dataclass

import tyro


@dataclass
class Optional:
    rate: tyro.conf.UseAppendAction[tuple[str, ...] | None] = None


@dataclass
class Plain:
    rate: tyro.conf.UseAppendAction[tuple[str, ...]] = ()


line = "--rate a=1 --rate b=2".split()
optional, plain = (tyro.cli(form, args=line).rate for form in (Optional, Plain))
print(f"tuple[str, ...] | None: {optional!r}; tuple[str, ...]: {plain!r}")
sys.exit(0 if optional == "b=2" and plain == ("a=1", "b=2") else 1)
PY
