"""3D residual networks written as structures are those of the zoo, and the published ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import same_structure
from connsearch.graph.kinds import BLOCK_KINDS, BlockModule
from connsearch.graph.kinds.residual3d import Place
from connsearch.models.gates import temporal_gates
from connsearch.models.resnet3d_settings import ResNet3DSettings
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS
from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.layered import Layered
from connsearch.nn.residual3d import BLOCKS_3D, BlockForm
from connsearch.nn.temporal_gate import TemporalGate
from tests.golden.srtg.measure import Measure, Subject, component, network
from tests.golden.srtg.rule import clip
from tests.graph.counting import check
from tests.models.published_costs import GMACS
from tests.models.residual_structures import as_structure, kind_of, load, zoo_layer, zoo_name
from tests.models.test_resnet3d_golden import FOLDER, judge, net
from tests.models.test_resnet3d_golden import block as golden_block

FILES = {"r3d-18": "r3d_18", "srtg-r3d-18": "srtg_r3d_18"}
LENIENT = GateTest(normalise="zscore", temperature="auto", min_fraction=0.6)
"""Cells that have learned nothing pass it for some of the clips."""

FORMS = [
    (block, convolution, place)
    for block in ("basic", "bottleneck")
    for convolution in ("r3d", "r2plus1d")
    for place in ("none", *get_args(Place))
]


def shaken(module: nn.Module) -> nn.Module:
    """The module in float64 with every normalisation heard and statistics of its own."""
    generator = torch.Generator().manual_seed(3)
    module.double()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm3d):
                for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    assert tensor is not None
                    tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return module


def learned(module: nn.Module, run: Any, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Everything a pass forwards and backwards leaves: output, gradients, statistics."""
    x = x.clone().requires_grad_()
    module.zero_grad()
    out = run(x)
    yield "out", out.detach()
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    assert x.grad is not None
    yield "x", x.grad
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            yield f"grad {name}", parameter.grad
    yield from ((name, buffer) for name, buffer in module.named_buffers() if "running" in name)


def check_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        size = max(float(theirs[name].abs().max()), 1e-3)
        assert float((tensor - theirs[name]).abs().max()) <= 1e-12 * size, name


def counts(module: nn.Module) -> list[tuple[int, int]]:
    found = [gate.take_count() for gate in temporal_gates(module).values()]
    return [(count.opened, count.clips) for count in found]


def set_gates(*modules: nn.Module, decide: bool) -> None:
    for module in modules:
        for gate in temporal_gates(module).values():
            gate.gated = gate.watched = decide
            gate.test = LENIENT


# Kinds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("block", "convolution", "place"), FORMS)
@pytest.mark.parametrize(("in_width", "stride"), [(6, 2), (8, 1)])
def test_a_kind_is_the_block_of_the_zoo(
    block: str, convolution: Any, place: Any, in_width: int, stride: int
) -> None:
    torch.manual_seed(1)
    form = BlockForm(convolution, place=place, make_gate=TemporalGate)
    its = shaken(BLOCKS_3D[block](form, in_width, 8, stride))
    settings = ResNet3DSettings(
        block=block,  # type: ignore[arg-type]
        convolution=convolution,
        depths=(1, 1, 1, 1),
        place=place,
    )
    asked = BlockModule(in_width, (8,), 4, stride=stride, temporal_stride=stride)
    mine = Layered(BLOCK_KINDS[kind_of(settings)].traced(asked)).double()
    state = its.state_dict()
    mine.load_state_dict({name: state.pop(zoo_layer(name)) for name in mine.state_dict()})
    assert not state
    x = torch.randn(3, in_width, 5, 6, 7, dtype=torch.float64)
    for training in (False, True):
        for decide in (False, True):
            set_gates(its, mine, decide=decide)
            ours = dict(learned(mine.train(training), mine, x))
            theirs = dict(learned(its.train(training), its, x))
            named = {
                name.replace(n := name.split(" ")[-1], zoo_layer(n)): t for name, t in ours.items()
            }
            check_same(named, theirs)
            assert counts(mine) == counts(its)


# Networks --------------------------------------------------------------------------------------

NARROW: dict[str, Any] = {"widths": (6, 8, 10, 12)}


def chain(name: str) -> tuple[Network, nn.Module]:
    """A narrow network of the zoo and the same as a structure, with the same weights."""
    its: Any = MODELS[name].build(5, seed=0, **NARROW)
    mine = Network(as_structure(its.settings), 5, seed=1).double()
    load(mine, shaken(its))
    return mine, its


