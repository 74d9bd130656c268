"""Budgets as people write them: what is read, what is refused, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connsearch.errors import SettingsError
from connsearch.pruning.budget import Budget, parse_budgets
from connsearch.pruning.options import PruneOptions


@pytest.mark.parametrize(
    ("text", "quantity", "amount", "share"),
    [
        ("macs<=60%", "macs", 60, True),
        ("macs <= 40M", "macs", 40e6, False),
        ("macs<=1.5G", "macs", 1.5e9, False),
        ("params<=100k", "params", 1e5, False),
        ("params<=12345", "params", 12345, False),
        ("connections<=20", "connections", 20, False),
        ("connections<=12.5%", "connections", 12.5, True),
        ("latency<=40ms", "latency", 0.04, False),
        ("latency<= 0.5 s", "latency", 0.5, False),
        ("latency<=250us", "latency", 250e-6, False),
    ],
)
def test_amounts_and_units(text: str, quantity: str, amount: float, share: bool) -> None:
    (found,) = parse_budgets([text])
    assert (found.quantity, float(found.amount), found.share) == (quantity, amount, share)
    assert str(found) == text.replace(" ", "")


def test_several_are_parted_by_commas_or_given_one_by_one() -> None:
    together = parse_budgets(["macs<=60%, latency<=40ms", "connections<=20"])
    assert together == parse_budgets(["macs<=60%", "latency<=40ms", "connections<=20"])
    assert [b.slug for b in together] == ["macs-60pct", "latency-40ms", "connections-20"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mac<=60%", "did you mean 'macs'"),
        ("flops<=60%", "Known: macs, params, connections, latency"),
        ("macs<60%", "write macs<=60%, not <"),
        ("macs>=60%", "a budget is an upper limit"),
        ("macs=60%", "write macs<=60%, not ="),
        ("macs 60%", "<="),
        ("macs<=", "above 0, such as 60% or 40M"),
        ("macs<=-5", "'-5' is not an amount above 0"),
        ("macs<=nan", "'nan' is not an amount above 0"),
        ("macs<=1e9", "'1e9' is not an amount above 0"),
        ("macs<=0", "budget of 0"),
        ("macs<=0.0%", "budget of 0"),
        ("macs<=100.1%", "more than the unpruned network has"),
        ("macs<=4ms", "unit 'ms'; allowed for macs: none, k, M, G, T, or %"),
        ("latency<=40", "no unit; allowed for latency: us, ms, s, or %"),
        ("connections<=2.5", "a whole number"),
        ("connections<=2k", "unit 'k'"),
        ("", "<="),
        ("macs<=60%,macs<=4M", "limited twice"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_budgets([text])
    assert said in str(caught.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        PruneOptions(budget=("macs<60%", "params<=9k", "latency<=40,edges<=3"))
    for said in ("'macs<60%'", "'latency<=40'", "'edges<=3'", "allowed: quantity<=amount"):
        assert said in str(caught.value)
    assert "read 'params<=9k'" not in str(caught.value)


@pytest.mark.parametrize("criterion", ["random", "threshold:0.7", "relative:0.3"])
def test_a_budget_and_a_criterion_contradict_each_other(criterion: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"(?s){criterion} and a budget.*allowed: one of them"
    ):
        PruneOptions(budget=("macs<=60%",), criterion=criterion)


def test_the_options_name_a_directory() -> None:
    options = PruneOptions(budget=("macs <= 60%,connections<=20",), peers=2)
    assert options.budget == ("macs<=60%", "connections<=20")
    assert list(options.changed().values()) == ["2", "macs-60pct-connections-20"]
    assert PruneOptions().changed() == {}


@given(st.integers(1, 10**6), st.integers(1, 10**15))
def test_a_share_is_not_rounded(per_million: int, whole: int) -> None:
    budget: Budget = parse_budgets([f"macs<={per_million / 10_000:.4f}%"])[0]
    most = per_million * whole // 10**6  # in whole numbers
    assert budget.allows(most, whole)
    assert not budget.allows(most + 1, whole)
