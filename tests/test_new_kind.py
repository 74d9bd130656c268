"""A new block kind and a new stem kind are one file each: everything else reads what they say."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from random import Random

import pytest
import torch
from rich.console import Console

from connsearch.errors import KindError, StructureError
from connsearch.evolution.initial import initial_structure
from connsearch.evolution.limits import Limits
from connsearch.evolution.mutations import MUTATIONS
from connsearch.evolution.simulate.landscape import Landscape
from connsearch.graph.compare import compare
from connsearch.graph.cost import cost
from connsearch.graph.dag import as_networkx, from_networkx
from connsearch.graph.document import from_json, to_json
from connsearch.graph.families import kind_name
from connsearch.graph.files import load_structure, read_structure, write_structure
from connsearch.graph.hashing import same_structure, structure_hash
from connsearch.graph.kinds import BLOCK_KINDS, STEM_KINDS, block_kind
from connsearch.graph.layers import Convolution
from connsearch.graph.plan import plan
from connsearch.graph.rules import faults, validate
from connsearch.graph.spec import Block, Modality, Stem, Structure
from connsearch.graph.streams import keep_streams
from connsearch.graph.temporal import has_dilation
from connsearch.models.exactness import exactness
from connsearch.models.export import pt2_runner, to_pt2, write_down
from connsearch.models.inherit import inherit
from connsearch.models.parity import compare as compare_programs
from connsearch.models.structure import Network
from connsearch.models.weight_inheritance import inherit_weights
from connsearch.oneshot.search import search
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.published import publish
from connsearch.runs.run import Run
from connsearch.view.structures.draw import svg
from connsearch.view.structures.tables import structure_table
from tests.evolution.promises import keeps_promises
from tests.graph.counting import check
from tests.training.tiny import TinyData, result_of, tiny_config, tiny_options

GATED = '''
"""A 3x3 whose channels are let through by what was seen so far."""

from connsearch.graph.kinds import FilterForm, block_kind
from connsearch.graph.layers import (
    INPUT, Activation, Convolution, Norm, Pool, Product, Recurrent, Sum,
)


@block_kind("gated", filters=FilterForm(("inner", "output")), out_width=lambda filters: filters[1])
def gated(module):
    inner, out = module.filters
    shortcut = INPUT
    if module.step == 0:
        yield Convolution("shortcut", module.in_width, out, stride=module.stride)
        yield Norm(shortcut := "shortcut_bn")
    yield Convolution(
        "conv1", module.in_width, inner, 3, 3, module.stride, module.dilation, reads=INPUT
    )
    yield Norm("bn1")
    yield Activation(name="seen")
    yield Pool("average")
    yield Recurrent("memory", inner, inner)
    yield Convolution("squeeze", inner, inner, bias=True)
    yield Activation("sigmoid", name="gate")
    yield Product(("seen", "gate"))
    yield Convolution("conv2", inner, out)
    yield Norm("bn2")
    yield Sum(("bn2", shortcut))
    yield Activation()
'''

DOCS = Path(__file__).parents[1] / "docs" / "kinds.md"
SEPARATED = DOCS.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
"""The example that people read is the file that is tried."""

QUICK = '''
"""A stem without a temporal convolution, for pixels and flow."""

from connsearch.graph.kinds import stem_kind
from connsearch.graph.layers import Activation, Convolution, Norm, Pool
from connsearch.graph.spec import Modality


@stem_kind("quick", modalities=(Modality.RGB, Modality.FLOW))
def quick(stem):
    yield Convolution("conv1", stem.in_width, stem.width, spatial=5, stride=2)
    yield Norm("bn1")
    yield Activation("silu")
    yield Pool(window=2, stride=2)
'''

FILES = {"gated": GATED, "separated": SEPARATED, "quick": QUICK}

DOCUMENT = {
    "schema": 1,
    "name": "own",
    "family": "assemblenet_plus",
    "nodes": [
        [-1, 1],
        [-2, 1],
        [0, [0, 1], [4, 6], 2, 1],
        [0, [0, 1], 2, 1, 1],
        [0, [0, 1], 4, 1, 2],
        [1, [0, 2, 3, 4], [4, 8], 1, 2],
        [1, [1, 2, 3], 4, 1, 2],
    ],
    "kinds": {"0": "quick", "2": "gated", "4": "separated", "5": "gated", "6": "separated"},
    "network": {
        "blocks": [1, 2],
        "inner_widths": [4, 4],
        "stem_total": 8,
        "attention": "peer",
        "flow_iterations": 2,
    },
}


@pytest.fixture(scope="module", autouse=True)
def _own_kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package of three files, one a kind, which are known while these tests run."""
    folder = tmp_path_factory.mktemp("path") / "own_kinds"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    known = [dict(kinds._members) for kinds in (BLOCK_KINDS, STEM_KINDS) if list(kinds)]
    for kinds in (BLOCK_KINDS, STEM_KINDS):  # whoever followed the docs has such a file
        kinds._members = {n: kind for n, kind in kinds._members.items() if n not in FILES}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder.parent))
        for name in FILES:
            importlib.import_module(f"own_kinds.{name}")
        yield
    for kinds, before in zip((BLOCK_KINDS, STEM_KINDS), known, strict=True):
        kinds._members = before


