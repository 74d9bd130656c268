"""What the network's choices bring: layout and precision, flow, freed streams, gates and peers.

Every row compares two sides that are measured in turn in one run and gives the median of their
ratios, so that a busy machine disturbs both alike. Memory is the peak of a process of its own.

    python benchmarks/network.py [--device cuda] [--quick] [--markdown benchmarks/network.md]
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from convolution_flow import convolution_flow
from torch import Tensor

from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention
from connsearch.nn.flow import representation_flow
from connsearch.nn.network import Network

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
    pairs_small: int
    pairs_large: int

    @classmethod
    def of(cls, device: str, quick: bool) -> Setup:
        """Returns the sizes: AssembleNet-50 on short and on long clips, or a smoke test."""
        if quick:
            return cls(device, (1, 2, 32, 32), (1, 4, 32, 32), 2, 1)
        return cls(device, (2, 8, 64, 64), (1, 16, 112, 112), 21, 3)


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
    """Returns how long one call takes."""
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


# What is measured ------------------------------------------------------------------------------


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
    for size, pairs in ((setup.small, setup.pairs_small), (setup.large, setup.pairs_large)):
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
    step = [_peak(setup.device, job, setup.large) for job in ("step", "plain step")]
    large = (4 * setup.large[0], *setup.large[1:])
    forward = [_peak(setup.device, job, large) for job in ("forward", "forward, all kept")]
    names = (
        f"peak of a training step, {_named(setup.large)}: default against contiguous fp32",
        f"peak of a forward pass, {_named(large)}: streams freed against kept",
    )
    pairs = zip(names, (step, forward), strict=True)
    return [
        Row(what, f"{a:.0f} MiB", f"{b:.0f} MiB", b / a, "beyond the built network")
        for what, (a, b) in pairs
    ]


def _named(size: Size) -> str:
    count, frames, height, width = size
    return f"{count} x {frames}x{height}x{width}"


# Memory, in a process of its own ---------------------------------------------------------------


def _peak(device: str, job: str, size: Size) -> float:
    """Returns MiB that a job needs at its peak beyond a process that has built the network."""
    line = [sys.executable, __file__, "--device", device, "--job", job, json.dumps(size)]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    return float(done.stdout)


def run_job(device: str, job: str, size: Size) -> float:
    """Runs one job and returns the MiB of its peak beyond what was in use before."""
    net = network(device, default=job != "plain step")
    rgb = clip(size, device)
    before = _in_use(device)
    if job.endswith("step"):
        work = training_step(net, rgb, bf16=job == "step")
        work()
        work()
    else:
        if job.endswith("kept"):
            net._last_use = {}  # pyright: ignore[reportPrivateUsage]
        net.eval()
        with torch.no_grad(), torch.autocast(device, torch.bfloat16):
            net({"rgb": rgb})
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


# Command ---------------------------------------------------------------------------------------


def machine(device: str) -> str:
    """Returns what the numbers were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0].split(":")[1].strip() if models else name
    if device == "cuda":
        name = f"{torch.cuda.get_device_name()} ({name})"
    threads = f"{torch.get_num_threads()} threads"
    return f"{name}, {threads}, {platform.system()}, torch {torch.__version__}"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; its numbers say nothing"
    )
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.job:
        print(run_job(options.device, options.job[0], tuple(json.loads(options.job[1]))))
        return
    setup = Setup.of(options.device, options.quick)
    lines = ["| what | ours | other | other / ours | middle half |", "|---|---|---|---|---|"]
    print("\n".join(lines))
    for part in (flow_rows, gate_rows, layout_rows, memory_rows):
        for row in part(setup):
            lines.append(str(row))
            print(row, flush=True)
    if options.markdown is not None:
        head = ["# What the network's choices bring", "", *(__doc__ or "").splitlines()[2:5], ""]
        foot = ["", f"AssembleNet-50, {machine(options.device)}, {datetime.now(UTC):%Y-%m-%d}."]
        options.markdown.write_text("\n".join([*head, *lines, *foot]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
