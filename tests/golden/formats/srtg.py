"""Golden files of squeeze-and-recursion networks: blocks and whole networks, channels second."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from tests.golden.cupboard import FORMATS, Check
from tests.golden.folder import Folder
from tests.golden.srtg.measure import Measure, Subject, component, network
from tests.golden.srtg.rule import HERE, STATES, clip, ours, shapes, translated, value

MODELS: Mapping[str, Any] = {}
BLOCKS_3D: Mapping[str, Any] = {}
if importlib.util.find_spec("connsearch.models.zoo"):
    from connsearch.models.zoo import MODELS
    from connsearch.nn.residual3d import BLOCKS_3D

DTYPES = {"float64": torch.float64, "float32": torch.float32}
MISSING = {
    "sr": "no squeeze-and-recursion",
    "gate": "no temporal gate of squeeze-and-recursion",
    "mtnet": "no two-rate network (MTNet)",
}
"""Kinds of cases nothing of ours can be built for -> what connsearch lacks."""
TABLES = {
    "_s6_state_dicts_mtnet": MISSING["mtnet"],
    "_s7_multigrid": "no comparison with this table of multigrid shapes and rates",
    "_s8_samplers": "no samplers as released with squeeze-and-recursion",
}


class SRTG:
    """Every entry of its index says of what kind it is."""

    known_by = "a 'kind' that is sr, gate, block, net, mtnet or table, and a 'source'"

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether it says so itself."""
        return "source" in entry and entry.get("kind") in (*MISSING, "block", "net", "table")

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns a check a precision, or a check a network of a table."""
        if entry["kind"] == "table":
            yield from _table(folder, name)
        elif lack := _lack(entry):
            yield Check(name, missing=f"{entry['kind']}: connsearch has {lack} yet ({name})")
        else:
            run = networks if entry["kind"] == "net" else blocks
            for label, dtype in DTYPES.items():
                slow = entry["kind"] == "net"
                yield Check(f"{name}-{label}", partial(run, folder, name, dtype), slow=slow)


FORMATS.register("srtg")(SRTG())


def _lack(entry: Mapping[str, Any]) -> str:
    """What connsearch would need and does not have, or nothing."""
    kind = entry["kind"]
    if kind == "net":
        return "" if entry["factory"] in MODELS else f"no network {entry['factory']}"
    if kind != "block":
        return MISSING[kind]
    if entry["sr"]:
        return MISSING["sr"]
    if entry["block"] not in BLOCKS_3D or entry["conv"] not in ("r3d", "r2plus1d"):
        return f"no {entry['block']} block of {entry['conv']} convolutions"
    return "" if entry["groups"] == 1 else "no residual block in groups"


def _table(folder: Folder, name: str) -> Iterator[Check]:
    if name in TABLES:
        yield Check(name, missing=f"table: connsearch has {TABLES[name]} yet ({name})")
    elif name == "_s4_roles":
        yield Check(name, partial(roles, folder))
    else:
        run = {"_s6_state_dicts": states, "_s6_totals": totals}[name]
        for factory in folder.table(STATES, HERE):
            lack = "" if factory in MODELS else f"table: connsearch has no network {factory} yet"
            yield Check(f"{name} {factory}", partial(run, folder, factory), missing=lack)


def roles(folder: Folder) -> None:
    """The two lists say the same of every tensor of plain networks, and we have names for all."""
    for listed in folder.table(STATES, HERE).values():
        if listed["conv"] in ("r3d", "r2plus1d") and not listed["sr"]:
            family, state = f"{listed['block']} {listed['conv']}", listed["state"]
            named = {name: translated(role) for name, (_, role, _) in state.items()}
            assert ours(folder, family, state) == named


def totals(folder: Folder, factory: str) -> None:
    """A network has as many parameters and buffers as the published one."""
    listed = folder.table(folder.index["_s6_totals"]["file"], folder.path)["resnet family"][factory]
    built = _bare(factory)
    assert sum(p.numel() for p in built.parameters()) == listed["parameters"]
    assert sum(b.numel() for b in built.buffers()) == listed["buffers"]
    assert len(built.state_dict()) == listed["entries"]


def _bare(factory: str) -> nn.Module:
    """A network of 400 classes without numbers."""
    with torch.device("meta"):
        return MODELS[factory].build(400)


def states(folder: Folder, factory: str) -> None:
    """A published network has the same tensors with us: names by their roles, and shapes."""
    listed = folder.table(STATES, HERE)[factory]
    family = f"{listed['block']} {listed['conv']}"
    mine = {name: list(t.shape) for name, t in _bare(factory).state_dict().items()}
    named = ours(folder, family, listed["state"])
    assert mine == {named[n]: shape for n, (shape, _, _) in listed["state"].items()}


def networks(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """A whole network gives the numbers of the published one, evaluating and training."""
    entry, arrays = folder.index[name], folder.arrays(name)
    factory, classes = entry["factory"], entry["num_classes"]
    values = {
        tensor: value(tensor, shape, entry["seed"])
        for tensor, shape in shapes(folder, factory, classes).items()
    }
    listed = folder.table(STATES, HERE)[factory]
    x = clip((entry["batch"], 3, entry["time"], *entry["size"]), entry["seed"]).to(dtype)
    for mode in entry["modes"]:
        built: Any = MODELS[factory].build(classes, seed=0)
        places: dict[str, nn.Module] = {"stem": built.stem, "pool": built.pool}
        places |= {f"layer{n}": getattr(built, f"stage{n}") for n in (1, 2, 3, 4)}
        places["avgpool"] = built.dropout
        named = ours(folder, f"{listed['block']} {listed['conv']}", values)
        subject = Subject(built, lambda x, f=built: f({"rgb": x}), named, places)
        subject.load(values, dtype)
        _judge(network(subject, entry, arrays, mode, x.clone()))


def blocks(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """A residual block gives the numbers of the published one, evaluating and training."""
    entry, arrays = folder.index[name], folder.arrays(name)
    weights = {
        key.removeprefix("weight/"): torch.from_numpy(array)
        for key, array in arrays.items()
        if key.startswith("weight/")
    }
    family = f"{entry['block']} {entry['conv']}"
    for mode in entry["modes"]:
        build = BLOCKS_3D[entry["block"]]
        module = build(entry["conv"], entry["inplanes"], entry["planes"], entry["stride"])
        subject = Subject(module, module, ours(folder, family, weights, at="layer1.0."))
        subject.load(weights, dtype)
        _judge(component(subject, arrays, mode, dtype))


def _judge(measures: Iterable[Measure]) -> None:
    found = list(measures)
    assert found, "the file holds nothing to compare"
    wrong = [f"{m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in found]
    wrong = [line for line, m in zip(wrong, found, strict=True) if not m.error <= m.allowed]
    assert not wrong, "\n".join(wrong)
