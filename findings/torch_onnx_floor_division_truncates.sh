#!/usr/bin/env bash
# torch 2.13.0 (CPU), onnxscript 0.7.2: torch.onnx.export writes // of a negative size as ONNX Div, which
# truncates towards zero, where Python and torch.export round down.
# Seen: a module that returns -(-n // 2), the usual way to write ceil(n / 2), for an open size n. For n = 7 the
# module and the program of torch.export say 4, onnxruntime 1.31.1 says 3; for even n all agree.
# It matters to exports with an open axis: a padding or a window that is computed in this way is off by one for
# some sizes, without an error. Compare with sizes the example did not have, or write (n + 1) // 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import onnxruntime
import torch
from torch.export import Dim


class Half(torch.nn.Module):
    def forward(self, x):
        return x * 0 + -(-x.shape[0] // 2)


module = Half()
shapes = ({0: Dim("n", min=2, max=99)},)
program = torch.export.export(module, (torch.zeros(6),), dynamic_shapes=shapes)
model = torch.onnx.export(program, dynamo=True, verbose=False)
session = onnxruntime.InferenceSession(
    model.model_proto.SerializeToString(), providers=["CPUExecutionProvider"]
)
seen = []
for n in (6, 7):
    x = torch.zeros(n)
    name = session.get_inputs()[0].name
    seen.append([
        int(module(x)[0]),
        int(program.module()(x)[0]),
        int(session.run(None, {name: x.numpy()})[0][0]),
    ])
    print(f"n = {n}: module {seen[-1][0]}, torch.export {seen[-1][1]}, onnxruntime {seen[-1][2]}")
sys.exit(0 if seen == [[3, 3, 3], [4, 4, 3]] else 1)
PY
