"""Clips that a network is sure of are still ranked, in one view and in several."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.training.losses import BinaryCrossEntropy, CrossEntropy, Loss
from connsearch.training.predictions import PooledPredictions

LOSSES = (BinaryCrossEntropy(), CrossEntropy())


def precision(loss: Loss, views: list[Tensor], targets: Tensor, pool: Literal["mean", "max"]):
    """The mean average precision of clips ``(N, K)`` in several views."""
    sheet = PooledPredictions(loss, views=len(views), pool=pool)
    clips = torch.arange(len(targets))
    for logits in views:
        sheet.add(Batch({}, targets.argmax(1), clips, targets), logits)
    return sheet.metrics([*map(str, range(targets.shape[1]))], seconds=0.0, left_out=0).mAP


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("views", [1, 3])
def test_a_right_order_is_a_precision_of_one(
    loss: Loss, pool: Literal["mean", "max"], views: int
) -> None:
    """All of these have the probability 1 or 0 in float64."""
    sure = torch.tensor([[900.0, -900.0], [800.0, -800.0], [700.0, -700.0], [600.0, -600.0]])
    targets = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert precision(loss, [sure - v for v in range(views)], targets, pool) == pytest.approx(1.0)


@given(st.lists(st.lists(st.floats(-8, 8), min_size=3, max_size=3), min_size=1, max_size=5))
def test_the_log_odds_are_those_of_the_probabilities(rows: list[list[float]]) -> None:
    logits = torch.tensor(rows, dtype=torch.float64)
    for loss in LOSSES:
        p = loss.probabilities(logits)
        torch.testing.assert_close(
            loss.log_odds(logits), p.log() - (-p).log1p(), rtol=1e-6, atol=1e-6
        )


def test_one_class_of_cross_entropy_ranks_nothing() -> None:
    assert CrossEntropy().log_odds(torch.tensor([[3.0], [5.0]])).tolist() == [[0.0], [0.0]]


@given(
    st.lists(
        st.lists(st.sampled_from([-2.0, 0.0, 0.5, 3.0]), min_size=2, max_size=2),
        min_size=4,
        max_size=4,
    ),
    st.sampled_from(["mean", "max"]),
)
def test_pooled_odds_rank_as_pooled_probabilities_do(
    rows: list[list[float]], pool: Literal["mean", "max"]
) -> None:
    """Where nothing saturates, both orders are the same."""
    loss, sheet = BinaryCrossEntropy(), PooledPredictions(BinaryCrossEntropy(), views=2, pool=pool)
    views = [torch.tensor(rows), torch.tensor(rows).flip(0) * 0.7]
    targets = torch.ones(4, 2)
    for logits in views:
        sheet.add(Batch({}, targets.argmax(1), torch.arange(4), targets), logits)
    first, second = (loss.probabilities(v) for v in views)
    p = (first + second) / 2 if pool == "mean" else first.maximum(second)
    odds = sheet.odds()
    torch.testing.assert_close(odds.sigmoid(), p, rtol=1e-9, atol=1e-12)
