"""Where the time of a training step goes, by kind of work, for any structure and size of clips.

Steps are profiled by torch in turn with steps that are not, so that what the profiler costs is
told. Rows are the operators' own times; what is left of the step is Python, autograd's own work and
waiting. Rates of convolutions are told as a share of what this machine reaches at best, measured in
the same run.

    python benchmarks/profile_step.py starter --clips 16x8x32x32 --search
    python benchmarks/profile_step.py assemblenet-50 --clips 1x16x112x112
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from page import table, write_markdown
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.models.structure import Network

KINDS: dict[str, tuple[str, ...]] = {
    "convolution, backward": ("convolution_backward",),
    "convolution, forward": ("convolution", "conv2d", "conv3d", "slow_conv", "thnn_conv"),
    "matrix product": ("mm", "addmm", "bmm", "baddbmm", "linear", "mv", "dot"),
    "batch norm": ("batch_norm", "native_batch_norm"),
    "pooling and resizing": ("pool", "upsample", "interpolate", "grid_sampler"),
    "copies and layout": ("copy", "clone", "contiguous", "cat", "stack", "fill", "zero"),
    "sums": ("sum", "mean", "softmax", "var", "norm"),
    "views": ("view", "slice", "select", "expand", "permute", "transpose", "as_strided", "squeeze",
              "detach", "alias", "split", "unbind", "narrow", "empty", "resize"),
}  # fmt: skip
"""Kinds of operators by parts of their names, the first that fits; all others are elementwise."""
OTHERS = "elementwise"


def kind_of(name: str) -> str:
    """Returns the kind of an operator of torch.

    >>> kind_of("aten::mkldnn_convolution"), kind_of("aten::add_"), kind_of("aten::clone")
    ('convolution, forward', 'elementwise', 'copies and layout')
    """
    plain = name.removeprefix("aten::").strip("_")
    for kind, parts in KINDS.items():
        exact = kind in ("matrix product", "sums")
        if any(plain == part if exact else part in plain for part in parts):
            return kind
    return OTHERS


def step_of(name: str, size: Sequence[int], classes: int, *, search: bool) -> Callable[[], None]:
    """Returns one training step: forward, backward, SGD; in a search weights of connections learn.

    Args:
        name: of the structure.
        size: clips, frames, height and width.
        classes: K.
        search: over-connect the structure, and let its connections learn.
    """
    structure = load_structure(name)
    if search:
        structure = over_connect(structure)
    network = Network(structure, classes, learn_connections=search, seed=0).train()
    streams = streams_of(network, size)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    labels = torch.arange(size[0]) % classes

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(network(streams), labels).backward()
        optimiser.step()

    return step


def streams_of(network: Network, size: Sequence[int]) -> dict[str, Tensor]:
    """Returns random streams for a network: colours, and object maps where it reads them."""
    generator = torch.Generator().manual_seed(0)
    clips, *rest = size
    streams = {"rgb": torch.rand(clips, 3, *rest, generator=generator) * 2 - 1}
    settings = network.structure.network
    for modality in network.structure.modalities():
        if modality == "object":
            width = settings.object_classes
            drawn = torch.randint(0, width, (clips, *rest), generator=generator)
            streams["object"] = torch.nn.functional.one_hot(drawn, width).movedim(-1, 1).float()
    return streams


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def best_rates() -> dict[str, float]:
    """Returns the most FLOPs a second of a convolution and a matrix product on this machine."""
    x = torch.randn(8, 64, 8, 28, 28).contiguous(memory_format=torch.channels_last_3d)
    conv = torch.nn.Conv3d(64, 64, (1, 3, 3), padding=(0, 1, 1)).requires_grad_(False)
    conv = conv.to(memory_format=torch.channels_last_3d)
    a, b = torch.randn(1536, 1536), torch.randn(1536, 1536)
    works: dict[str, tuple[Callable[[], object], float]] = {
        "convolution": (lambda: conv(x), 2.0 * 64 * 64 * 9 * 8 * 8 * 28 * 28),
        "matrix product": (lambda: a @ b, 2.0 * 1536**3),
    }
    found: dict[str, float] = {}
    for name, (work, flops) in works.items():
        found[name] = flops / min(seconds(work) for _ in range(12))
    return found


def flops_of(step: Callable[[], None]) -> dict[str, float]:
    """Returns the FLOPs of a step by kind, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        step()
    counts: Counter[str] = Counter()
    for operator, flops in counter.get_flop_counts().get("Global", {}).items():
        counts[kind_of(str(operator).replace("aten.", "aten::"))] += flops
    return dict(counts)


