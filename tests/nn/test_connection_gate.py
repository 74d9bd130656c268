"""A gated connection: what it adds, to which clips, and what learns from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from connsearch.graph.plan import Bucket, FusionPlan
from connsearch.graph.spec import Attention, Connection, GateFusion
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.connection_gate import ConnectionGate
from connsearch.nn.squeeze_recursion import RecurrentScaling
from connsearch.nn.temporal_gate import DecidingGate, OpenCount, TemporalGate
from tests.nn.gates import WIDTH, clips, copying, parameters_that_learn

NARROW = 4
PLAN = FusionPlan(
    sources=(0, 1, 2),
    buckets=(Bucket(WIDTH, (0, 2), False), Bucket(NARROW, (1,), True)),
    fused_width=WIDTH,
    input_stride=1,
    candidates=(),
    attention_width=None,
    gated=(1, 2),
)
SIZE = (4, 3, 5)


def fusion_of(
    *, gated: bool = True, fusion: GateFusion = "one_plus", plan: FusionPlan = PLAN
) -> ConnectionFusion:
    """Input 0 has no gate; 1 is narrow and projected, 2 has the fused width; both have a gate."""
    torch.manual_seed(0)
    inputs = [Connection(s, 0.5, gated=s in plan.gated) for s in plan.sources]
    found = ConnectionFusion(
        inputs,
        plan,
        {0: WIDTH, 1: NARROW, 2: WIDTH},
        learn=True,
        attention=Attention.NONE,
        gate_fusion=fusion,
    )
    for gate in found.gates.values():
        assert isinstance(gate, ConnectionGate)
        gate.recursion.load_state_dict(copying().recursion.state_dict())
        gate.gated = gated
    return found


def features(opens: str) -> dict[int, Tensor]:
    """Clip by clip: with ``o`` input 2 has the means of input 0; with ``s`` it stands still."""
    narrow = torch.randn(len(opens), NARROW, *SIZE)
    return {0: 2 * clips("o" * len(opens)), 1: narrow, 2: 2 * clips(opens)}


def summed(network: ConnectionFusion, given: dict[int, Tensor]) -> Tensor:
    return network(given, SIZE, {})


def test_a_gated_input_is_added_to_the_clips_that_agree() -> None:
    fusion, given = fusion_of().eval(), features("oso")
    with torch.no_grad():
        found = summed(fusion, given)
        base = 0.5 * given[0]
        gate = fusion.gates["2"]
        assert isinstance(gate, ConnectionGate)
        x = 0.5 * given[2]
        states = gate.states(gate.squeezed(x))
        added = x * (1 + states)[..., None, None]
    assert torch.equal(found[1], base[1]), "shut: the very same numbers"
    assert torch.allclose(found[[0, 2]], (base + added)[[0, 2]])
    assert not torch.allclose(found[0], base[0])


@pytest.mark.parametrize("fusion", ["one_plus", "product", "sigmoid"])
def test_until_gates_decide_every_clip_gets_it(fusion: GateFusion) -> None:
    """An input of another width goes through its projection by itself."""
    network, given = fusion_of(gated=False, fusion=fusion).eval(), features("os")
    with torch.no_grad():
        total = 0.5 * given[0]
        for source, x in ((2, given[2]), (1, network.project["4"](0.5 * given[1]))):
            gate = network.gates[str(source)]
            assert isinstance(gate, ConnectionGate)
            x = 0.5 * x if source == 2 else x
            total = total + x * gate.factor(gate.states(gate.squeezed(x)))[..., None, None]
        assert torch.allclose(summed(network, given), total, atol=1e-6)


def test_it_compares_with_the_inputs_without_a_gate_only() -> None:
    """What another gate lets in changes no decision."""
    one = fusion_of(plan=replace(PLAN, gated=(2,))).eval()
    both, given = fusion_of().eval(), features("oso")
    for network in (one, both):
        network.gates["2"].watched = True  # type: ignore[assignment]
    plain = replace(PLAN, sources=(0, 2), buckets=PLAN.buckets[:1], gated=(2,))
    alone = fusion_of(plan=plain).eval()
    alone.gates["2"].watched = True  # type: ignore[assignment]
    given[1] = 100 * given[1]  # another input without a gate does
    with torch.no_grad():
        for network in (one, both, alone):
            summed(network, given)
    counts = [network.gates["2"].take_count() for network in (one, both, alone)]  # type: ignore[operator]
    assert counts == [OpenCount(0, 3), OpenCount(2, 3), OpenCount(2, 3)]


def test_only_open_clips_teach_the_cell_and_the_source() -> None:
    for opens in ("oo", "os", "ss"):
        network, given = fusion_of(plan=replace(PLAN, gated=(2,))).train(), features(opens)
        given[1] = torch.zeros_like(given[1])
        given = {source: x.requires_grad_() for source, x in given.items()}
        summed(network, given).square().sum().backward()
        learned = {name for name in parameters_that_learn(network) if "recursion" in name}
        assert bool(learned) == ("o" in opens)
        grad = given[2].grad
        assert grad is not None
        assert [bool(g.any()) for g in grad] == [o == "o" for o in opens]


def test_training_and_evaluation_compute_the_same() -> None:
    network, given = fusion_of(), features("oso")
    with torch.no_grad():
        evaluated = summed(network.eval(), given)
    assert torch.allclose(summed(network.train(), given), evaluated, atol=1e-6)


def test_a_mask_takes_the_gate_away_or_the_input() -> None:
    network, given = fusion_of().eval(), features("ss")
    with torch.no_grad():
        shut = summed(network, given)
        network.opened = frozenset({2})
        opened = summed(network, given)
        assert torch.equal(opened, 0.5 * given[0] + 0.5 * given[2])
        network.masked, network.opened = frozenset({0}), frozenset()
        assert torch.equal(summed(network, given), 0.5 * given[0])
        network.masked = frozenset({1, 2})  # nothing without a gate is left: both lose it
        network.opened = frozenset({1, 2})
        alone = summed(network, given)
    assert not torch.equal(shut, opened)
    assert torch.allclose(alone, 0.5 * given[2] + network.project["4"](0.5 * given[1]))


def test_half_precision_decides_in_float32() -> None:
    network, given = fusion_of().eval(), features("oso")
    low = {source: x.bfloat16() for source, x in given.items()}
    for gate in network.gates.values():
        gate.watched = True  # type: ignore[assignment]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = summed(network, low)
    assert found.dtype is torch.bfloat16
    assert network.gates["2"].take_count() == OpenCount(2, 3)  # type: ignore[operator]


@pytest.mark.slow
def test_compiled_it_decides_the_same() -> None:
    network, given = fusion_of().eval(), features("os")
    compiled = torch.compile(network, backend="eager")
    with torch.no_grad():
        assert torch.allclose(compiled(given, SIZE, {}), summed(network, given), atol=1e-6)


def test_scaling_without_a_gate_never_decides() -> None:
    scaling, gate = (
        RecurrentScaling(WIDTH, fusion="one_plus"),
        TemporalGate(WIDTH, fusion="one_plus"),
    )
    scaling.load_state_dict(gate.state_dict())
    assert not isinstance(scaling, DecidingGate)
    x = clips("os")
    assert torch.equal(scaling(x), gate(x))
    gate.gated = True
    assert torch.equal(gate(x)[1], x[1])
    assert not torch.equal(scaling(x)[1], x[1])
