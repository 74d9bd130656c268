"""Batch norm in channels last: how exact are gradients of a whole network, and what does it cost?

Our sums against torch's own, switched in turn in one run; errors are against the same network in
float64, of all gradients together (relative norm).

    python benchmarks/exact_norm.py --markdown benchmarks/exact_norm.md
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from page import table, write_markdown
from profile_step import step_of, streams_of
from torch import Tensor

from connsearch.graph.files import load_structure
from connsearch.models.structure import Network
from connsearch.nn import split_norm

GRADIENTS = (("starter", "8x16x112x112"), ("starter", "16x8x32x32"))
STEPS = (
    ("starter", "16x8x32x32", True),
    ("starter", "8x16x112x112", False),
    ("assemblenet-50", "1x16x112x112", False),
    ("assemblenet-50", "2x8x64x64", False),
)
"""Structure, clips, and whether it is a search."""


@contextmanager
def torchs_own() -> Iterator[None]:
    """Lets torch normalise inside."""
    ours, split_norm.is_better = split_norm.is_better, lambda _: False
    try:
        yield
    finally:
        split_norm.is_better = ours


@contextmanager
def norms_in_float64() -> Iterator[None]:
    """Normalises in float64 inside; all else stays in float32."""

    def forward(self: split_norm.SplitNorm, input: Tensor) -> Tensor:
        assert self.weight is not None
        scales = self.weight.double(), self.bias.double()
        return torch.nn.functional.batch_norm(
            input.double(), None, None, *scales, training=True, eps=self.eps
        ).float()

    ours, split_norm.SplitNorm.forward = split_norm.SplitNorm.forward, forward
    try:
        yield
    finally:
        split_norm.SplitNorm.forward = ours


def size_of(text: str) -> list[int]:
    return [int(part) for part in text.split("x")]


def gradients(network: Network, streams: dict[str, Tensor]) -> Tensor:
    """Returns all gradients of a network in training as one vector, in float64."""
    labels = torch.arange(len(streams["rgb"])) % network.num_classes
    network.zero_grad()
    torch.nn.functional.cross_entropy(network(streams), labels).backward()
    found = [p.grad.double().flatten() for p in network.parameters() if p.grad is not None]
    return torch.cat(found)


def errors(name: str, clips: str) -> list[str]:
    """Returns a row: the errors of both sides with one thread and with two.

    Then those with norms in float64, which show what all other rounding does, and of contiguous
    features.
    """
    structure = load_structure(name).with_settings(dropout=0.0)
    kept = {"learn_connections": True, "seed": 0}
    last = Network(structure, 4, **kept, memory_format=torch.channels_last_3d).train()
    plain = Network(structure, 4, **kept, memory_format=torch.contiguous_format).train()
    streams = streams_of(last, size_of(clips))
    exact = Network(structure, 4, **kept, memory_format=torch.contiguous_format).double().train()
    wanted = gradients(exact, {stream: x.double() for stream, x in streams.items()})

    def off(network: Network) -> str:
        return f"{float((gradients(network, streams) - wanted).norm() / wanted.norm()):.1e}"

    cells = [name, clips]
    for threads in (1, 2):
        torch.set_num_threads(threads)
        cells.append(off(last))
        with torchs_own():
            cells.append(off(last))
    with norms_in_float64():
        cells.append(off(last))
    return [*cells, off(plain)]


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def cost(name: str, clips: str, rounds: int, *, search: bool) -> list[str]:
    """Returns a row: what a training step takes with both, in turn."""
    step = step_of(name, size_of(clips), 4, search=search)
    ours, theirs = list[float](), list[float]()
    step()
    for turn in range(rounds):
        for mine in (True, False) if turn % 2 else (False, True):
            if mine:
                ours.append(seconds(step))
            else:
                with torchs_own():
                    theirs.append(seconds(step))
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    quarter = rounds // 4
    return [
        f"{name}{', search' if search else ''}",
        clips,
        f"{statistics.median(ours) * 1e3:.0f} ms",
        f"{statistics.median(theirs) * 1e3:.0f} ms",
        f"{statistics.median(ratios):.2f} [{ratios[quarter]:.2f}, {ratios[-1 - quarter]:.2f}]",
    ]


def main(words: Sequence[str] | None = None) -> None:
    """Measures, prints the tables, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--markdown", type=Path, help="also write the page here")
    given = parser.parse_args(words)
    heads = ["network", "clips", "ours, 1 thread", "torch's own, 1 thread", "ours, 2 threads",
             "torch's own, 2 threads", "norms in float64", "contiguous"]  # fmt: skip
    lines = ["Error of all gradients, relative to float64:", ""]
    lines += table(heads, [errors(*one) for one in GRADIENTS])
    lines += ["", "A training step, float32, 2 threads:", ""]
    rows = [cost(name, clips, given.rounds, search=search) for name, clips, search in STEPS]
    lines += table(["network", "clips", "ours", "torch's own", "times as long"], rows)
    lines += ["", f"Medians of {given.rounds} steps in turn [middle half], torch "
              f"{torch.__version__}."]  # fmt: skip
    print("\n".join(lines))
    if given.markdown:
        command = f"python benchmarks/exact_norm.py --rounds {given.rounds}"
        write_markdown(given.markdown, "Batch norm in channels last", command, lines)


if __name__ == "__main__":
    main()
