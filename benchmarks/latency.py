"""Does the measured latency of the pruned starter fall with its multiply-accumulates?

Searches the starter structure once (built-in data, the commands a user types), then times networks
along the path of its prunings, all of them in turn: latency as a share of the whole network's, MACs
as a share, and the ratio of the two. A ratio of 1: time falls as MACs do. Above 1: it falls less.
What MACs do not count (flow, pooling, sums, gates) is in the time.

    python benchmarks/latency.py [--quick] [--device cuda] [--markdown benchmarks/latency.md]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from page import table, write_markdown

from connsearch.analysis.curve import spread_evenly
from connsearch.graph.cost import cost
from connsearch.graph.dag import levels
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Modality, Structure
from connsearch.models.latency import Latency, latencies
from connsearch.models.structure import Network
from connsearch.pruning.path import pruning_path

CLASSES = 4
SIZES = ((8, 32, 32), (16, 112, 112))


def searched(directory: Path, *, quick: bool) -> Structure:
    """Returns the starter with the weights a short search on the built-in data gives it."""
    from connsearch.cli.app import main

    run = directory / "search"
    short = ["--steps", "2", "--frames", "4", "--size", "16"] if quick else ["--epochs", "4"]
    few = ("8", "4", "4") if quick else ("24", "12", "12")
    clips = [*("--train-clips", few[0]), *("--val-clips", few[1]), *("--test-clips", few[2])]
    line = ["search", "starter", "--run", str(run), "--threads", "1", *short, *clips]
    code = main(line)
    if code:
        raise SystemExit(code)
    return load_structure(str(run / "learned.json"))


def chosen(structure: Structure, clip: tuple[int, int, int], points: int) -> list[Structure]:
    """Returns the whole structure and prunings of it, evenly spread in MACs."""

    def macs(one: Structure) -> int:
        return cost(one, num_classes=CLASSES, clip=clip).macs

    path = [member.structure for member in pruning_path(structure)][1:]
    places = spread_evenly([macs(one) for one in path], macs(structure), points - 1)
    return [structure, *(path[place] for place in places)]


def rows(
    structures: Sequence[Structure],
    clip: tuple[int, int, int],
    passes: int,
    device: str,
    bf16: bool,
) -> list[list[str]]:
    """Returns one row a structure: what is left, MACs, latency, and the ratio of the two shares."""
    networks = [Network(one, CLASSES, seed=0).to(device) for one in structures]
    found = latencies(networks, clip=clip, passes=passes, precision="bf16" if bf16 else "fp32")
    counts = [cost(one, num_classes=CLASSES, clip=clip).macs for one in structures]
    lines: list[list[str]] = []
    for one, time, macs in zip(structures, found, counts, strict=True):
        share, speed = macs / counts[0], time.seconds / found[0].seconds
        lines.append(
            [
                str(len(one.edges())),
                _left(one),
                f"{macs / 1e6:.1f} M",
                f"{share:.0%}",
                _time(time),
                f"{speed:.0%}",
                f"{speed / share:.2f}",
            ]
        )
    return lines


HEADS = ["connections", "blocks, streams", "MACs", "share", "latency (spread)", "share", "ratio"]


def _left(structure: Structure) -> str:
    blocks = sum(level >= 0 for level in levels(structure))
    streams = ", ".join(m.value for m in Modality if m in structure.modalities())
    return f"{blocks}, {streams}"


def _time(found: Latency) -> str:
    return f"{found.seconds * 1e3:.2f} ms ({found.spread:.0%})"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="compute convolutions in bfloat16")
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="a smoke test, not a result")
    parser.add_argument("--run", type=Path, help="a finished search to prune, not one made now")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args(given)
    torch.set_num_threads(options.threads)
    points, passes = (4, 2) if options.quick else (options.points, options.passes)
    if options.run is not None:
        structure = load_structure(str(options.run / "learned.json"))
    else:
        with tempfile.TemporaryDirectory() as directory:
            structure = searched(Path(directory), quick=options.quick)
    lines: list[str] = []
    for clip in SIZES:
        some = chosen(structure, clip, points)
        lines += [f"One clip of {'x'.join(map(str, clip))}:", ""]
        lines += [*table(HEADS, rows(some, clip, passes, options.device, options.bf16)), ""]
    print("\n".join(lines))
    if options.markdown is not None:
        title = "Does latency fall with multiply-accumulates? (the starter, searched and pruned)"
        precision = "bf16" if options.bf16 else "fp32"
        where = torch.cuda.get_device_name() + ", " if options.device == "cuda" else ""
        note = (
            f"{where}torch {torch.__version__}, {options.threads} thread(s), {precision}, "
            f"median of {passes} passes a network, all in turn; spread: "
            "interquartile range over median"
        )
        given_run = "" if options.run is None else " --run RUN"
        command = (
            f"python benchmarks/latency.py{given_run} --points {points} --passes {passes} "
            "--markdown FILE"
        )
        write_markdown(options.markdown, title, command, _explained(lines), note=note)


def _explained(lines: Sequence[str]) -> list[str]:
    text = (
        "Ratio: share of the latency over share of the MACs. 1: time falls as MACs do; above: "
        "less; below: more, for what MACs do not count (the flow, pooling and sums over "
        "connections) goes too. The first row is the whole searched network."
    )
    return [text, "", *lines[:-1]]


if __name__ == "__main__":
    main()
