"""3D residual networks written as structures, and the names their tensors have in the zoo."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from torch import nn

from connsearch.graph.families import FAMILIES
from connsearch.graph.rules import validate
from connsearch.graph.spec import Block, Connection, Modality, Stem, Structure
from connsearch.models.resnet3d_settings import ResNet3DSettings
from connsearch.models.structure import Network

_PARTS = {"": "", "_space": ".spatial", "_bn": ".norm", "_time": ".temporal"}


def kind_of(settings: ResNet3DSettings) -> str:
    """Returns the kind of the blocks of a 3D residual network."""
    plain = f"{settings.convolution}_{settings.block}"
    if settings.place == "none":
        return plain
    return f"srtg_{plain}" + ("" if settings.place == "final" else f"_{settings.place}")


def as_structure(settings: ResNet3DSettings) -> Structure:
    """Returns a 3D residual network as a structure: a chain of one block a stage."""
    widths, kind = settings.widths, kind_of(settings)
    blocks = tuple(
        Block(
            level,
            (Connection(level, None),),
            width,
            spatial_stride=1 if level == 0 else 2,
            temporal_stride=1 if level == 0 else 2,
            kind=kind,
        )
        for level, width in enumerate(widths)
    )
    stem = Stem(Modality.RGB, kind=settings.convolution)
    usual = FAMILIES["resnet3d"].defaults
    network = replace(usual, blocks=settings.depths, stem_width=widths[0])
    return validate(Structure("chain", "resnet3d", (stem, *blocks), network))


def zoo_name(name: str) -> str:
    """Returns what the zoo calls a tensor of such a network.

    >>> zoo_name("nodes.2.residual.0.conv1_space.weight")
    'stage2.0.conv1.spatial.weight'
    """
    if name.startswith("nodes.0."):
        return "stem." + zoo_layer(name.removeprefix("nodes.0.")).replace("1", "", 1)
    if found := re.fullmatch(r"nodes\.(\d+)\.residual\.(\d+)\.(.*)", name):
        return f"stage{found[1]}.{found[2]}.{zoo_layer(found[3])}"
    return name.replace("head.dense", "head")


def zoo_layer(name: str) -> str:
    """Returns what a tensor of a module of a residual kind is called in a block of the zoo.

    >>> zoo_layer("conv1_bn.weight"), zoo_layer("shortcut_bn.bias"), zoo_layer("bn2.weight")
    ('conv1.norm.weight', 'shortcut.norm.bias', 'norm2.weight')
    """
    layer, dot, rest = name.partition(".")
    if found := re.fullmatch(r"conv(\d)(|_space|_bn|_time)", layer):
        layer = f"conv{found[1]}{_PARTS[found[2]]}"
    elif layer in ("shortcut", "shortcut_bn"):
        layer = "shortcut.conv" if layer == "shortcut" else "shortcut.norm"
    return re.sub(r"^bn(\d)", r"norm\1", layer) + dot + rest


def load(network: Network, model: nn.Module) -> None:
    """Gives a network of a structure the tensors of one of the zoo, each of them once."""
    theirs: dict[str, Any] = dict(model.state_dict())
    own = {n for n in network.state_dict() if not n.endswith("fusion.coefficients")}
    network.load_state_dict({name: theirs.pop(zoo_name(name)) for name in own}, strict=False)
    assert not theirs, f"nothing takes {sorted(theirs)}"
