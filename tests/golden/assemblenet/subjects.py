"""Our modules in the place of golden component cases: flow, stems, fusion, blocks, heads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from connsearch.graph.kinds import BLOCK_KINDS, STEM_KINDS, BlockModule, StemModule
from connsearch.graph.layers import Sum
from connsearch.graph.plan import BlockPlan, plan
from connsearch.graph.spec import (
    FREE,
    Attention,
    Block,
    Connection,
    Modality,
    NetworkSettings,
    Stem,
    Structure,
)
from connsearch.graph.tracing import traced
from connsearch.models.block_node import BlockNode
from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.head import Head
from connsearch.nn.layered import Layered
from tests.golden.assemblenet.layout import Case
from tests.golden.assemblenet.models import model
from tests.golden.assemblenet.names import (
    FLOW_PREFIX,
    Slot,
    Subject,
    fusion_slot,
    head_slot,
    ignorable,
    suffix,
)
from tests.nn.feature_flow import FeatureFlow

_PEER = 100
"""Peer vectors of component cases get node numbers from here on."""


def _under(prefix: str, target: str = "") -> Callable[[str], Slot | None]:
    def slot(name: str) -> Slot | None:
        return Slot(target + suffix(name[len(prefix) :])) if name.startswith(prefix) else None

    return slot


def _shapes(case: Case) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in case.group("weight").items()}


def _flow(case: Case) -> Subject:
    shapes = _shapes(case)
    kernel = shapes["rep_flow/conv2/kernel"]
    module = FeatureFlow(
        kernel[3],
        bottleneck=kernel[2] // 2,
        iterations=case.number("flow_iter|iterations", 20),
        normalisation="batch",
    )

    def slot(name: str) -> Slot | None:
        if ignorable(case, name):
            return None
        return Slot(suffix(name[len(FLOW_PREFIX) :].replace("bn1", "bn")))

    return Subject(module, lambda x: module(x["x"]), slot, {"rep_flow/out": module})


def _stem(case: Case) -> Subject:
    kernel = _shapes(case)["stemtest/stem/conv1/kernel"]
    kind = STEM_KINDS["lite" if len(kernel) == 5 else "full"]
    modality = Modality.RGB if kernel[-2] == 3 else Modality.FLOW
    dilation = int(case.info.get("temporal_dilation") or 1)
    stem = StemModule(modality, kernel[-2], kernel[-1], dilation)
    module = Layered(kind.traced(stem))
    prefix = "stemtest/stem/"
    return Subject(module, lambda x: module(x["x"]), _under(prefix), {prefix + "out": module})


def _fusion(case: Case) -> Subject:
    named = next(k for k in case.arrays if "/fusion/" in k)
    prefix = re.sub(r"^.*(node\d+/fusion/).*$", r"\1", named)
    inputs = {k: a for k, a in case.group("input").items() if k.startswith("in")}
    peers = len(case.group("input")) - len(inputs)
    mode = _mode_of(case)
    object_width = case.number("num_object_classes", -1)
    stems = tuple(
        Stem(Modality.OBJECT if a.shape[-1] == object_width else Modality.RGB, width=a.shape[-1])
        for a in inputs.values()
    )
    connections = tuple(
        Connection(i, w) for i, w in enumerate(_stored(case, f"{prefix}agg_weights", len(inputs)))
    )
    block = Block(0, connections, 1)
    settings = NetworkSettings(attention=Attention.NONE, object_classes=max(object_width, 1))
    shape = plan(Structure("case", "assemblenet", (*stems, block), settings)).nodes[-1]
    assert isinstance(shape, BlockPlan)
    widths: dict[int, int] = {i: a.shape[-1] for i, a in enumerate(inputs.values())}
    fusion = _component_fusion(case, connections, shape, widths, mode, peers)
    size = tuple(min(a.shape[axis] for a in inputs.values()) for axis in (-3, -2))

    def run(x: Mapping[str, Tensor]) -> Tensor:
        given = {i: x[f"in{i}"] for i in range(len(inputs))}
        means = {_PEER + k: x[f"peer{k}"] for k in range(peers)}
        return fusion(given, (x["in0"].shape[2], *size), means)

    def slot(name: str) -> Slot | None:
        return fusion_slot(fusion, name[len(prefix) :], "")

    return Subject(fusion, run, slot, {prefix + "out": fusion}, {prefix: fusion})


def _mode_of(case: Case) -> Attention:
    """The attention mode as the weights show it; not every index entry names it."""
    names = case.group("weight")
    if any(n.endswith("peer_attention_weights") for n in names):
        return Attention.PEER
    gated = any("/attn_in" in n or "/attn/" in n for n in names)
    return Attention.SELF if gated else Attention.NONE


def _stored(case: Case, name: str, count: int) -> list[Any]:
    """Published weights of a fusion case, or what its inputs start from."""
    listed = re.search(r"\[\[([\d., ]+)\]\]", case.what)
    if listed:
        return [float(number) for number in listed[1].split(",")]
    return [FREE] * count if f"weight/{name}" in case.arrays else [None] * count


def _component_fusion(
    case: Case,
    connections: tuple[Connection, ...],
    shape: BlockPlan,
    widths: Mapping[int, int],
    mode: Attention,
    peers: int,
) -> ConnectionFusion:
    """A fusion whose peers, if any, come in already projected."""
    names = tuple(range(_PEER, _PEER + peers))
    if mode is Attention.PEER:
        width = int(case.group("input")["peer0"].shape[-1])
        shape = replace(shape, candidates=names, attention_width=width)
        widths = dict(widths) | {name: width for name in names}
    fusion = ConnectionFusion(connections, shape, widths, learn=True, attention=mode)
    if isinstance(fusion.attention, PeerAttention):
        for name in names:
            fusion.attention.project[str(name)] = nn.Identity()
    return fusion


def _block(case: Case) -> Subject:
    shapes = _shapes(case)
    first = min(int(m[1]) for n in shapes if (m := re.match(r"node5/block(\d+)/", n)))
    count = len({n.split("/")[1] for n in shapes})
    at = f"node5/block{first}/"
    lite = len(shapes[at + "conv1/kernel"]) == 5
    in_width = shapes[at + "conv1/kernel"][-2]
    filters: Any = shapes[at + "conv1/kernel"][-1]
    if lite:
        filters = tuple(shapes[at + f"conv{k}/kernel"][-1] for k in (1, 2, 3))
    stride = int(case.info.get("strides") or case.number("stride", 1))
    dilation = int(case.info.get("temporal_dilation") or case.number("dilation", 1))
    inner = shapes[at + "conv2/kernel"][-1]
    if case.info.get("step") is not None:
        module = _one_bottleneck(case, in_width, filters, inner, dilation, stride)
        prefix = f"node5/block{first}/"
        return Subject(module, lambda x: module(x["x"]), _under(prefix), {prefix + "out": module})
    block = Block(0, (Connection(0, None),), filters, dilation, stride)
    settings = NetworkSettings(blocks=(count,), inner_widths=(inner,))
    family = "assemblenet_plus_lite" if lite else "assemblenet"
    stem = Stem(Modality.RGB, width=in_width)
    shape = plan(Structure("case", family, (stem, block), settings)).nodes[1]
    assert isinstance(shape, BlockPlan)
    node = BlockNode(block, shape, {0: in_width}, learn=True, attention=Attention.NONE)

    def run(x: Mapping[str, Tensor]) -> Tensor:
        frames, *side = x["x"].shape[2:]
        return node({0: x["x"]}, (frames, *(n * shape.input_stride for n in side)), {})

    def slot(name: str) -> Slot | None:
        found = re.fullmatch(r"node5/block(\d+)/(.*)", name)
        return Slot(f"residual.{found[1]}." + suffix(found[2])) if found else None

    inter = {f"node5/block{k}/out": m for k, m in enumerate(node.residual)}
    return Subject(node, run, slot, {**inter, "node5/out": node})


def _one_bottleneck(
    case: Case, in_width: int, filters: int, inner: int, dilation: int, stride: int
) -> nn.Module:
    """A module on its own; odd steps with a projection occur in golden files only."""
    step = int(case.info["step"])
    kind = BLOCK_KINDS["bottleneck"]
    asked = BlockModule(in_width, (filters,), inner, dilation, stride, kind.step(step))
    layers = list(kind.layers(asked))
    if case.info["use_projection"] and step:
        projected = kind.layers(replace(asked, step=0))
        layers = [*list(projected)[:2], *layers]
        place = next(n for n, layer in enumerate(layers) if isinstance(layer, Sum))
        layers[place] = Sum(("bn3", "shortcut_bn"))
    return Layered(traced(layers, in_width))


def _attention(case: Case) -> Subject:
    mode = _mode_of(case)
    peers = len(case.group("input")) - 1
    width = case.group("input")["x"].shape[-1]
    connections = (Connection(0, None),)
    stem = Stem(Modality.RGB, width=width)
    structure = Structure("case", "assemblenet", (stem, Block(0, connections, 1)))
    shape = plan(structure).nodes[1]
    assert isinstance(shape, BlockPlan)
    fusion = _component_fusion(case, connections, shape, {0: width}, mode, peers)

    def run(x: Mapping[str, Tensor]) -> Tensor:
        means = {_PEER + k: x[f"peer{k}"] for k in range(peers)}
        return fusion({0: x["x"]}, tuple(x["x"].shape[2:]), means)

    def slot(name: str) -> Slot | None:
        return fusion_slot(fusion, name.replace("node3/attn/", "attn_in0/"), "")

    return Subject(fusion, run, slot, {"node3/attn/out": fusion})


def _head(case: Case) -> Subject:
    shapes = _shapes(case)
    convs = [shapes[f"head/conv{k}/kernel"] for k in (1, 2, 3) if f"head/conv{k}/kernel" in shapes]
    in_width, num_classes = shapes["head/dense/kernel"]
    module = Head(
        convs[0][-2] if convs else in_width,
        num_classes,
        pooling="softmax" if case.info["max_pool_predictions"] else "average",
        widths=[kernel[-1] for kernel in convs],
    )
    return Subject(
        module, lambda x: module([x[n] for n in sorted(x)]), head_slot(""), {"head/out": module}
    )


def build(case: Case) -> Subject:
    """Returns our module for a case."""
    builders = {"1": _flow, "2": _stem, "3": _fusion, "4": _block, "5": _attention, "6": _head}
    return builders.get(case.kind, model)(case)