def own() -> Structure:
    return from_json(DOCUMENT)


def lively(structure: Structure, seed: int = 1) -> Network:
    """A network in which no branch starts at zero and no connection is undecided."""
    network = Network(structure, 3, learn_connections=True, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("logits"):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 2)
            elif "bn" in name and tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()


def shrunk(network: Network, options: PruneOptions) -> tuple[Pruned, Network]:
    pruned = prune_by(network.learned_structure(), options)
    child = Network(pruned.structure, network.num_classes, seed=9)
    assert inherit(child, network, pruned).complete
    return pruned, child


# Validate, plan, cost --------------------------------------------------------------------------


def test_a_file_names_its_nodes_kinds_and_comes_back(tmp_path: Path) -> None:
    structure = own()
    assert [node.kind for node in structure.nodes] == [
        "quick", None, "gated", None, "separated", "gated", "separated",
    ]  # fmt: skip
    assert to_json(structure)["kinds"] == DOCUMENT["kinds"]
    write_structure(structure, tmp_path / "own.json")
    assert read_structure(tmp_path / "own.json") == structure
    assert "kinds" not in to_json(load_structure("starter"))


def test_width_stride_and_dilation_are_the_kinds_own() -> None:
    shapes = plan(own())
    assert [shape.width for shape in shapes.nodes] == [4, 4, 6, 8, 8, 8, 8]
    assert [shape.stride for shape in shapes.nodes] == [4, 4, 4, 4, 8, 16, 8]
    assert [has_dilation(own(), node) for node in own().nodes] == [
        False, False, True, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("clip", [(4, 33, 50), (3, 20, 16)])
def test_counts_equal_those_of_torch(clip: tuple[int, int, int]) -> None:
    check(own(), clip)


@pytest.mark.parametrize(
    ("kinds", "rule", "message"),
    [
        ({"2": "gatde"}, "kind-unknown", "no block kind named 'gatde', did you mean 'gated'"),
        ({"2": "quick"}, "kind-unknown", "no block kind named 'quick'"),
        ({"0": "gated"}, "kind-unknown", "no stem kind named 'gated'"),
        ({"3": "gated"}, "filters-kind", "filters 2, but gated blocks take a pair [inner, output]"),
        ({"2": "separated"}, "filters-kind", "take one number, of multiples of 2"),
        ({"9": "gated"}, "kind-node", "a kind for '9', which is not a node"),
        ({"2": 7}, "kind-form", "kind 7 of node 2 is not a name"),
    ],
)
def test_what_a_kind_cannot_be_is_refused(
    kinds: dict[str, object], rule: str, message: str
) -> None:
    with pytest.raises(StructureError) as refused:
        from_json({**DOCUMENT, "kinds": {**DOCUMENT["kinds"], **kinds}})
    assert rule in {fault.rule for fault in refused.value.faults}
    assert message in str(refused.value)


def test_filters_keep_to_the_kinds_unit() -> None:
    odd = replace(own().block(4), filters=3)
    nodes = (*own().nodes[:4], odd, *own().nodes[5:])
    assert [fault.rule for fault in faults(replace(own(), nodes=nodes))] == ["filters-kind"]


def test_a_stem_kind_reads_only_its_streams() -> None:
    nodes = (*own().nodes[:2],)
    objects = replace(own(), nodes=(Stem("object", kind="quick"), *nodes, *own().nodes[2:]))  # type: ignore[arg-type]
    found = {fault.rule for fault in faults(objects)}
    assert "stem-modality" in found  # a text is no modality; then nothing is said about the kind
    starter = load_structure("starter")
    at = next(i for i, stem in starter.stems() if stem.modality == "object")
    changed = [*starter.nodes]
    changed[at] = replace(changed[at], kind="quick")
    (fault,) = faults(replace(starter, nodes=tuple(changed)))
    assert (fault.rule, fault.node) == ("kind-modality", at)


def test_a_kind_whose_layers_end_elsewhere_is_refused_before_torch_is_asked() -> None:
    known = dict(BLOCK_KINDS._members)
    try:

        @block_kind("short", out_width=lambda filters: 4 * filters[0])
        def short(module):  # type: ignore[no-untyped-def]
            yield Convolution("conv", module.in_width, 3 * module.filters[0], stride=module.stride)

        @block_kind("broken", out_width=lambda filters: filters[0])
        def broken(module):  # type: ignore[no-untyped-def]
            _, middle = module.filters
            yield Convolution("conv", module.in_width, middle)

        for name, message in (
            ("short", "width=6, stride=1"),
            ("broken", "its file fails: ValueError: not enough values to unpack"),
        ):
            nodes = [*own().nodes]
            nodes[3] = replace(nodes[3], kind=name)
            structure = replace(own(), nodes=tuple(nodes))
            (fault,) = faults(structure)
            assert (fault.rule, fault.node) == ("kind-layers", 3)
            assert message in fault.message
            assert f"block kind '{name}', step 0, 4 channels in, filters 2" in fault.message
            with pytest.raises(StructureError, match="kind-layers"):
                Network(structure, 3)  # also of a structure that nobody has validated
    finally:
        BLOCK_KINDS._members = known


@pytest.mark.parametrize(
    "wrong", [{"period": 0}, {"filters": replace(BLOCK_KINDS["bottleneck"].filters, unit=0)}]
)
def test_a_kind_with_impossible_numbers_is_refused_when_it_is_filed(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(KindError, match="at least 1"):
        block_kind("wrong", out_width=lambda filters: filters[0], **wrong)  # type: ignore[arg-type]


def test_a_graph_and_fewer_streams_keep_the_kinds() -> None:
    assert from_networkx(as_networkx(own())) == own()
    rgb = keep_streams(own(), [Modality.RGB])
    assert [node.kind for node in rgb.nodes] == [own().nodes[n].kind for n in (0, 2, 3, 4, 5, 6)]


# Identity --------------------------------------------------------------------------------------


def with_kind(structure: Structure, index: int, kind: str | None) -> Structure:
    nodes = [*structure.nodes]
    nodes[index] = replace(nodes[index], kind=kind)
    return replace(structure, nodes=tuple(nodes))


def test_a_kind_is_part_of_a_structures_identity() -> None:
    usual = with_kind(own(), 0, None)
    assert structure_hash(own()) != structure_hash(usual)
    assert not same_structure(own(), usual)
    (node,) = compare(own(), usual).nodes
    changes = {change.name: (change.before, change.after) for change in node.changes}
    assert changes["kind"] == ("quick", "full")


def test_the_familys_kind_by_name_is_the_same_structure() -> None:
    named = with_kind(own(), 3, "bottleneck")
    assert structure_hash(named) == structure_hash(own())
    assert not compare(named, own())


# Search, prune, draw, export -------------------------------------------------------------------


def test_a_search_learns_and_pruning_is_exact(tmp_path: Path) -> None:
    options = tiny_options(epochs=1)
    with Run.open(tmp_path / "run", tiny_config(options)) as run:
        found = result_of(search(own(), TinyData(), options, run=run)).structure  # type: ignore[arg-type]
    assert [kind_name(found, n) for n in found.nodes] == [kind_name(own(), n) for n in own().nodes]
    for seed, criterion in ((1, "relative:0.7"), (2, "top_k:2")):
        network = lively(found, seed)
        pruned, child = shrunk(network, PruneOptions(criterion=criterion))
        kept = {new: own().nodes[old].kind for old, new in pruned.node_map.items()}
        assert {i: node.kind for i, node in enumerate(pruned.structure.nodes)} == kept
        difference = exactness(network, child, pruned, clip=(4, 20, 16))
        assert difference.max_abs_difference == 0.0
        assert difference.equal


def test_a_mutant_takes_over_what_its_parent_knows() -> None:
    parent, child = lively(own(), 1), lively(own(), 2)
    moved = inherit_weights(child, parent, [(n,) for n in range(len(own()))])
    assert moved.share == 1.0
    streams = {"rgb": torch.rand(1, 3, 4, 20, 16)}
    with torch.no_grad():
        assert torch.equal(child(streams), parent(streams))


def test_pictures_and_tables_name_the_kinds() -> None:
    picture = svg(own())
    assert all(name in picture for name in ("gated", "separated", "quick", "bottleneck"))
    console = Console(width=200, record=True, file=StringIO())
    console.print(structure_table(own(), cost(own(), num_classes=3)))
    rows = console.export_text().splitlines()
    assert sum("gated" in row for row in rows) == 2
    assert any("rgb quick" in row for row in rows)


@pytest.mark.timeout(900)
def test_an_exported_program_computes_the_same() -> None:
    rows = {"nodes": [[-1, 1], [0, [0], [4, 6], 2, 1], [1, [1], 4, 1, 2]]}
    kinds = {"kinds": {"0": "quick", "1": "gated", "2": "separated"}}
    network = lively(from_json({**DOCUMENT, **rows, **kinds}).with_settings(blocks=(1, 1)))
    program = write_down(network, (3, 16, 16))
    found = compare_programs(
        pt2_runner(to_pt2(program, {"what": "a test"})), network, program.inputs, tolerance=1e-5
    )
    assert found.ok, str(found)


def test_published_lists_say_that_they_cannot_hold_kinds() -> None:
    usual = with_kind(load_structure("starter"), 0, "quick")
    (lost,) = publish(usual).lost
    assert lost.startswith("kinds of 1 nodes (0: quick)")
    with pytest.raises(StructureError, match="bottleneck blocks take one number"):
        publish(own())


# Evolution -------------------------------------------------------------------------------------


def test_mutants_keep_their_kinds_and_stay_valid() -> None:
    parent, limits = own(), Limits.of(own(), most_blocks=4)
    made = dict.fromkeys(MUTATIONS, 0)
    for name in MUTATIONS:
        for seed in range(12):
            offspring = MUTATIONS[name].apply(parent, Random(seed), limits)
            if offspring is not None:
                keeps_promises(parent, offspring, limits)
                made[name] += 1
                plan(offspring.structure)
    alone = {"merge", "filters", "remove_stem"}  # one block of a kind, one stem of a stream
    still = {"stem_dilation"}  # neither stem has a temporal convolution
    asked = {"kind", "post"}  # only among those that the limits name
    assert {name for name, count in made.items() if not count} == alone | still | asked


def two_alike() -> Structure:
    """Two gated blocks, two separated ones and a bottleneck, all of one level."""
    nodes = (
        Stem(own().nodes[0].modality),  # type: ignore[union-attr]
        *(
            Block(0, own().block(2).connections[:1], filters, kind=kind)
            for filters, kind in (
                ((4, 6), "gated"),
                ((8, 6), "gated"),
                (4, "separated"),
                (8, "separated"),
                (2, None),
            )
        ),
        own().block(5),
    )
    top = replace(
        own().block(5),
        connections=tuple(replace(own().block(5).connections[0], source=n) for n in range(1, 6)),
    )
    return validate(replace(own(), nodes=(*nodes[:-1], top)))


def test_only_blocks_of_one_kind_merge_or_exchange_filters() -> None:
    parent = two_alike()
    limits, seen = Limits.of(parent, most_blocks=6), set()
    assert limits.channels[0] == {"gated": (12, 12), "separated": 12, "bottleneck": 2}
    for name in ("merge", "filters", "split"):
        for seed in range(30):
            offspring = MUTATIONS[name].apply(parent, Random(seed), limits)
            assert offspring is not None
            keeps_promises(parent, offspring, limits)
            seen |= {(name, b.kind, b.filters) for _, b in offspring.structure.blocks()}
    assert {("merge", "gated", (12, 12)), ("merge", "separated", 12)} <= seen
    assert {("filters", "separated", 6), ("split", "separated", 4)} <= seen
    assert not any(isinstance(f, int) and f % 2 for _, k, f in seen if k == "separated")


def test_an_evolution_begins_with_the_starts_kinds() -> None:
    for start in (own(), two_alike()):
        limits = Limits.of(start)
        for seed in range(5):
            found = validate(initial_structure(start, limits, Random(seed)))
            assert Limits.of(found).channels == limits.channels
            rgb = [stem.kind for _, stem in found.stems() if stem.modality == "rgb"]
            assert set(rgb) == {start.nodes[0].kind}
            assert 0 < Landscape(seed).at(found).fitness < 1


# Documents of other models ---------------------------------------------------------------------


def test_a_document_may_say_that_it_is_a_structure() -> None:
    assert from_json({"kind": "structure", **DOCUMENT}) == own()
    with pytest.raises(StructureError, match="kind of model 'resnet3d', not 'structure'"):
        from_json({"kind": "resnet3d", "name": "r3d_18"})
