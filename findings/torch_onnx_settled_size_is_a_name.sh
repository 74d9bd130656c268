#!/usr/bin/env bash
# torch 2.13.0 (CPU), onnxscript 0.7.2: torch.export settles the length of a sequence that goes through nn.LSTM or
# nn.GRU at that of the example, without a word if the axis was Dim.AUTO; torch.onnx.export then writes this length
# as the *name* '5' of an open axis (dim_param), not as the number 5.
# Seen: the program of torch.export refuses 10 steps. The ONNX model made from it takes 10 steps of 2 sequences in
# onnxruntime 1.31.1 and returns 5 steps of 4 sequences, without an error. Lengths that are no multiple of 5 fail.
# It matters to recurrent cells in exports: compare with another length, write the number into dim_value, or write
# the cell as torch's scan, which both keep open.
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


class Cell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.LSTM(3, 4)

    def forward(self, x):
        return self.cell(x)[0]


module = Cell().requires_grad_(False)
axes = ({0: Dim.AUTO, 1: Dim.AUTO},)
program = torch.export.export(module, (torch.rand(5, 2, 3),), dynamic_shapes=axes)
ten = torch.rand(10, 2, 3)
try:
    program.module()(ten)
    refused = False
except AssertionError as error:
    refused = True
    print("torch.export:", str(error).splitlines()[0])
model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
steps = model.graph.input[0].type.tensor_type.shape.dim[0]
print(f"ONNX: steps are dim_param {steps.dim_param!r}, dim_value {steps.dim_value}")
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
(found,) = session.run(None, {session.get_inputs()[0].name: ten.numpy()})
print(f"onnxruntime: {tuple(ten.shape)} in, {found.shape} out; the module: {tuple(module(ten).shape)}")
sys.exit(0 if refused and steps.dim_param == "5" and found.shape == (5, 4, 4) else 1)
PY
