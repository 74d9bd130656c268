#!/usr/bin/env bash
# torch 2.13.0 (CPU): torch.export of a program with torch.take_along_dim settles every axis along which index and input
# have the same size, the batch among them. With a named Dim the export is refused (a UserError that names the axis,
# not the operator); with Dim.AUTO it succeeds and the axis is a plain number: another number of clips fails only when
# the program is run. The same numbers by Tensor.gather, with the index expanded by hand, leave the batch open.
# It matters where every clip of a batch picks places of its own (crops, chosen frames, early exits): take_along_dim is
# the convenient one of both, since it broadcasts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys

import torch
from torch import nn
from torch.export import Dim


class Along(nn.Module):
    def forward(self, clips, places):
        return torch.take_along_dim(clips, places, 2)


class Gathered(nn.Module):
    def forward(self, clips, places):
        return clips.gather(2, places.expand(-1, clips.shape[1], -1))


def exported(program, axis):
    given = torch.randn(2, 3, 8), torch.randint(0, 8, (2, 1, 5))
    shapes = {"clips": {0: axis}, "places": {0: axis}}
    return torch.export.export(program, given, dynamic_shapes=shapes)


def batch_of(program):
    return next(n.meta["val"].shape[0] for n in program.graph.nodes if n.op == "placeholder")


one = torch.randn(1, 3, 8), torch.randint(0, 8, (1, 1, 5))
same = torch.equal(Along()(*one), Gathered()(*one))
print(f"both give the same numbers: {same}")
try:
    exported(Along(), Dim("clips", min=1, max=64))
    named = "accepted"
except Exception as error:
    named = type(error).__name__
print(f"take_along_dim, a named Dim: {named}")
settled = exported(Along(), Dim.AUTO)
print(f"take_along_dim, Dim.AUTO: the batch is {batch_of(settled)}")
try:
    settled.module()(*one)
    run = "runs"
except Exception as error:
    run = f"{type(error).__name__}"
print(f"take_along_dim, Dim.AUTO, run with one clip: {run}")
free = exported(Gathered(), Dim("clips", min=1, max=64))
found = torch.equal(free.module()(*one), Gathered()(*one))
print(f"gather, a named Dim: the batch is a {type(batch_of(free)).__name__}, right with one clip: {found}")
seen = same and named == "UserError" and batch_of(settled) == 2 and run != "runs"
sys.exit(0 if seen and found else 1)
PY
