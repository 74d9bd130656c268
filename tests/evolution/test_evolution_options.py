"""Every setting that contradicts another, or cannot be read, is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connsearch.evolution.options import EvolutionOptions, StopOptions

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"operators": ("spilt",)}, "split"),
    ({"operators": ()}, "no operators to draw mutations from"),
    ({"budget": ("macs=80%",)}, "write macs<=80%"),
    ({"budget": ("latency<=40ms",)}, "latency is measured after a training"),
    ({"budget": ("macs<=80%", "macs<=1G")}, "limited twice"),
    ({"objectives": ()}, "name at least one, each once"),
    ({"objectives": ("accuracy", "accuracy")}, "name at least one, each once"),
    ({"objectives": ("beauty",)}, "accuracy"),
    ({"rungs": (0.5, 0.25)}, "rising numbers between 0 and 1"),
    ({"rungs": (0.5, 0.5)}, "rising numbers between 0 and 1"),
    ({"rungs": (0.5, 1.0)}, "rising numbers between 0 and 1"),
    ({"rungs": (float("nan"),)}, "rising numbers between 0 and 1"),
    ({"population": 4, "tournament": 5}, "population of 4; give --tournament 4 at most"),
    ({"threshold": 0.5, "strategy": "uniform"}, "threshold 0.5"),
    ({"threshold": 1.5}, "less than or equal to 1"),
    ({"elites": 21}, "elites 21: more than the population, 20"),
    ({"strategy": "nodes", "mutations": 0}, "mutations"),
    ({"strategy": "guides"}, "guided"),
    ({"survivors": 1.0}, "less than 1"),
    ({"attempts": 0}, "greater than or equal to 1"),
    ({"evaluations": 1}, "greater than or equal to 2"),
    ({"populatoin": 5}, "Extra inputs"),
    (
        {"posts": ("sr",)},
        "posts sr: has no effect without the mutation post; add it",
    ),
    ({"posts": (), "operators": ("post",)}, "name at least one, each once"),
    ({"posts": ("sr", "sr"), "operators": ("post",)}, "name at least one, each once"),
    ({"posts": ("srgt",), "operators": ("post",)}, "'srtg'"),
    ({"kinds": ("r3d_basic",)}, "has no effect without the mutation kind; add it to --operators"),
    ({"kinds": ("r3d_basik",), "operators": ("kind",)}, "did you mean 'r3d_basic'"),
]


@pytest.mark.parametrize(("chosen", "said"), WRONG, ids=[str(c) for c, _ in WRONG])
def test_a_wrong_setting_is_refused(chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        EvolutionOptions(**chosen)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "chosen",
    [
        {"operators": (), "mutations": 0},
        {"operators": ("dilation", "split", "merge")},
        {"rungs": (0.25, 0.5)},
        {"population": 5, "elites": 5},
        {"population": 2},
        {"population": 4, "tournament": 4},
        {"strategy": "guided", "threshold": 0},
        {"objectives": ("accuracy", "macs")},
        {"posts": ("sr",), "operators": ("post",)},
        {"posts": ("none", "sr", "srtg")},
        {"kinds": ("r3d_basic",), "operators": ("split", "kind")},
    ],
    ids=str,
)
def test_the_edge_of_what_is_allowed(chosen: dict[str, Any]) -> None:
    EvolutionOptions(**chosen)


def test_a_budget_is_kept_in_one_form() -> None:
    found = EvolutionOptions(budget=("macs <= 80%, params<=100k",)).budget
    assert found == ("macs<=80%", "params<=100k")


def test_the_wiring_step_of_a_strategy() -> None:
    assert EvolutionOptions().wiring == "guided"
    assert EvolutionOptions(threshold=0.5).wiring == "guided:0.5"
    assert EvolutionOptions(threshold=0.0).wiring == "guided:0"
    assert EvolutionOptions(strategy="uniform").wiring == "uniform"
    assert EvolutionOptions(strategy="nodes").wiring is None
    assert EvolutionOptions(strategy="random").wiring is None


def test_options_survive_the_study() -> None:
    options = EvolutionOptions(budget=("macs<=80%",), rungs=(0.5,), objectives=("accuracy", "macs"))
    assert EvolutionOptions.model_validate(options.model_dump(mode="json")) == options


@pytest.mark.parametrize(
    "chosen",
    [{"rounds": 0}, {"hours": 0}, {"hours": float("inf")}, {"patience": 0}, {"timeout": -1}],
    ids=str,
)
def test_a_wrong_end_is_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StopOptions(**chosen)
