"""What is said of a comparison or a ranking is never more than the interval says."""

from __future__ import annotations

import numpy as np
import pytest

from connsearch.analysis import rank_correlation
from connsearch.analysis.compare import judge
from connsearch.errors import SettingsError
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.runs.formats.analyses import CompareRow, RankRow
from tests.training.tiny import tiny_structure


def scores(found: float, *, spread: float = 0.02, seeds: int = 3) -> list[CompareRow]:
    """Rows of a comparison: random wirings around 0.5, the found one above by so much."""
    rng = np.random.default_rng(0)
    rows: list[CompareRow] = []
    for seed in range(seeds):
        for draw in range(6):
            luck = spread * (rng.normal() + (draw % 3 - 1))
            score = 0.5 + 0.1 * seed + luck + (found if draw == 0 else 0)
            row = {"wiring": "random" if draw else "found", "draw": draw, "seed": seed}
            size = {"connections": 9, "macs": 900, "parameters": 90}
            rows.append(CompareRow.model_validate({**row, **size, "accuracy": score}))
    return rows


def sentence(rows: list[CompareRow]) -> str:
    return judge(rows, measure="accuracy", split="val").sentence


def test_better_and_worse_are_said_where_the_interval_excludes_nothing_less() -> None:
    assert sentence(scores(0.5)).startswith("better than random wirings: +0.")
    assert sentence(scores(-0.5)).startswith("worse than random wirings: -0.")
    assert "accuracy on val over 3 seeds and 5 random wirings (p = " in sentence(scores(0.5))


@pytest.mark.parametrize("found", [-0.06, -0.01, 0.0, 0.01, 0.06, 0.1])
def test_better_is_never_said_across_zero(found: float) -> None:
    verdict = judge(scores(found), measure="accuracy", split="val")
    crosses = verdict.difference.low <= 0 <= verdict.difference.high
    assert verdict.sentence.startswith("no difference shown") == crosses
    assert ("better" in verdict.sentence) == (verdict.difference.low > 0)


def test_what_is_missing_is_said() -> None:
    rng = np.random.default_rng(1)
    rows = scores(0.08, spread=0.01)
    noisy = [
        row.model_copy(update={"accuracy": row.accuracy + 0.06 * rng.normal()}) for row in rows
    ]
    verdict = judge(noisy, measure="accuracy", split="val")
    assert not verdict.difference.shown
    assert verdict.needed.seeds is not None
    assert f"needs about {verdict.needed.seeds} more seeds (--seeds)" in verdict.sentence
    assert "neither 1000 seeds nor 1000 random wirings" in sentence(scores(0.001))


def test_wirings_that_all_do_alike_give_no_verdict() -> None:
    rows = [row.model_copy(update={"accuracy": 0.5 + 0.1 * (row.draw == 0)}) for row in scores(0)]
    assert sentence(rows).startswith("no difference can be judged: +0.100")


@pytest.mark.parametrize("level", [0.2, 1 / 3])
def test_trainings_that_all_do_alike_are_to_be_longer(level: float) -> None:
    rows = [row.model_copy(update={"accuracy": level}) for row in scores(0)]
    said = sentence(rows)
    assert said.startswith(
        f"train longer: all 18 trainings have the same accuracy on val, {level:.3f}"
    )
    assert "--epochs" in said
    assert "[" not in said
    almost = [*rows[:-1], rows[-1].model_copy(update={"accuracy": level + 1e-3})]
    assert not sentence(almost).startswith("train longer")


def test_trainings_that_are_all_right_are_not_to_be_longer() -> None:
    rows = [row.model_copy(update={"accuracy": 1.0}) for row in scores(0)]
    assert sentence(rows).startswith("too easy to tell anything apart: all 18 trainings")


def test_rows_in_any_order_say_the_same() -> None:
    rows = scores(0.03)
    assert sentence(rows[::-1]) == sentence(rows)


def ranked(supernet: list[float], macs: list[int]) -> rank_correlation.Ranking:
    alone = [0.1 * i for i in range(len(supernet))]
    rows = [
        RankRow(name="one", alone=a, supernet=s, macs=m, connections=m, parameters=0)
        for a, s, m in zip(alone, supernet, macs, strict=True)
    ]
    return rank_correlation.judge(rows, seed=0)


def test_a_supernet_that_ranks_as_the_truth_does_is_better_than_flops() -> None:
    order = list(range(14))
    lot = np.random.default_rng(0).permutation(14).tolist()
    found = ranked(order, lot)
    assert found.supernet.value == pytest.approx(1)
    assert found.verdict.startswith("the supernet ranking is better than MACs: tau +1.00")
    other = ranked(lot, order)
    assert other.verdict.startswith("the supernet ranking is worse than MACs")
    same = ranked(order, order)
    assert same.verdict.startswith("the supernet ranking is not better than MACs")
    assert ranked(order, [7] * 14).verdict.startswith("no ranking can be judged")


def test_sub_networks_that_all_do_alike_are_to_be_trained_longer() -> None:
    order = list(range(14))
    said = ranked([0.25] * 14, order).verdict
    assert said.startswith("train longer: all 14 sub-networks have the same score in the supernet")
    assert "--epochs" in said
    assert ranked([1.0] * 14, order).verdict.startswith("too easy to tell anything apart")


def test_a_higher_tau_alone_is_not_called_better() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        supernet = rng.normal(size=8).tolist()
        macs = (1e6 * rng.normal(size=8)).astype(int).tolist()
        found = ranked(supernet, macs)
        better = found.verdict.startswith("the supernet ranking is better")
        assert better == (found.gain.low > 0)
        assert "worse" not in found.verdict or found.gain.high < 0


def test_sub_networks_are_many_and_various_and_more_can_be_added() -> None:
    space = over_connect(load_structure("starter"))
    few, many = (rank_correlation.sample(space, count, seed=1) for count in (4, 15))
    assert [one.edges for one in many[:4]] == [one.edges for one in few]
    assert len({one.edges for one in many}) == 15
    counts = [len(one.edges) for one in many]
    assert max(counts) - min(counts) > len(space.edges()) / 3
    other = rank_correlation.sample(space, 15, seed=2)
    assert {one.edges for one in other} != {one.edges for one in many}


def test_a_space_without_so_many_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"only \d+ different sub-networks.*\n.*--subnets"):
        rank_correlation.sample(tiny_structure(), 60, seed=0)
