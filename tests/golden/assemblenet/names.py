"""What golden weights are called with us."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from tests.golden.assemblenet.layout import Case, to_clip, to_vectors

FLOW_PREFIX = "rep_flow/"


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


def ignorable(case: Case, name: str) -> bool:
    """Whether a golden weight may go unused: peer projections without peer mode, flow constants.

    Flow constants are compared with ours instead (:func:`test_golden.test_flow_constants`).
    """
    constants = name.startswith(FLOW_PREFIX) and "conv" not in name and "bn" not in name
    unused_peer = "/peer/from_node" in name and case.info.get("attention_mode") != "peer"
    return constants or unused_peer


def suffix(name: str) -> str:
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
        return Slot(f"{prefix}attention.gates.{source}." + suffix(found[2]).removeprefix("dense."))
    return None


def head_slot(prefix: str) -> Callable[[str], Slot | None]:
    """Returns the places of the head's weights under a state prefix."""

    def slot(name: str) -> Slot | None:
        found = re.fullmatch(r"head/(conv|bn|dense)(\d*)/(\w+)", name)
        if not found:
            return None
        at = f"{found[1]}s.{int(found[2]) - 1}" if found[2] else found[1]
        return Slot(prefix + at + "." + suffix(found[3]))

    return slot


def flow_constants() -> dict[str, np.ndarray]:
    """Returns the published constants that our slices and coefficients stand for."""
    image, forward = [-0.5, 0.0, 0.5], [-1.0, 1.0]
    along_x = {"img_grad_x": image, "f_grad_x": forward, "f_grad_x2": forward}
    along_y = {"img_grad_y": image, "f_grad_y": forward, "f_grad_y2": forward}
    taps = {name: np.array(t)[None, :] for name, t in along_x.items()}
    return taps | {name: np.array(t)[:, None] for name, t in along_y.items()}
