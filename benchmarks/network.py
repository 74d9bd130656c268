"""What the network's choices bring: layout and precision, flow, freed streams, gates and peers.

Every row compares two sides that are measured in turn in one run and gives the median of their
ratios, so that a busy machine disturbs both alike.

    python benchmarks/network.py [--device cuda] [--quick] [--markdown benchmarks/network.md]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from convolution_flow import convolution_flow
from page import write_markdown
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.nn.flow import representation_flow

CLASSES = 157
Size = tuple[int, int, int, int]
"""Clips, frames, height and width."""


@dataclass(frozen=True)
class Row:
    """One line of the table: two sides and their ratio, with the middle half of the pairs."""

    what: str
    ours: str
    other: str
    ratio: float
    spread: str = ""

    def __str__(self) -> str:
        return f"| {self.what} | {self.ours} | {self.other} | {self.ratio:.2f} | {self.spread} |"


@dataclass(frozen=True)
class Setup:
    """Where and how long to measure."""

    device: str
    small: Size
    large: Size
    batch: Size
    pairs_gates: int
    pairs_large: int

    @classmethod
    def of(cls, device: str, quick: bool) -> Setup:
        """Returns the sizes: AssembleNet-50 on short and on long clips, or a smoke test."""
        if quick:
            return cls(device, (1, 2, 32, 32), (1, 4, 32, 32), (2, 2, 32, 32), 2, 1)
        return cls(device, (2, 8, 64, 64), (1, 16, 112, 112), (4, 8, 112, 112), 21, 3)


def clip(size: Size, device: str) -> Tensor:
    """Returns random RGB clips in -1..1."""
    count, *rest = size
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, 3, *rest, generator=generator) * 2 - 1).to(device)


def network(
    device: str, *, default: bool = True, learn: bool = False, peers: bool = False
) -> Network:
    """Returns AssembleNet-50; ``default`` is the layout users get, else plain contiguous."""
    mode = Attention.PEER if peers else Attention.NONE
    structure = load_structure("assemblenet-50").with_settings(attention=mode)
    layout = torch.channels_last_3d if default else torch.contiguous_format
    net = Network(structure, CLASSES, learn_connections=learn, seed=0, memory_format=layout)
    return net.to(device)


def training_step(net: Network, rgb: Tensor, *, bf16: bool = True) -> Callable[[], None]:
    """Returns one step of training: forward, backward, SGD."""
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    labels = torch.arange(rgb.shape[0], device=rgb.device)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=bf16):
            logits = net({"rgb": rgb})
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return step


def seconds(work: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def paired(
    what: str, ours: Callable[[], object], other: Callable[[], object], pairs: int, device: str
) -> Row:
    """Returns other / ours over so many pairs, the order changing from pair to pair."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for warm in (ours, other):
        seconds(warm, device)
    for pair in range(pairs):
        for mine in (True, False) if pair % 2 else (False, True):
            times[mine].append(seconds(ours if mine else other, device))
    ratios = sorted(b / a for a, b in zip(times[True], times[False], strict=True))
    spread = f"{ratios[pairs // 4]:.2f} to {ratios[(3 * pairs) // 4]:.2f}, {pairs} pairs"
    mine, theirs = (statistics.median(times[side]) for side in (True, False))
    return Row(what, _time(mine), _time(theirs), statistics.median(ratios), spread)


