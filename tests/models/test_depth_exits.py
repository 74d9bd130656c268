"""A structure that may stop after a level: same answers, whole or step by step."""

import json
import random

import pytest
import torch
from torch import Tensor

from connsearch.errors import DataError, SettingsError
from connsearch.graph.files import load_structure
from connsearch.models.catalogue import from_document
from connsearch.models.depth_exits import DepthExits
from connsearch.models.document import ModelDocument
from connsearch.models.early_exit import EarlyExitModel, leave_early
from connsearch.models.exactness import random_streams
from connsearch.models.model import as_predictions
from connsearch.models.structure import Network
from tests.models.test_gated_exactness import undecided
from tests.pruning.gated import random_gated

CLIPS, CLIP = 4, (4, 9, 8)


def exits_of(network: Network) -> DepthExits:
    found = DepthExits.around(network, levels=None, neurons=8, seed=1)
    for name, statistic in found.layers.named_buffers():
        if name.endswith("running_var"):
            statistic.fill_(0.05)  # so that answers differ from clip to clip
    return found.eval()


def answers(model: DepthExits, streams: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        found = as_predictions(model(streams)).per_step
    assert found is not None
    return found


@pytest.mark.parametrize("cases", [10, pytest.param(120, marks=pytest.mark.slow)])
def test_step_by_step_is_the_whole_run(cases: int) -> None:
    """With mixed kinds, gates that decide, peers and strides in time; some clips stop early."""
    compared = stopped = 0
    for case in range(3 * cases):
        structure = random_gated(random.Random(case))
        if len({block.level for _, block in structure.blocks()}) < 2 or compared == cases:
            continue
        compared += 1
        network = undecided(structure, case).eval()
        streams = dict(random_streams(network, clip=CLIP, batch=CLIPS, seed=case))
        with torch.no_grad():
            alone = network(streams)
        model = exits_of(network)
        whole = answers(model, streams)
        assert torch.equal(whole[:, -1], alone), "the last answer is the network's own"
        middle = whole[:, 0].double().softmax(1).amax(1).median().item()
        left = leave_early(model, streams, [middle] + [2.0] * (model.exits - 1))
        stops = left.exits
        assert set(stops.tolist()) <= {0, model.exits - 1}
        torch.testing.assert_close(left.logits, whole[torch.arange(CLIPS), stops])
        stopped += len(set(stops.tolist())) == 2
        costs = model.exit_costs({n: tuple(x.shape[1:]) for n, x in streams.items()})
        assert len(costs) == model.exits
        assert list(costs) == sorted(set(costs))
    assert compared == cases
    assert stopped > cases // 2


def test_exits_learn_and_the_network_learns_through_them() -> None:
    model = exits_of(Network(load_structure("starter_rgb_flow"), 3, seed=0)).train()
    found = as_predictions(model({"rgb": torch.randn(2, 3, 4, 16, 16)}))
    assert [term.logits.shape for term in found.terms] == [(2, 1, 3)] * model.exits
    assert {term.weight for term in found.terms} == {1 / model.exits}
    found.terms[0].logits.sum().backward()
    first = model.network.nodes[0]
    assert any(p.grad is not None and p.grad.any() for p in first.parameters())
    assert not any(p.grad is not None and p.grad.any() for p in model.network.head.parameters())


def test_its_document_builds_it_again() -> None:
    model = exits_of(Network(load_structure("starter_rgb_flow"), 3, seed=0))
    written = json.loads(json.dumps(model.describe().to_json()))
    again = from_document(ModelDocument.read(written, where="here"), 3)
    assert isinstance(again, DepthExits)
    assert isinstance(again, EarlyExitModel)
    again.load_state_dict(model.state_dict())
    clips = {"rgb": torch.randn(2, 3, 4, 16, 16)}
    assert torch.equal(answers(again.eval(), clips), answers(model, clips))
    assert again.describe() == model.describe()


def test_levels_that_there_are_not_are_refused() -> None:
    network = Network(load_structure("starter_rgb_flow"), 3)
    last = max(block.level for _, block in network.structure.blocks())
    for levels in ((last,), (0, 99), ()):
        with pytest.raises(SettingsError, match=r"exits: read .*\n  allowed: levels of"):
            DepthExits.around(network, levels=levels, neurons=None, seed=0)


def test_one_clip_alone_is_refused_in_training_with_a_cure() -> None:
    model = exits_of(Network(load_structure("starter_rgb_flow"), 3, seed=0)).train()
    with pytest.raises(DataError, match=r"one clip alone(?s:.)*cure: another --batch-size"):
        model({"rgb": torch.randn(1, 3, 4, 16, 16)})


def test_in_float64_the_last_answer_is_the_networks_own() -> None:
    network = Network(load_structure("starter_rgb_flow"), 3, seed=0).double().eval()
    model = exits_of(network).double()
    streams = {"rgb": torch.randn(2, 3, 4, 16, 16, dtype=torch.float64)}
    with torch.no_grad():
        assert torch.equal(answers(model, streams)[:, -1], network(streams))
