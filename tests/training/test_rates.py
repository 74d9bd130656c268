"""Parts of a network that learn faster or slower than others, and those that are frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from connsearch.data.options import DataOptions
from connsearch.errors import RunError, SettingsError
from connsearch.models.model import Model, Wrapped
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, NoteEvent, StepEvent
from connsearch.runs.run import Run
from connsearch.training.curriculum import Curriculum
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import OptimiserOptions, ScheduleOptions, TrainOptions
from connsearch.training.rate_options import RateOptions, rate_of
from connsearch.training.rates import RateGroup, factors_in, rate_groups
from tests.training.tiny import TinyData, result_of, tiny_search, tiny_structure


class Recurrent(nn.Module):
    """A convolution with its batch norm, an LSTM over frames, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm3d(4)
        self.memory = nn.LSTM(4, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Maps clips to logits."""
        x_BCTHW = torch.relu(self.bn(self.conv(x_BCTHW)))
        return self.fc(self.memory(x_BCTHW.mean((3, 4)).transpose(1, 2))[0][:, -1])


def recurrent(*, classifier: tuple[str, ...] = ("fc",)) -> Wrapped:
    torch.manual_seed(3)
    return Wrapped(Recurrent(), classifier=classifier)


def fit(directory: Path, network: Model, **changes: Any) -> Iterator[Event]:
    chosen: dict[str, Any] = {"epochs": 2, "threads": 1, "precision": "fp32"}
    options = TrainOptions.of(**{**chosen, "recalibrate_clips": 8, **changes})
    with Run.open(directory, {"command": "train", "settings": options.model_dump()}) as run:
        yield from fit_model(network, TinyData(), options, run=run)


def factors(network: Model, **options: Any) -> Mapping[str, float]:
    return factors_in(rate_groups(network, RateOptions(**options)))


def test_fine_tuning_divides_a_network_in_three() -> None:
    found = factors(recurrent(), fine_tune=True)
    parts = {name.split(".")[1]: factor for name, factor in found.items()}
    assert parts == {"conv": 0.6, "bn": 0.6, "memory": 0.5, "fc": 1.0}
    assert len(found) == len(list(recurrent().parameters()))
    rest = factors(recurrent(), fine_tune=0.1)
    assert rest["module.conv.weight"] == 0.1
    assert rest["module.memory.weight_hh_l0"] == 0.5


def test_what_a_structure_has_for_a_classifier_is_found_and_its_logits_are_no_rest() -> None:
    network = Network(tiny_structure(), 2, learn_connections=True, seed=0)
    found = factors(network, fine_tune=0.3)
    assert found["head.dense.weight"] == 1.0
    assert set(found.values()) == {1.0, 0.3}
    logits = {
        n for n, p in network.named_parameters() if p in set(network.parameter_groups().logits)
    }
    assert logits
    assert not logits & set(found)
    held = factors(network, rate={next(iter(logits)): 0.5})
    assert held[next(iter(logits))] == 0.5


def test_of_several_patterns_the_last_that_fits_counts_and_before_fine_tuning() -> None:
    asked = {"*.weight": 0.1, "module.conv": 0.2, "module.bn.*": 3}
    found = factors(recurrent(), fine_tune=True, rate=asked)
    assert found["module.conv.weight"] == found["module.conv.bias"] == 0.2
    assert found["module.bn.weight"] == 3
    assert found["module.fc.weight"] == 0.1
    assert found["module.fc.bias"] == 1.0
    turned = factors(recurrent(), rate=dict(reversed(asked.items())))
    assert turned["module.conv.weight"] == 0.1


@settings(max_examples=15)
@given(
    st.dictionaries(
        st.sampled_from(["module", "module.*", "*", "*.weight", "module.fc", "*b*"]),
        st.sampled_from([0.25, 0.5, 2.0]),
        min_size=1,
    ),
    st.one_of(st.none(), st.floats(0.01, 1)),
)
def test_every_parameter_is_in_one_group_and_learns_at_its_rate(
    asked: dict[str, float], fine_tune: float | None
) -> None:
    network = recurrent()
    groups = rate_groups(network, RateOptions(rate=asked, fine_tune=fine_tune))
    names = [name for group in groups for name in group.parameters]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    options, found = OptimiserOptions(lr=0.5), factors_in(groups)
    schedule = ScheduleOptions(schedule="constant", warmup=0)
    optimisers = Optimisers(network, options, schedule, factors=found)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert optimisers.step(0, total_steps=10) == 0.5
    by_name = {p: name for name, p in network.named_parameters()}
    rates = {
        by_name[p]: g["lr"]
        for o in optimisers._all.values()
        for g in o.param_groups
        for p in g["params"]
    }
    assert rates == {name: 0.5 * factor for name, factor in found.items()}


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_part_without_a_rate_stays_as_it_is_and_so_do_its_statistics(
    tmp_path: Path, optimiser: str
) -> None:
    network = recurrent()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    list(fit(tmp_path / "run", network, rate={"module.conv": 0, "*.bn": 0}, optimiser=optimiser))
    after = network.state_dict()
    changed = {name.split(".")[1] for name in before if not before[name].equal(after[name])}
    assert changed == {"memory", "fc"}
    assert all(parameter.requires_grad for parameter in network.parameters()), "ready for more"


def test_a_batch_norm_that_learns_in_part_follows_its_clips(tmp_path: Path) -> None:
    network = recurrent()
    list(fit(tmp_path / "run", network, rate={"*.bn.weight": 0, "module.conv": 0}))
    assert network.state_dict()["module.bn.num_batches_tracked"] > 0


def test_what_is_frozen_is_no_filter_and_a_logit_stays_one() -> None:
    network = Network(tiny_structure(), 2, learn_connections=True, seed=0)
    logits = set(network.parameter_groups().logits)
    name = next(name for name, p in network.named_parameters() if p in logits)
    found = factors(network, rate={"nodes.0": 0, name: 0})
    optimisers = Optimisers(network, OptimiserOptions(), ScheduleOptions(), factors=found)
    still = set(network.nodes[0].parameters())
    assert still
    assert not still & set(optimisers.filters)
    assert set(optimisers.logits) == logits


def test_rates_of_one_change_no_bit(tmp_path: Path) -> None:
    plain, same = recurrent(), recurrent()
    list(fit(tmp_path / "plain", plain))
    list(fit(tmp_path / "same", same, rate={"*": 1}))
    assert all(a.equal(b) for a, b in zip(plain.parameters(), same.parameters(), strict=True))


def steps_until(events: Iterator[Event], step: int) -> None:
    for event in events:
        if isinstance(event, StepEvent) and event.step == step:
            break
    events.close()  # type: ignore[attr-defined]


def test_a_search_of_several_rates_resumes_bit_for_bit_in_a_multigrid_schedule(
    tmp_path: Path,
) -> None:
    asked: dict[str, Any] = {
        "fine_tune": 0.5,
        "rate": ("nodes.0=0", "*logit*=0.5"),
        "multigrid": "srtg",
        "optimiser": "sgd",
        "epochs": 2,
    }
    whole = result_of(tiny_search(tmp_path / "whole", **asked)).report.digest
    steps_until(tiny_search(tmp_path / "run", **asked), 5)
    assert result_of(tiny_search(tmp_path / "run", **asked)).report.digest == whole


def test_the_groups_are_told_recorded_and_compared(tmp_path: Path) -> None:
    events = fit(tmp_path / "run", recurrent(), fine_tune=True, rate={"module.bn": 0}, lr=0.01)
    told: list[str] = []
    for event in events:
        if isinstance(event, NoteEvent):
            told.append(event.message)
        if isinstance(event, StepEvent) and event.step == 2:
            break
    events.close()  # type: ignore[attr-defined]
    table = next(text for text in told if text.startswith("learning rates"))
    lines = [line.split() for line in table.splitlines()[1:]]
    assert lines[0] == ["classifier", "10", "parameters", "0.01", "(x", "1)"]
    assert lines[1] == ["recurrent", "160", "parameters", "0.005", "(x", "0.5)"]
    assert lines[2] == ["rest", "328", "parameters", "0.006", "(x", "0.6)"]
    assert lines[3] == ["module.bn", "8", "parameters", "frozen"]
    with pytest.raises(RunError, match=r"settings\.rates\.fine_tune|training"):
        list(fit(tmp_path / "run", recurrent(), fine_tune=0.5, rate={"module.bn": 0}, lr=0.01))
    again = recurrent(classifier=("fc", "memory"))
    with pytest.raises(RunError, match="rates"):
        list(fit(tmp_path / "run", again, fine_tune=True, rate={"module.bn": 0}, lr=0.01))


def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"(?s)rate module\.cnv\.\*: .*nearest: module\.conv"):
        factors(recurrent(), rate={"module.cnv.*": 0.1})
    with pytest.raises(SettingsError, match=r"(?s)nobody knows .*Wrapped\(module, classifier="):
        factors(recurrent(classifier=()), fine_tune=True)
    with pytest.raises(SettingsError, match=r"(?s)classifier.*'module\.head'"):
        factors(recurrent(classifier=("head",)), fine_tune=True)
    with pytest.raises(SettingsError, match="every filter would be frozen"):
        factors(recurrent(), rate={"*": 0})
    still = recurrent()
    still.module.conv.requires_grad_(False)
    with pytest.raises(SettingsError, match=r"module\.conv: what it fits in .* does not learn"):
        factors(still, rate={"module.conv": 0.1})
    events = fit(tmp_path / "run", recurrent(), rate={"nothing": 1})
    with pytest.raises(SettingsError, match="rate nothing"):
        list(events)
    assert not (tmp_path / "run").exists(), "refused before anything was written"


@pytest.mark.parametrize("text", ["head", "=0.1", "head=", "head=-1", "head=inf", "head=nan"])
def test_a_rate_is_a_pattern_and_a_number(text: str) -> None:
    with pytest.raises(ValidationError, match=r"allowed: PATTERN=X"):
        RateOptions(rate=(text,))


def test_a_rate_is_kept_as_one_text_however_it_is_given() -> None:
    assert RateOptions(rate={"a": 0.1, "b": 2}).rate == ("a=0.1", "b=2")  # type: ignore[arg-type]
    assert RateOptions(rate="a=.10").rate == ("a=0.1",)  # type: ignore[arg-type]
    assert RateOptions(rate=("a=1", "b=2", "a=3")).rate == ("b=2", "a=3")
    assert RateOptions(rate={"a": 0.123456789}).patterns == {"a": 0.123456789}  # type: ignore[arg-type]
    assert rate_of("a=b=0.5") == ("a=b", 0.5)
    assert RateOptions(fine_tune=True).fine_tune == 0.6
    assert RateOptions(fine_tune=False).fine_tune is None
    assert not RateOptions(rate=()).given


class Many:
    """Stands in for so many training clips, of which nothing is read."""

    def __init__(self, clips: int) -> None:
        options = DataOptions.of(batch_size=8, frames=16, size=224)
        self._clips, self.loading, self.clips = clips, options.loading, options.clips

    def __len__(self) -> int:
        return self._clips


def test_steps_with_multigrid_have_the_published_rates() -> None:
    """24 steps an epoch, in quarters, and a tenth of the rate after epochs 2 and 4 (golden s7)."""
    asked: dict[str, Any] = {"schedule": "steps", "decay_epochs": (2, 4), "warmup_steps": 0}
    options = TrainOptions.of(optimiser="sgd", lr=0.1, multigrid="srtg", epochs=5, **asked)
    clips: Any = Many(1208)
    curriculum = Curriculum(clips, options.schedule, options.multigrid, seed=0)
    parts = [part.rate for part, _ in curriculum._grid.layout(0)]
    assert (curriculum.total, len(parts)) == (120, 24)
    optimisers = Optimisers(
        recurrent(), options.optimiser, options.schedule, options.rate_powers, factors={}
    )
    found: list[float] = []
    for step in range(curriculum.total):
        place, end, epoch = curriculum.place(step)
        rates = optimisers.rates(place, total_steps=end, epoch_steps=epoch, scale=parts[step % 24])
        found.append(rates["filters"])
    quarters = [0.1 / 2**stage for stage in range(4) for _ in range(6)]
    assert found == pytest.approx([q * s for s in (1, 1, 0.1, 0.1, 0.01) for q in quarters])


class WithRates(Wrapped):
    """A network whose parts have rates by themselves."""

    rates = MappingProxyType({"module.conv": 0.5, "module.memory": 0.1})


def test_a_pattern_of_the_network_that_is_given_again_counts_where_it_is_given() -> None:
    network = WithRates(Recurrent())
    assert factors(network)["module.conv.weight"] == 0.5
    found = factors(network, rate={"*": 0.2, "module.memory": 0.3})
    assert found["module.memory.weight_hh_l0"] == 0.3
    assert found["module.conv.weight"] == 0.2
    alone = factors(network, rate={"*": 0, "module.conv": 1})
    assert {name for name, factor in alone.items() if factor} == {
        "module.conv.weight",
        "module.conv.bias",
    }


def test_a_rate_of_the_network_for_what_does_not_learn_is_left_out() -> None:
    network = WithRates(Recurrent())
    network.module.get_submodule("memory").requires_grad_(False)
    assert set(factors(network).values()) == {0.5, 1.0}
    with pytest.raises(SettingsError, match="does not learn"):
        factors(network, rate={"module.memory": 1})


def test_logits_that_mix_peers_are_told_as_such_and_filed_as_before() -> None:
    mixing, connecting = "glance.fusions.3.attention.logits", "glance.fusions.3.fusion.logits"
    number = torch.nn.Parameter(torch.zeros(2))
    for names, title in (
        ([mixing], "glance (peers)"),
        ([connecting], "glance (connections)"),
        ([connecting, mixing], "glance (connections)"),
    ):
        group = RateGroup("glance", 0.5, True, dict.fromkeys(names, number))
        assert group.title == title
        assert group.record().group == "glance (connections)"
