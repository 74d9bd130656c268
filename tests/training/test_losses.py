"""Losses by hand: what counts, what smoothing does, and what their outputs mean."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.training.losses import BinaryCrossEntropy, CrossEntropy, choose_loss, right_answers
from connsearch.training.options import TrainOptions


def clips(labels: list[int], targets: list[list[float]] | None = None) -> Batch:
    made = None if targets is None else torch.tensor(targets)
    return Batch({}, torch.tensor(labels), torch.arange(len(labels)), made)


def logits(*rows: list[float]) -> Tensor:
    return torch.tensor([*rows], requires_grad=True)


def test_auto_takes_every_class_for_itself_where_clips_have_several() -> None:
    assert isinstance(choose_loss("auto", multi_label=True), BinaryCrossEntropy)
    assert isinstance(choose_loss("auto", multi_label=False), CrossEntropy)
    assert isinstance(choose_loss("cross_entropy", multi_label=True), CrossEntropy)
    assert isinstance(choose_loss("binary_cross_entropy", multi_label=False), BinaryCrossEntropy)
    with pytest.raises(ValidationError, match="binary_cross_entropy"):
        TrainOptions.of(loss="hinge")  # type: ignore[arg-type]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_one_class_a_clip_is_torchs_own_to_the_bit(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(16, 7, generator=generator)
    batch = clips(torch.randint(7, (16,), generator=generator).tolist())
    expected = F.cross_entropy(scores, batch.labels, label_smoothing=smoothing)
    assert torch.equal(CrossEntropy().training(scores, batch, smoothing=smoothing), expected)


def test_cross_entropy_passes_over_clips_without_a_class() -> None:
    batch = clips([-1, 1], [[0.0, 0.0], [1.0, 1.0]])
    scores = logits([5.0, -5.0], [0.0, 0.0])
    assert CrossEntropy().training(scores, batch).item() == pytest.approx(math.log(2))
    assert CrossEntropy().summed(scores, batch) == (pytest.approx(math.log(2)), 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_batch_without_any_class_teaches_nothing_and_is_a_number(smoothing: float) -> None:
    scores = logits([1.0, 2.0], [3.0, 4.0])
    loss = CrossEntropy().training(scores, clips([-1, -1]), smoothing=smoothing)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert torch.equal(scores.grad, torch.zeros(2, 2))


def test_binary_cross_entropy_is_the_mean_over_clips_and_classes() -> None:
    batch = clips([0, -1], [[1.0, 0.0], [0.0, 0.0]])
    scores = logits([2.0, -1.0], [0.0, 0.0])
    parts = [math.log1p(math.exp(-2)), math.log1p(math.exp(-1)), math.log(2), math.log(2)]
    assert BinaryCrossEntropy().training(scores, batch).item() == pytest.approx(sum(parts) / 4)
    assert BinaryCrossEntropy().summed(scores, batch) == (pytest.approx(sum(parts) / 2), 2)


def test_smoothing_moves_yes_and_no_by_half_of_its_share() -> None:
    batch = clips([0], [[1.0, 0.0, 0.0]])
    scores = logits([2.0, -1.0, 0.5])
    smooth = torch.tensor([[0.9, 0.1, 0.1]])
    expected = F.binary_cross_entropy_with_logits(scores, smooth)
    assert torch.allclose(BinaryCrossEntropy().training(scores, batch, smoothing=0.2), expected)


def test_binary_cross_entropy_of_one_class_a_clip_is_one_against_the_rest() -> None:
    scores = logits([0.3, -0.2, 0.1])
    several = BinaryCrossEntropy().training(scores, clips([2], [[0.0, 0.0, 1.0]]))
    assert torch.equal(BinaryCrossEntropy().training(scores, clips([2])), several)


def test_probabilities_add_up_to_one_or_stand_for_themselves() -> None:
    scores = torch.tensor([[0.0, math.log(3.0)]])
    assert CrossEntropy().probabilities(scores).tolist() == [pytest.approx([0.25, 0.75])]
    assert BinaryCrossEntropy().probabilities(scores).tolist() == [pytest.approx([0.5, 0.75])]


@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()])
def test_the_loss_of_one_pooled_view_is_the_loss_of_its_logits(
    loss: CrossEntropy | BinaryCrossEntropy,
) -> None:
    batch = clips([0, -1, 1], [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    scores = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    total, count = loss.pooled(loss.probabilities(scores), batch)
    assert (total, count) == (pytest.approx(loss.summed(scores, batch)[0]), count)
    assert count == loss.summed(scores, batch)[1]


@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()])
def test_the_loss_of_an_impossible_class_is_large_and_finite(
    loss: CrossEntropy | BinaryCrossEntropy,
) -> None:
    certain = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    total, _ = loss.pooled(certain, clips([0]))
    assert 50 < total <= 100


def test_right_answers_of_several_classes() -> None:
    batch = clips([0, 1, -1], [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    scores = torch.tensor([[0.0, 0.0, 9.0], [9.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    assert right_answers(scores, batch) == (1, 2, 2)
    assert right_answers(scores, clips([2, 1, 0])) == (2, 3, 3)
