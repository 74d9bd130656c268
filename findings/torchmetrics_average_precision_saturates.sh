#!/usr/bin/env bash
# torchmetrics 1.9.0: binary_average_precision of logits can lose their order, although it only needs the order.
# Seen: three clips with the float32 logits 30, 20 and -5, the first of them positive. By their order the average
# precision is 1.0; it returns 0.5: one number outside [0, 1] makes it take the sigmoid of all, which is exactly 1
# for both of the first two in float32, so that they tie. The ranks of the same numbers, in [0, 1), give 1.0.
# It matters for networks that are sure of themselves: mAP falls with their confidence, not with their mistakes.
# Give it ranks (or anything in [0, 1] that keeps the order) in place of logits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 torchmetrics==1.9.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import torch
from torchmetrics.functional.classification import binary_average_precision

logits, positive = torch.tensor([30.0, 20.0, -5.0]), torch.tensor([1, 0, 0])
ranks = logits.argsort().argsort() / len(logits)
found = [round(float(binary_average_precision(x, positive)), 4) for x in (logits, ranks)]
print(f"average precision: of the logits {found[0]}, of their ranks {found[1]}")
sys.exit(0 if found == [0.5, 1.0] else 1)
PY
