"""Residual blocks and whole networks of ours in the place of published ones, and their totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import nn

from connsearch.models.zoo import MODELS
from connsearch.nn.residual3d import BLOCKS_3D, BlockForm
from connsearch.nn.temporal_gate import TemporalGate
from tests.golden.folder import Folder
from tests.golden.srtg.measure import Measure, Subject, component, network
from tests.golden.srtg.rule import HERE, STATES, clip, ours, shapes, translated, value

CONVOLUTIONS = {"ir": "ir_csn", "ip": "ip_csn"}
"""Kinds of convolutions that we call by another name."""


def roles(folder: Folder) -> None:
    """The two lists say the same of every tensor and we have names for all."""
    for listed in folder.table(STATES, HERE).values():
        family, state = f"{listed['block']} {listed['conv']}", listed["state"]
        named = {name: translated(role) for name, (_, role, _) in state.items()}
        assert ours(folder, family, state) == named


def totals(folder: Folder, factory: str) -> None:
    """A network has as many parameters and buffers as the published one."""
    listed = folder.table(folder.index["_s6_totals"]["file"], folder.path)["resnet family"][factory]
    built = bare(factory, listed)
    assert sum(p.numel() for p in built.parameters()) == listed["parameters"]
    assert sum(b.numel() for b in built.buffers()) == listed["buffers"]
    assert len(built.state_dict()) == listed["entries"]


def as_released(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options by which a network of ours is the published one."""
    return {"legacy_dense": True} if listed["groups"] > 1 else {}


def bare(factory: str, listed: Mapping[str, Any]) -> nn.Module:
    """Returns a network of 400 classes without numbers."""
    with torch.device("meta"):
        return MODELS[factory].build(400, **as_released(listed))


def states(folder: Folder, factory: str) -> None:
    """A published network has the same tensors with us: names by their roles, and shapes."""
    listed = folder.table(STATES, HERE)[factory]
    family = f"{listed['block']} {listed['conv']}"
    mine = {name: list(t.shape) for name, t in bare(factory, listed).state_dict().items()}
    named = ours(folder, family, listed["state"])
    assert mine == {named[n]: shape for n, (shape, _, _) in listed["state"].items()}


def networks(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """A whole network gives the numbers of the published one, evaluating and training."""
    _judge(network_measures(folder, name, dtype))


def network_measures(folder: Folder, name: str, dtype: torch.dtype) -> Iterator[Measure]:
    """Yields every comparison of a network's file, in all modes."""
    entry, arrays = folder.index[name], folder.arrays(name)
    factory, classes = entry["factory"], entry["num_classes"]
    values = {
        tensor: value(tensor, shape, entry["seed"])
        for tensor, shape in shapes(folder, factory, classes).items()
    }
    listed = folder.table(STATES, HERE)[factory]
    x = clip((entry["batch"], 3, entry["time"], *entry["size"]), entry["seed"]).to(dtype)
    for mode in entry["modes"]:
        built: Any = MODELS[factory].build(classes, seed=0, **as_released(listed))
        places: dict[str, nn.Module] = {"stem": built.stem, "pool": built.pool}
        places |= {f"layer{n}": getattr(built, f"stage{n}") for n in (1, 2, 3, 4)}
        places["avgpool"] = built.dropout
        named = ours(folder, f"{listed['block']} {listed['conv']}", values)
        subject = Subject(built, lambda x, f=built: f({"rgb": x}), named, places)
        subject.load(values, dtype)
        yield from network(subject, entry, arrays, mode, x.clone())


def blocks(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """A residual block gives the numbers of the published one, evaluating and training."""
    _judge(block_measures(folder, name, dtype))


def block_measures(folder: Folder, name: str, dtype: torch.dtype) -> Iterator[Measure]:
    """Yields every comparison of a block's file, in all modes."""
    entry, arrays = folder.index[name], folder.arrays(name)
    weights = {
        key.removeprefix("weight/"): torch.from_numpy(array)
        for key, array in arrays.items()
        if key.startswith("weight/")
    }
    family = f"{entry['block']} {entry['conv']}"
    for mode in entry["modes"]:
        module = block(entry)
        subject = Subject(module, module, ours(folder, family, weights, at="layer1.0."))
        subject.load(weights, dtype)
        yield from component(subject, arrays, mode, dtype)


def block(entry: Mapping[str, Any]) -> nn.Module:
    """Returns the block of ours that is the published one of a case."""
    form = BlockForm(
        cast("Any", CONVOLUTIONS.get(entry["conv"], entry["conv"])),
        groups=entry["groups"],
        base_width=entry["base_width"],
        dense=True,
        place=entry["place"] or "none",
        make_gate=TemporalGate,
    )
    build = BLOCKS_3D[entry["block"]]
    return build(form, entry["inplanes"], entry["planes"], entry["stride"])


def _judge(measures: Iterable[Measure]) -> None:
    found = list(measures)
    assert found, "the file holds nothing to compare"
    wrong = [f"{m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in found]
    wrong = [line for line, m in zip(wrong, found, strict=True) if not m.error <= m.allowed]
    assert not wrong, "\n".join(wrong)
