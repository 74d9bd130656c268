"""Whole networks in the place of golden model cases."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import Attention, NetworkSettings, Structure
from connsearch.models.block_node import BlockNode
from connsearch.models.structure import Network
from connsearch.nn.attention import PeerAttention
from tests.golden.assemblenet.layout import Case
from tests.golden.assemblenet.names import Slot, Subject, fusion_slot, head_slot, ignorable, suffix


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
        attention=Attention(str(info["attention_mode"] or "none").lower()),
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


def model(case: Case) -> Subject:
    """Returns the network of a case; its weights learn, so that they have gradients."""
    network = Network(
        model_structure(case), int(case.info["num_classes"]), learn_connections=True, seed=0
    )
    head = head_slot("head.")

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
        return Slot(at + suffix(rest))
    assert isinstance(node, BlockNode)
    if part == "fusion":
        return fusion_slot(node.fusion, rest, at + "fusion.")
    if part == "peer":
        peer = re.fullmatch(r"from_node(\d+)/(\w+)", rest)
        assert peer is not None
        return Slot(f"{at}fusion.attention.project.{peer[1]}." + suffix(peer[2]))
    return Slot(f"{at}residual.{part.removeprefix('block')}." + suffix(rest))
