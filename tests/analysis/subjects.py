"""Searched networks of the tiny kind, with nothing at its first value."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.graph.spec import Attention, Structure
from connsearch.models.structure import Network
from connsearch.training.evaluate import Compute
from tests.training.tiny import TinyData, tiny_options, tiny_structure

T = TypeVar("T")


@dataclass
class SearchedData(TinyData):
    """Tiny data that says how large its clips are, as DataSplits does."""

    clip: tuple[int, int, int] = (4, 16, 16)


def stirred(network: Network, seed: int = 1) -> Network:
    """Returns the network with random gates, logits and normalisation, so that all is heard."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("logits"):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            elif name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif tensor.is_floating_point() and re.search(r"bn|bias|gates|head", name):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return network.eval()


def searched_of(network: Network, directory: Path, **changes: Any) -> SearchedRun:
    """Returns a network as a search would have left it."""
    data = cast("DataSplits", SearchedData())
    options = tiny_options(**changes)
    structure, loaders = network.learned_structure(), SplitLoaders(data.parts())
    return SearchedRun(directory, network, structure, data, options, Compute(), loaders)


def tiny_subject(
    directory: Path, *, attention: Attention = Attention.PEER, seed: int = 1
) -> SearchedRun:
    """Returns two stems and three blocks of random weights."""
    structure = tiny_structure(attention=attention, dropout=0.0)
    return searched_of(stirred(Network(structure, 2, learn_connections=True, seed=seed)), directory)


def drained(work: Generator[Any, None, T]) -> T:
    """Returns what a generator returns, its events unheard."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def soft_everywhere(structure: Structure) -> int:
    """Returns a number of peers that leaves none out."""
    return len(structure)
