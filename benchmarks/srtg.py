"""A training step of r2plus1d_18, plain and with temporal gates: our defaults, and what gates add.

Every row compares two sides that are measured in turn in one run and gives the median of their
ratios, so that a busy machine disturbs both alike. The other side of the first table is the same
network in contiguous float32, as a plain build has it.

    python benchmarks/srtg.py [--device cuda] [--quick] [--markdown benchmarks/srtg.md]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from network import Row, Size, clip, paired
from page import write_markdown
from torch.nn.functional import cross_entropy

from connsearch.models.zoo import MODELS
from connsearch.nn.precision import Precision, autocast
from connsearch.nn.temporal_gate import TemporalGate
from connsearch.training.environment import has_fast_bf16

PLAIN, GATED = "r2plus1d_18", "srtg_r2plus1d_18"
CLASSES = 400


@dataclass(frozen=True)
class Setup:
    """Where, on which clips, and how long to measure."""

    device: str
    size: Size
    pairs: int

    @property
    def precision(self) -> Precision:
        """The number format that a training takes by itself."""
        return "bf16" if has_fast_bf16(self.device) else "fp32"

    @property
    def clips(self) -> str:
        """The clips in words."""
        count, frames, height, width = self.size
        return f"{count} clips of {frames}x{height}x{width}"


def network(name: str, device: str, *, default: bool = True, gated: bool = False) -> Any:
    """Returns a network; ``default`` is the layout people get, else contiguous as a plain build."""
    net: Any = MODELS[name].build(CLASSES, seed=0)
    if not default:
        layout = torch.contiguous_format
        net = type(net)(net.settings, CLASSES, name=name, seed=0, memory_format=layout)
    for module in net.modules():
        if isinstance(module, TemporalGate):
            module.gated = gated
    return net.to(device).train()


def training_step(net: Any, setup: Setup, precision: Precision) -> Callable[[], None]:
    """Returns one step of training: forward, backward, SGD with Nesterov momentum."""
    optimiser = torch.optim.SGD(
        net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    rgb = clip(setup.size, setup.device)
    labels = torch.arange(rgb.shape[0], device=setup.device)

    def step() -> None:
        optimiser.zero_grad()
        with autocast(setup.device, precision):
            logits = net({"rgb": rgb})
        cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return step


def speed_rows(setup: Setup) -> list[Row]:
    """Our defaults against contiguous float32, for both networks."""
    rows: list[Row] = []
    for name in (PLAIN, GATED):
        ours = training_step(network(name, setup.device), setup, setup.precision)
        plain = training_step(network(name, setup.device, default=False), setup, "fp32")
        rows.append(paired(name, ours, plain, setup.pairs, setup.device))
    return rows


def gate_rows(setup: Setup) -> list[Row]:
    """What squeeze and recursion adds, while everything is fused and while gates decide."""
    rows: list[Row] = []
    for what, gated in (("squeeze and recursion", False), ("the same, gates decide", True)):
        without = training_step(network(PLAIN, setup.device), setup, setup.precision)
        with_gates = network(GATED, setup.device, gated=gated)
        added = training_step(with_gates, setup, setup.precision)
        rows.append(paired(what, without, added, setup.pairs, setup.device))
    return rows


def page(setup: Setup) -> list[str]:
    """Returns the two tables as lines, printing them as they come."""
    lines: list[str] = []

    def put(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    put(f"Training steps of {setup.clips}; ours: channels last, {setup.precision}.")
    put("")
    put("| network | ours | contiguous fp32 | fp32 / ours | middle half |")
    put("|---|---|---|---|---|")
    for row in speed_rows(setup):
        put(str(row))
    put("")
    put(f"| added to {PLAIN} | without | with | added | middle half of with / without |")
    put("|---|---|---|---|---|")
    for row in gate_rows(setup):
        added = f"{100 * (row.ratio - 1):+.1f} %"
        put(f"| {row.what} | {row.ours} | {row.other} | {added} | {row.spread} |")
    return lines


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--pairs", type=int, default=11, help="of steps a row; by default 11")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its numbers say nothing"
    )
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args(given)
    size, pairs = ((2, 4, 32, 48), 2) if options.quick else ((4, 16, 112, 112), options.pairs)
    lines = page(Setup(options.device, size, pairs))
    if options.markdown is not None:
        title = f"A training step of {PLAIN} and {GATED}"
        command = "python benchmarks/srtg.py --markdown FILE"
        where = torch.cuda.get_device_name() + ", " if options.device == "cuda" else ""
        note = f"{where}torch {torch.__version__}, {torch.get_num_threads()} threads"
        write_markdown(options.markdown, title, command, lines, note=note)


if __name__ == "__main__":
    main()
