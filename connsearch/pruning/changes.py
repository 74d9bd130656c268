"""What the published rules change about a pruned network, against the same network pinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connsearch.graph.plan import BlockPlan, plan
from connsearch.graph.spec import Structure


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One number that is not what it was.

    Attributes:
        node: the node in the pruned structure; None for the head.
        what: width, size (stride relative to the clip), coefficient, addend order or head divisor.
        before: its value with shapes pinned.
        after: its value by the published rules.
    """

    node: int | None
    what: str
    before: Any
    after: Any

    def __str__(self) -> str:
        place = "head" if self.node is None else f"node {self.node}"
        return f"{place}: {self.what} {_shown(self.before)} -> {_shown(self.after)}"


def changes(pinned: Structure, published: Structure) -> tuple[ShapeChange, ...]:
    """Returns every width, size, coefficient, order and divisor in which the two differ.

    Both have the same nodes and connections.
    """
    return tuple(c for c in _compared(pinned, published) if c.before != c.after)


def _compared(pinned: Structure, published: Structure) -> Iterator[ShapeChange]:
    before, after = plan(pinned), plan(published)
    for index, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        if isinstance(old, BlockPlan) and isinstance(new, BlockPlan):
            yield ShapeChange(index, "fused width", old.fused_width, new.fused_width)
            yield ShapeChange(index, "input stride", old.input_stride, new.input_stride)
            yield ShapeChange(index, "output stride", old.stride, new.stride)
            times = (old.input_temporal_stride, new.input_temporal_stride)
            yield ShapeChange(index, "input stride in time", *times)
            times = (old.temporal_stride, new.temporal_stride)
            yield ShapeChange(index, "output stride in time", *times)
            yield ShapeChange(index, "attention width", old.attention_width, new.attention_width)
            orders = ([bucket.sources for bucket in shape.buckets] for shape in (old, new))
            yield ShapeChange(index, "addend order", *orders)
        else:
            yield ShapeChange(index, "stem width", old.width, new.width)
    weights = published.weights()
    for edge, weight in pinned.weights().items():
        what = f"coefficient of input {edge.source}"
        yield ShapeChange(edge.target, what, _coefficient(weight), _coefficient(weights[edge]))
    yield ShapeChange(None, "divisor", len(before.finals), len(after.finals))


def _coefficient(weight: Any) -> Any:
    return 1.0 if weight is None else weight


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
