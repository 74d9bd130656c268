"""What every objective promises, whatever it is."""

from __future__ import annotations

from math import isfinite

import pytest

from connsearch.evolution.objectives import OBJECTIVES, Assessment, values
from connsearch.evolution.options import EvolutionOptions
from connsearch.graph.files import load_structure
from connsearch.view.evolution.standings import valued
from connsearch.view.evolution.story import direction, worth


def assessment(asked: list[str] | None = None) -> Assessment:
    def latency() -> float:
        if asked is not None:
            asked.append("latency")
        return 12.31

    return Assessment(load_structure("starter"), 0.73251, 1_234_567, 54_321, latency)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_it_has_a_number_for_a_child_and_words_for_the_number(name: str) -> None:
    found = OBJECTIVES[name]
    number = found.take(assessment())
    assert isinstance(number, float)
    assert isfinite(number)
    assert found.label
    assert bool(found.unit) == (found.style != "share")
    assert worth(name, number) in valued(name, number)
    assert (name if found.style == "share" else found.unit) in valued(name, number)
    assert direction(name).startswith(found.label)
    assert direction(name).endswith("(less is better)") != found.higher


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_it_can_be_asked_for(name: str) -> None:
    assert EvolutionOptions(objectives=(name,)).objectives == (name,)


def test_values_come_in_the_order_asked_for() -> None:
    assert values(("macs", "accuracy", "latency"), assessment()) == (1_234_567.0, 0.73251, 12.31)


def test_what_is_not_asked_for_is_not_measured() -> None:
    asked: list[str] = []
    values(("accuracy", "macs"), assessment(asked))
    assert not asked


def test_directions_are_those_that_studies_have() -> None:
    told = {name: OBJECTIVES[name].higher for name in ("accuracy", "macs", "latency")}
    assert told == {"accuracy": True, "macs": False, "latency": False}