def profiled(step: Callable[[], None], rounds: int) -> tuple[dict[str, Any], list[float]]:
    """Returns what operators took and how many there were, by kind; and times of plain steps."""
    plain, times, calls, nodes = list[float](), Counter[str](), Counter[str](), 0
    watched = list[float]()
    step()
    for _ in range(rounds):
        plain.append(seconds(step))
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            watched.append(seconds(step))
        for event in seen.key_averages():
            if event.key.startswith("aten::"):
                times[kind_of(event.key)] += event.self_cpu_time_total / 1e6
                calls[kind_of(event.key)] += event.count
            elif event.key.startswith("autograd::engine"):
                nodes += event.count
    return {
        "times": {kind: value / rounds for kind, value in times.items()},
        "calls": {kind: value / rounds for kind, value in calls.items()},
        "nodes": nodes / rounds,
        "watched": statistics.median(watched),
    }, plain


def lines_of(given: argparse.Namespace) -> list[str]:
    """Returns the table, and what is below it."""
    size = [int(part) for part in given.clips.split("x")]
    step = step_of(given.structure, size, given.classes, search=given.search)
    flops, best = flops_of(step), best_rates()
    found, plain = profiled(step, given.rounds)
    whole, watched = statistics.median(plain), found["watched"]
    rows: list[list[str]] = []
    for kind, spent in sorted(found["times"].items(), key=lambda item: -item[1]):
        rate = flops.get(kind, 0) / spent
        top = best["convolution" if kind.startswith("convolution") else "matrix product"]
        shown = f"{rate / 1e9:.0f} GFLOP/s, {rate / top:.0%}" if flops.get(kind) else ""
        share = f"{spent / watched:.0%}"
        rows.append([kind, f"{spent * 1e3:.1f} ms", share, f"{found['calls'][kind]:,.0f}", shown])
    left = watched - sum(found["times"].values())
    rows.append(
        ["Python, autograd, waiting", f"{left * 1e3:.1f} ms", f"{left / watched:.0%}", "", ""]
    )
    heads = ["work", "own time", "share", "operators", "rate, share of the best here"]
    told = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in best.items())
    return [
        *table(heads, rows),
        "",
        f"A step takes {whole * 1e3:.0f} ms [{min(plain) * 1e3:.0f}, {max(plain) * 1e3:.0f}] "
        f"(median of {given.rounds} [least, most]), {watched * 1e3:.0f} ms while it is watched; "
        f"{found['nodes']:,.0f} autograd nodes, {sum(found['calls'].values()):,.0f} operators, "
        f"{sum(flops.values()) / 1e9:.2f} GFLOP. Best rates in the same run: {told}. "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, float32.",
    ]


def main(words: Sequence[str] | None = None) -> None:
    """Measures, prints the table, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("structure", nargs="?", default="starter")
    parser.add_argument("--clips", default="16x8x32x32", help="clips, frames, height and width")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--search", action="store_true", help="over-connected, connections learn")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", type=Path, help="also write the page here")
    given = parser.parse_args(words)
    torch.set_num_threads(given.threads)
    lines = lines_of(given)
    print("\n".join(lines))
    if given.markdown:
        command = f"python benchmarks/profile_step.py {given.structure} --clips {given.clips}"
        command += f" --threads {given.threads}" + (" --search" if given.search else "")
        title = f"Where a training step of {given.structure} goes"
        write_markdown(given.markdown, title, command, lines)


if __name__ == "__main__":
    main()
