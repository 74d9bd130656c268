"""3D residual networks give the numbers of the published code, by its names of the weights.

The numbers are in ``tests/golden/srtg``; weights go in through the importer, as a person's would.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from connsearch.models.count import count
from connsearch.models.published import import_state
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from connsearch.models.zoo.resnet3d import KIND
from tests.golden.folder import Folder
from tests.golden.srtg import networks
from tests.golden.srtg.measure import Measure, Subject, component, network
from tests.golden.srtg.rule import HERE, STATES, clip, shapes, value
from tests.models.published_costs import GMACS

FOLDER = Folder.read(HERE)
LISTED = FOLDER.table(STATES, HERE)
NETWORKS = [name for name, entry in FOLDER.index.items() if entry["kind"] == "net"]
BLOCKS = [name for name, entry in FOLDER.index.items() if entry["kind"] == "block"]
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def net(entry: dict[str, Any], dtype: torch.dtype) -> Subject:
    """The network of a case with the case's weights."""
    model: Any = MODELS[entry["factory"]].build(entry["num_classes"], seed=0)
    wanted = shapes(FOLDER, entry["factory"], entry["num_classes"])
    state = {name: value(name, shape, entry["seed"]) for name, shape in wanted.items()}
    import_state(state, model, publication="srtg")
    key_map = PUBLICATIONS["srtg"].key_map(model.describe().settings)
    places: dict[str, nn.Module] = {"stem": model.stem, "pool": model.pool}
    places |= {f"layer{n}": getattr(model, f"stage{n}") for n in (1, 2, 3, 4)}
    places["avgpool"] = model.dropout
    names = {name: key_map.ours(name) or "" for name in state}
    return Subject(model.to(dtype), lambda x: model({"rgb": x}), names, places)


def block(entry: dict[str, Any], arrays: dict[str, Any], dtype: torch.dtype) -> Subject:
    """The block of a case with the case's weights."""
    module = networks.block(entry)
    kind = networks.CONVOLUTIONS.get(entry["conv"], entry["conv"])
    key_map = PUBLICATIONS["srtg"].key_map({"block": entry["block"], "convolution": kind})
    names = {
        name: (key_map.ours(f"layer1.0.{name}") or "").removeprefix("stage1.0.")
        for name in (k.removeprefix("weight/") for k in arrays if k.startswith("weight/"))
    }
    subject = Subject(module, module, names)
    subject.load({name: torch.from_numpy(arrays[f"weight/{name}"]) for name in names}, dtype)
    return subject


def judge(measures: list[Measure]) -> None:
    assert measures, "the file holds nothing to compare"
    wrong = [m for m in measures if not m.error <= m.allowed]
    assert not wrong, "\n".join(f"{m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in wrong)


def run_network(folder: Folder, name: str, dtype: torch.dtype, mode: str) -> list[Measure]:
    entry = folder.index[name]
    x = clip((entry["batch"], 3, entry["time"], *entry["size"]), entry["seed"]).to(dtype)
    return list(network(net(dict(entry), dtype), entry, folder.arrays(name), mode, x))


QUICK = {("r3d_18", "float64", "train"), ("srtg_r3d_18", "float64", "eval")}
"""These run by default: seconds each, and between them they see what the others see."""


def runs() -> list[Any]:
    found = []
    modes = ((name, mode) for name in NETWORKS for mode in FOLDER.index[name]["modes"])
    for (name, mode), dtype in itertools.product(modes, DTYPES):
        quick = (FOLDER.index[name]["factory"], dtype, mode) in QUICK
        found.append(pytest.param(name, dtype, mode, marks=[] if quick else [pytest.mark.slow]))
    return found


@pytest.mark.parametrize(("name", "dtype", "mode"), runs())
def test_a_network_has_the_published_numbers(name: str, dtype: str, mode: str) -> None:
    judge(run_network(FOLDER, name, DTYPES[dtype], mode))


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_has_the_published_numbers(name: str, dtype: str, mode: str) -> None:
    arrays = FOLDER.arrays(name)
    subject = block(dict(FOLDER.index[name]), arrays, DTYPES[dtype])
    judge(list(component(subject, arrays, mode, DTYPES[dtype])))


ONE_OF_EACH = (
    "r2plus1d_18",
    "srtg_r3d_18",
    "srtg_ip_csn_50",
    "ir_csn_50",
    "r2plus1dxt50_32x4d",
    "srtg_r3dxt34_32d",
    "wide_r3d50_2",
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in ONE_OF_EACH else [pytest.mark.slow])
        for n in MODELS
        if MODELS[n].kind == KIND and n in LISTED
    ],
)
def test_a_network_has_the_published_entries_and_size(name: str) -> None:
    listed = LISTED[name]
    with torch.device("meta"):
        model: Any = MODELS[name].build(400, **networks.as_released(listed))
    key_map = PUBLICATIONS["srtg"].key_map(model.describe().settings)
    ours = {key_map.published(n): list(t.shape) for n, t in model.state_dict().items()}
    assert ours == {n: shape for n, (shape, _, _) in listed["state"].items()}
    assert sum(p.numel() for p in model.parameters()) == listed["parameters"]
    cells = [m for m in model.modules() if isinstance(m, nn.LSTM)]
    assert len(cells) == (sum(listed["stages"]) if listed["sr"] else 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in GMACS if "xt" in n])
def test_a_dense_network_has_the_published_multiply_accumulates(name: str) -> None:
    for one, gmacs in zip((name, f"srtg_{name}"), GMACS[name], strict=True):
        with torch.device("meta"):
            model = MODELS[one].build(400, legacy_dense=True)
        macs = count(model, {"rgb": torch.empty(1, 3, 16, 224, 224)}).macs
        assert macs == pytest.approx(gmacs * 1e9, rel=1e-3)


def test_there_is_every_published_name() -> None:
    assert len(LISTED) == 56
    assert set(LISTED) <= set(MODELS)
    assert {n.removeprefix("srtg_") for n in LISTED} == {n for n in LISTED if "srtg" not in n}


FAULTS = {
    "stride in the first 1x1x1": lambda s: setattr(s.module.conv1, "stride", (2, 2, 2)),
    "no shortcut": lambda s: setattr(s.module.shortcut, "forward", lambda x: x[:, :1] * 0),
    "another momentum": lambda s: setattr(s.module.norm2, "momentum", 0.01),
    "another epsilon": lambda s: setattr(s.module.norm3, "eps", 1e-3),
    "gate elsewhere": lambda s: setattr(s.module, "place", "mid"),
    "one cell": lambda s: setattr(s.module.gate.recursion, "num_layers", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str) -> None:
    name = "s3_block_bottleneck_r3d_6to8_s2_sr_top"
    arrays = FOLDER.arrays(name)
    subject = block(dict(FOLDER.index[name]), arrays, torch.float64)
    FAULTS[fault](subject)
    with pytest.raises((AssertionError, RuntimeError)):
        judge(list(component(subject, arrays, "train", torch.float64)))
