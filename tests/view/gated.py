"""Structures with all there is of gates: posts, gated connections, kinds, strides in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from connsearch.graph.gates import comparable, connection_gate_name, post_gate_name
from connsearch.graph.kinds import BLOCK_KINDS
from connsearch.graph.plan import plan
from connsearch.graph.spec import Post, Structure
from connsearch.runs.formats.gates import GateRow
from connsearch.view.structures.gate_marks import inner_gates

KINDS = (
    "r3d_basic",
    "srtg_r3d_basic",
    "srtg_r2plus1d_bottleneck_start",
    "bottleneck",
    "inverted_bottleneck",
)


def dressed(
    structure: Structure, seed: int = 0, *, kinds: Sequence[str] = KINDS, share: float = 0.4
) -> Structure:
    """The structure with gates, posts, kinds and strides in time drawn at random; it stays valid.

    Blocks keep their width; those whose kind cannot have it keep their kind, too.
    """
    rng, nodes = Random(seed), list(structure.nodes)
    widths = [shape.width for shape in plan(structure).nodes]
    for index, block in structure.blocks():
        name = rng.choice([*kinds, None])
        filters = None if name is None else BLOCK_KINDS[name].filters_of(widths[index])
        found = block if filters is None else replace(block, kind=name, filters=filters)
        steps = found.kind is not None and BLOCK_KINDS[found.kind].strides_time
        inputs = [replace(c, gated=rng.random() < share) for c in block.connections]
        nodes[index] = replace(
            found,
            connections=comparable(inputs),
            post=rng.choice(list(Post)),
            temporal_stride=rng.choice([1, 2]) if steps and block.pinned is None else 1,
        )
    return replace(structure, nodes=tuple(nodes), gates_decide=rng.random() < 0.7)


def gates_of(structure: Structure) -> list[str]:
    """The names of its gates; two modules a block where they are inside."""
    found: list[str] = []
    for index, block in structure.blocks():
        found += [connection_gate_name(e) for e, c in structure.connections()
                  if c.gated and e.target == index]  # fmt: skip
        if inner_gates(structure, block):
            found += [f"node {index}, module {module}" for module in (0, 1)]
        found += [post_gate_name(index)] if block.post is Post.SRTG else []
    return found


def rates_of(structure: Structure, seed: int = 1) -> dict[str, float]:
    """An open rate of each of its gates."""
    rng = Random(seed)
    choices = [0.0, 1.0, 0.002, 0.998, rng.random()]
    return {name: rng.choice([*choices, rng.random()]) for name in gates_of(structure)}


def gate_rows(names: Sequence[str], *, steps: int = 40, switch: int = 15) -> list[GateRow]:
    """Rows of ``gates.csv``: every fifth step of a training, and val every tenth."""
    rng, found = Random(2), list[GateRow]()
    for place, name in enumerate(names):
        for step in range(5, steps + 1, 5):
            after = max(step - switch, 0) / (steps - switch)
            rate = min(max((0.1 + 0.8 * place / len(names)) * after + rng.random() / 10, 0), 1)
            for split in ("train", "val") if step % 10 == 0 else ("train",):
                row = {"step": step, "epoch": step // 10, "split": split, "gate": name}
                row |= {"deciding": int(step > switch), "frames": 8}
                found.append(
                    GateRow.model_validate({**row, "opened": round(40 * rate), "clips": 40})
                )
    return found
