"""What torch itself counts of the network of a structure, beside what ``graph.cost`` says."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from connsearch.graph.cost import Cost, cost
from connsearch.graph.spec import Structure
from connsearch.models.structure import Network


def torch_counts(structure: Structure, clip: tuple[int, int, int]) -> tuple[int, int, list[int]]:
    """Parameters, operations and parameters a node of the network itself, on no device."""
    structure = structure.with_settings(flow_iterations=1)  # the flow is not counted
    width = structure.network.stream_width
    with torch.device("meta"), torch.no_grad():
        network = Network(structure, 7).eval()
        streams = {m.value: torch.empty(1, width(m), *clip) for m in structure.modalities()}
        with FlopCounterMode(display=False) as counter:
            network(streams)
    nodes = [sum(p.numel() for p in node.parameters()) for node in network.nodes]
    total = sum(p.numel() for p in network.parameters())
    return total, counter.get_total_flops(), nodes


def check(structure: Structure, clip: tuple[int, int, int]) -> Cost:
    """Returns the arithmetic count of a structure, which must be torch's own."""
    found = cost(structure, num_classes=7, clip=clip)
    parameters, operations, nodes = torch_counts(structure, clip)
    assert [node.parameters for node in found.nodes] == nodes
    assert found.parameters == parameters
    assert 2 * found.macs == operations
    return found
