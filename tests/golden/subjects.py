"""Our module for each golden case, and how its state is called on both sides."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from connsearch.graph.parse import parse_structure
from connsearch.graph.plan import BlockPlan, StemPlan, plan
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
from connsearch.nn.attention import PeerAttention
from connsearch.nn.blocks.bottleneck import Bottleneck
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.flow import FeatureFlow
from connsearch.nn.head import Head
from connsearch.nn.layers import conv, norm
from connsearch.nn.network import BlockNode, Network
from connsearch.nn.stems import FlowStem, LiteStem, RGBStem
from tests.golden.layout import Case, to_clip, to_vectors

_FLOW_PREFIX = "rep_flow/"
_PEER = 100
"""Peer vectors of component cases get node numbers from here on."""


class Slot(NamedTuple):
    """Where a golden weight lives with us: a state name, and a row of it where rows are shared."""

    state: str
    row: int | None = None


@dataclass
class Subject:
    """One of our modules in the place of a golden case.

    Attributes:
        module: what is loaded, run and differentiated.
        run: golden inputs (converted) to the output.
        slot: golden weight position to our state; None for one that we do not have.
        inter: golden position to the module whose output it is.
        scaled: the fusions whose gated inputs golden files list, by golden position.
    """

    module: nn.Module
    run: Callable[[Mapping[str, Tensor]], Tensor]
    slot: Callable[[str], Slot | None]
    inter: Mapping[str, nn.Module] = field(default_factory=dict[str, nn.Module])
    scaled: Mapping[str, ConnectionFusion] = field(default_factory=dict[str, ConnectionFusion])


def inputs_of(case: Case, dtype: torch.dtype) -> dict[str, Tensor]:
    """Returns the inputs in our layout."""
    frames = case.frames()
    convert = {True: to_vectors, False: to_clip}
    return {
        name: convert[name.startswith("peer")](array, frames, dtype)
        for name, array in case.group("input").items()
    }


def build(case: Case) -> Subject:
    """Returns our module for a case."""
    builders = {"1": _flow, "2": _stem, "3": _fusion, "4": _block, "5": _attention, "6": _head}
    return builders.get(case.kind, _model)(case)


def ignorable(case: Case, name: str) -> bool:
    """Whether a golden weight may go unused: peer projections without peer mode, flow constants.

    Flow constants are compared with ours instead (:func:`test_golden.test_flow_constants`).
    """
    constants = name.startswith(_FLOW_PREFIX) and "conv" not in name and "bn" not in name
    unused_peer = "/peer/from_node" in name and case.info.get("attention_mode") != "peer"
    return constants or unused_peer


def _suffix(name: str) -> str:
    """Our leaf name for a golden one."""
    leaves = {
        "kernel": "weight",
        "gamma": "weight",
        "beta": "bias",
        "bias": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    *path, leaf = name.split("/")
    return ".".join([*path, leaves[leaf]])


def _under(prefix: str, target: str = "") -> Callable[[str], Slot | None]:
    def slot(name: str) -> Slot | None:
        return Slot(target + _suffix(name[len(prefix) :])) if name.startswith(prefix) else None

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
        return Slot(_suffix(name[len(_FLOW_PREFIX) :].replace("bn1", "bn")))

    return Subject(module, lambda x: module(x["x"]), slot, {"rep_flow/out": module})


def _stem(case: Case) -> Subject:
    kernel = _shapes(case)["stemtest/stem/conv1/kernel"]
    kind: type[RGBStem | FlowStem | LiteStem] = RGBStem if kernel[2] == 3 else FlowStem
    if len(kernel) == 5:
        kind = LiteStem
    modality = Modality.RGB if kernel[-2] == 3 else Modality.FLOW
    module = kind(StemPlan(modality, int(case.info.get("temporal_dilation") or 1), kernel[-1], 4))
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
    settings = NetworkSettings(attention=Attention.NONE)
    shape = plan(Structure("case", "assemblenet", (*stems, block), settings)).nodes[-1]
    assert isinstance(shape, BlockPlan)
    widths: dict[int, int] = {i: a.shape[-1] for i, a in enumerate(inputs.values())}
    fusion = _component_fusion(case, connections, shape, widths, mode, peers)
    size = tuple(min(a.shape[axis] for a in inputs.values()) for axis in (-3, -2))

    def run(x: Mapping[str, Tensor]) -> Tensor:
        given = {i: x[f"in{i}"] for i in range(len(inputs))}
        means = {_PEER + k: x[f"peer{k}"] for k in range(peers)}
        return fusion(given, (size[0], size[1]), means)

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
        width = case.group("input")["peer0"].shape[-1]
        shape = replace(shape, candidates=names, attention_width=width)
        widths = {**widths, **dict.fromkeys(names, width)}
    fusion = ConnectionFusion(connections, shape, widths, learn=True, attention=mode)
    if isinstance(fusion.attention, PeerAttention):
        for name in names:
            fusion.attention.project[str(name)] = nn.Identity()
    return fusion


def fusion_slot(fusion: ConnectionFusion, name: str, prefix: str) -> Slot | None:
    """Returns the place of ``agg_weights``, ``conv_8_to_16/kernel``, ``attn_in2/...``."""
    if name == "agg_weights":
        return Slot(prefix + "logits")
    if found := re.fullmatch(r"conv_(\d+)_to_\d+/kernel", name):
        return Slot(f"{prefix}project.{found[1]}.weight")
    if found := re.fullmatch(r"attn_in(\d+)/(.*)", name):
        source = fusion.plan.sources[int(found[1])]
        if found[2] == "peer_attention_weights":
            assert isinstance(fusion.attention, PeerAttention)
            return Slot(prefix + "attention.logits", fusion.attention.sources.index(source))
        return Slot(f"{prefix}attention.gates.{source}." + _suffix(found[2]).removeprefix("dense."))
    return None


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
    kind = "inverted_bottleneck" if lite else "bottleneck"
    node = BlockNode(block, shape, {0: in_width}, kind=kind, learn=True, attention=Attention.NONE)

    def run(x: Mapping[str, Tensor]) -> Tensor:
        height, width = x["x"].shape[3:]
        return node({0: x["x"]}, (height * shape.input_stride, width * shape.input_stride), {})

    def slot(name: str) -> Slot | None:
        found = re.fullmatch(r"node5/block(\d+)/(.*)", name)
        return Slot(f"residual.{found[1]}." + _suffix(found[2])) if found else None

    inter = {f"node5/block{k}/out": m for k, m in enumerate(node.residual)}
    return Subject(node, run, slot, {**inter, "node5/out": node})


def _one_bottleneck(
    case: Case, in_width: int, filters: int, inner: int, dilation: int, stride: int
) -> Bottleneck:
    """A module on its own; odd steps with a projection occur in golden files only."""
    step = int(case.info["step"])
    module = Bottleneck(
        in_width,
        filters=filters,
        inner_width=inner,
        temporal_dilation=dilation,
        stride=stride,
        step=step,
    )
    if case.info["use_projection"] and step:
        module.shortcut = conv(in_width, 4 * filters, stride=stride)
        module.shortcut_bn = norm(4 * filters)
    return module


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
        return fusion({0: x["x"]}, tuple(x["x"].shape[3:]), means)

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
        module, lambda x: module([x[n] for n in sorted(x)]), _head_slot(""), {"head/out": module}
    )


def _head_slot(prefix: str) -> Callable[[str], Slot | None]:
    def slot(name: str) -> Slot | None:
        found = re.fullmatch(r"head/(conv|bn|dense)(\d*)/(\w+)", name)
        if not found:
            return None
        at = f"{found[1]}s.{int(found[2]) - 1}" if found[2] else found[1]
        return Slot(prefix + at + "." + _suffix(found[3]))

    return slot


def model_structure(case: Case) -> Structure:
    """Returns the structure of a whole-model case."""
    info = case.info
    family = case.what.split(" model")[0]
    lite = family.endswith("lite")
    settings = NetworkSettings(
        blocks=tuple(info["layers"]),
        inner_widths=tuple(info["intermediate_channel_size"]),
        stem_total=info["stem_channels_total"] or 128,
        stem_width=info["lite_stem_filters"] if lite else None,
        object_classes=info["num_object_classes"] or 151,
        attention=Attention(info["attention_mode"] or "none"),
        flow_iterations=20 if lite else 40,
        flow_normalisation="batch",
        head="softmax" if info["max_pool_predictions"] else "average",
        head_widths=tuple(info["lite_head_filters"] or ()),
    )
    return parse_structure(
        info["structure"],
        name=case.name,
        family=family,
        network=settings,
        connection_weights=info["edge_weights"] or None,
    )


def _model(case: Case) -> Subject:
    network = Network(
        model_structure(case), int(case.info["num_classes"]), learn_connections=True, seed=0
    )
    head = _head_slot("head.")

    def run(x: Mapping[str, Tensor]) -> Tensor:
        names = {"video": "rgb", "object": "object", "flow": "flow"}
        return network({names[k]: v for k, v in x.items()})

    def slot(name: str) -> Slot | None:
        if ignorable(case, name):
            return None
        return head(name) or _node_slot(network, name)

    inter: dict[str, nn.Module] = {}
    for index, node in enumerate(network.nodes):
        if isinstance(node, BlockNode):
            inter |= _block_positions(f"node{index}", node)
        else:
            inter[f"node{index}/stem/out"] = node
    return Subject(network, run, slot, inter)


def _block_positions(at: str, node: BlockNode) -> dict[str, nn.Module]:
    inter: dict[str, nn.Module] = {f"{at}/out": node, f"{at}/fusion/out": node.fusion}
    inter |= {f"{at}/block{k}/out": module for k, module in enumerate(node.residual)}
    if isinstance(node.fusion.attention, PeerAttention):
        peers = node.fusion.attention.project.items()
        inter |= {f"{at}/peer/from_node{n}/out": module for n, module in peers}
    return inter


def _node_slot(network: Network, name: str) -> Slot | None:
    found = re.fullmatch(r"node(\d+)/(stem|fusion|peer|block\d+)/(.*)", name)
    if not found:
        return None
    index, part, rest = int(found[1]), found[2], found[3]
    at, node = f"nodes.{index}.", network.nodes[index]
    if part == "stem":
        return Slot(at + _suffix(rest))
    assert isinstance(node, BlockNode)
    if part == "fusion":
        return fusion_slot(node.fusion, rest, at + "fusion.")
    if part == "peer":
        peer = re.fullmatch(r"from_node(\d+)/(\w+)", rest)
        assert peer is not None
        return Slot(f"{at}fusion.attention.project.{peer[1]}." + _suffix(peer[2]))
    return Slot(f"{at}residual.{part.removeprefix('block')}." + _suffix(rest))


def flow_constants() -> dict[str, np.ndarray]:
    """Returns the published constants that our slices and coefficients stand for."""
    image, forward = [-0.5, 0.0, 0.5], [-1.0, 1.0]
    along_x = {"img_grad_x": image, "f_grad_x": forward, "f_grad_x2": forward}
    along_y = {"img_grad_y": image, "f_grad_y": forward, "f_grad_y2": forward}
    taps = {name: np.array(t)[None, :] for name, t in along_x.items()}
    return taps | {name: np.array(t)[:, None] for name, t in along_y.items()}