def _time(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


def layout_rows(setup: Setup) -> list[Row]:
    """The whole step: our default against contiguous float32."""
    rows: list[Row] = []
    for size, pairs in ((setup.small, setup.pairs_large), (setup.large, setup.pairs_large)):
        rgb = clip(size, setup.device)
        ours = training_step(network(setup.device), rgb)
        plain = training_step(network(setup.device, default=False), rgb, bf16=False)
        what = f"training step, {_named(size)}: channels last + bf16 against contiguous fp32"
        rows.append(paired(what, ours, plain, pairs, setup.device))
    return rows


def flow_rows(setup: Setup) -> list[Row]:
    """Representation flow, 40 iterations, no gradient: slices against convolutions."""
    rows: list[Row] = []
    for size in (setup.small, setup.large):
        rgb = clip(size, setup.device)

        def ours(rgb: Tensor = rgb) -> Tensor:
            return representation_flow(rgb, iterations=40)

        def convolutions(rgb: Tensor = rgb) -> Tensor:
            return convolution_flow(rgb, iterations=40)

        with torch.no_grad():
            torch.testing.assert_close(ours(), convolutions(), rtol=1e-3, atol=1e-3)
            what = f"representation flow, {_named(size)}: slices against convolutions"
            rows.append(paired(what, ours, convolutions, setup.pairs_large, setup.device))
    return rows


def gate_rows(setup: Setup) -> list[Row]:
    """What it costs that connections learn, and that peers gate them."""
    rows: list[Row] = []
    pairs = setup.pairs_gates
    for size in (setup.small, setup.large, setup.batch):
        rgb = clip(size, setup.device)
        fixed = training_step(network(setup.device), rgb)
        gates = training_step(network(setup.device, learn=True), rgb)
        peers = training_step(network(setup.device, learn=True, peers=True), rgb)
        named = f"training step, {_named(size)}:"
        rows += [
            paired(
                f"{named} fixed weights against learned ones", fixed, gates, pairs, setup.device
            ),
            paired(f"{named} fixed against learned with peers", fixed, peers, pairs, setup.device),
        ]
    return rows


def memory_rows(setup: Setup) -> list[Row]:
    """Peak memory of a training step, and of a forward pass with and without freeing streams."""
    ours, plain = (_step_peak(setup.device, layout, setup.large) for layout in ("default", "plain"))
    net, rgb = network(setup.device).eval(), clip(setup.large, setup.device)

    @torch.no_grad()
    def forward() -> None:
        net({"rgb": rgb})

    freed = _allocated_peak(forward, setup.device)
    net._last_use = {}  # pyright: ignore[reportPrivateUsage]
    kept = _allocated_peak(forward, setup.device)
    found = {"training step: default and plain": (ours, plain)}
    found["forward pass: streams freed and kept"] = (freed, kept)
    note = "without the weights"
    return [
        Row(f"peak memory, {_named(setup.large)}, {k}", f"{a:.0f} MiB", f"{b:.0f} MiB", b / a, note)
        for k, (a, b) in found.items()
    ]


def _named(size: Size) -> str:
    count, frames, height, width = size
    return f"{count} clips of {frames}x{height}x{width}"


def _allocated_peak(work: Callable[[], None], device: str) -> float:
    """Returns MiB of tensors that a call holds at its peak, counted by torch's own allocator."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = _in_use(device)
        work()
        return _peak_so_far(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    results: Any = profiler.profiler
    events = results.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate(size for _, size in changes)) / 2**20


def _step_peak(device: str, layout: str, size: Size) -> float:
    """Returns MiB that training needs at its peak, in a process of its own."""
    line = [sys.executable, __file__, "--device", device, "--step", layout, json.dumps(size)]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    return float(done.stdout)


def run_step(device: str, layout: str, size: Size) -> float:
    """Runs two training steps and returns the MiB of the peak beyond what was in use before."""
    net = network(device, default=layout == "default")
    rgb = clip(size, device)
    before = _in_use(device)
    step = training_step(net, rgb, bf16=layout == "default")
    step()
    step()
    return _peak_so_far(device) - before


def _in_use(device: str) -> float:
    if device == "cuda":
        return torch.cuda.memory_allocated() / 2**20
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _peak_so_far(device)
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20


def _peak_so_far(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its numbers say nothing"
    )
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.step:
        layout, size = options.step
        print(run_step(options.device, layout, tuple(json.loads(size))))
        return
    setup = Setup.of(options.device, options.quick)
    lines = ["| what | ours | other | other / ours | middle half |", "|---|---|---|---|---|"]
    print("\n".join(lines))
    for part in (flow_rows, gate_rows, layout_rows, memory_rows):
        for row in part(setup):
            lines.append(str(row))
            print(row, flush=True)
    if options.markdown is not None:
        title = "What the network's choices bring (AssembleNet-50)"
        command = "python benchmarks/network.py --markdown FILE"
        where = torch.cuda.get_device_name() + ", " if options.device == "cuda" else ""
        note = f"{where}torch {torch.__version__}, {torch.get_num_threads()} threads"
        write_markdown(options.markdown, title, command, lines, note=note)


if __name__ == "__main__":
    main()