@pytest.mark.parametrize("name", ["r3d_18", "srtg_r3d_18", "r2plus1d_18", "srtg_r2plus1d_18"])
def test_a_structure_is_the_network_of_the_zoo(name: str) -> None:
    mine, its = chain(name)
    x = torch.randn(3, 3, 17, 12, 16, dtype=torch.float64)
    seen = set[tuple[int, int]]()
    for training in (False, True):
        for decide in (False, True) if "srtg" in name else (False,):
            set_gates(mine, its, decide=decide)
            ours = dict(learned(mine.train(training), lambda x: mine({"rgb": x}), x))
            theirs = dict(learned(its.train(training), lambda x: its({"rgb": x}), x))
            named = {
                n.replace(p := n.split(" ")[-1], zoo_name(p)) if "." in n else n: t
                for n, t in ours.items()
            }
            check_same(named, theirs)
            found = counts(mine)
            assert found == counts(its)
            seen |= {*found} - {(0, 0)}
    if "srtg" in name:
        assert any(0 < opened < clips for opened, clips in seen), "no gate told clips apart"


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_a_network_of_the_zoo(name: str) -> None:
    structure, its = load_structure(name), MODELS[FILES[name]]
    with torch.device("meta"):
        model: Any = its.build(400)
        mine = Network(structure, 400)
    assert same_structure(structure, as_structure(model.settings))
    own = {zoo_name(n): t.shape for n, t in mine.state_dict().items() if "coefficients" not in n}
    assert own == {n: t.shape for n, t in model.state_dict().items()}


@pytest.mark.parametrize("name", FILES)
def test_a_file_costs_what_is_published(name: str) -> None:
    gmacs = GMACS["r3d_18"]["srtg" in name]
    found = cost(load_structure(name), num_classes=400, clip=(16, 224, 224))
    assert found.macs == pytest.approx(gmacs * 1e9, rel=1e-3)


@pytest.mark.parametrize("name", ["srtg_r3d_18", "r2plus1d_50"])
def test_what_a_chain_costs_is_what_torch_counts(name: str) -> None:
    its: Any = MODELS[name].build(5, **NARROW)
    check(as_structure(its.settings), (5, 40, 33))


# Published numbers -----------------------------------------------------------------------------

GOLDEN_BLOCKS = [n for n, e in FOLDER.index.items() if e["kind"] == "block" and e["conv"] != "ip"]
GOLDEN_NETWORKS = [n for n, e in FOLDER.index.items() if e["kind"] == "net"]


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", GOLDEN_BLOCKS)
def test_a_kind_has_the_published_numbers(name: str, mode: str) -> None:
    entry, arrays = dict(FOLDER.index[name]), FOLDER.arrays(name)
    its = golden_block(entry, arrays, torch.float64)
    settings = ResNet3DSettings(
        block=entry["block"],
        convolution=entry["conv"],
        depths=(1, 1, 1, 1),
        place=entry["place"] or "none",
    )
    stride = entry["stride"]
    asked = BlockModule(
        entry["inplanes"], (entry["planes"],), 4, stride=stride, temporal_stride=stride
    )
    mine = Layered(BLOCK_KINDS[kind_of(settings)].traced(asked))
    ours = {zoo_layer(name): name for name in mine.state_dict()}
    names = {published: ours[zoo] for published, zoo in its.names.items()}
    subject = Subject(mine, mine, names)
    subject.load({n: torch.from_numpy(arrays[f"weight/{n}"]) for n in names}, torch.float64)
    judge(list(component(subject, arrays, mode, torch.float64)))


def published(name: str, dtype: torch.dtype, mode: str) -> list[Measure]:
    """How far the network of a golden file, written as a structure, is off its numbers."""
    entry = dict(FOLDER.index[name])
    its = net(entry, dtype)
    settings: Any = MODELS[entry["factory"]].build(1, seed=0).settings  # type: ignore[attr-defined]
    mine = Network(as_structure(settings), entry["num_classes"], seed=1).to(dtype)
    load(mine, its.module)
    ours = {zoo_name(n): n for n in mine.state_dict() if "coefficients" not in n}
    names = {there: ours[zoo] for there, zoo in its.names.items()}
    places = {f"layer{n}": mine.nodes[n] for n in (1, 2, 3, 4)}
    stem = mine.nodes[0].get_submodule("bn1")  # its ReLU is no module: a second one says the same
    stem.register_forward_hook(lambda _module, _input, y: y.relu())
    places |= {"stem": stem, "pool": mine.nodes[0], "avgpool": mine.head.dropout}
    x = clip((entry["batch"], 3, entry["time"], *entry["size"]), entry["seed"]).to(dtype)
    subject = Subject(mine, lambda x: mine({"rgb": x}), names, places)
    return list(network(subject, entry, FOLDER.arrays(name), mode, x))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("name", "mode"), [(n, mode) for n in GOLDEN_NETWORKS for mode in FOLDER.index[n]["modes"]]
)
def test_a_structure_has_the_published_numbers(name: str, mode: str, dtype: torch.dtype) -> None:
    judge(published(name, dtype, mode))


def test_a_structure_with_a_fault_has_other_numbers() -> None:
    mine, its = chain("r3d_18")
    x = torch.randn(1, 3, 16, 33, 24, dtype=torch.float64)
    with torch.no_grad():
        mine.eval()
        wanted = its.eval()({"rgb": x})
        assert torch.equal(mine({"rgb": x}), wanted)
        mine.get_parameter("nodes.3.residual.1.bn2.bias").add_(1e-9)
        assert float((mine({"rgb": x}) - wanted).abs().max()) > 1e-13
