"""Weights of classes: golden numbers by hand and by torch, files with every fault, the losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connsearch.data.loading.batches import Batch
from connsearch.errors import DataError
from connsearch.training.class_weights import class_counts, given_weights, read_weights
from connsearch.training.losses import BinaryCrossEntropy, CrossEntropy, choose_loss
from connsearch.training.options import TrainOptions

CLASSES = ("walk", "fall", "sit")


def singles(*counts: int) -> list[tuple[int, ...]]:
    return [(label,) for label, count in enumerate(counts) for _ in range(count)]


def batch(labels: list[int], targets: torch.Tensor | None = None) -> Batch:
    found = torch.tensor(labels)
    return Batch({}, found, torch.arange(len(labels)), targets)


def test_balanced_is_clips_by_classes_and_clips_of_the_class() -> None:
    found = given_weights("balanced", CLASSES, singles(6, 3, 1), binary=False)
    assert found.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])


def test_a_class_without_clips_does_not_count_and_weighs_one() -> None:
    found = given_weights("balanced", CLASSES, singles(6, 0, 2), binary=False)
    assert found.tolist() == pytest.approx([8 / 12, 1.0, 2.0])


def test_balanced_for_every_class_by_itself_is_no_by_yes() -> None:
    labels: list[tuple[int, ...]] = [(0,), (0, 1), (0,), (), (0,)]
    found = given_weights("balanced", CLASSES, labels, binary=True)
    assert found.tolist() == pytest.approx([1 / 4, 4 / 1, 1.0])  # no clip has the third
    everywhere = given_weights("balanced", ("a",), [(0,), (0,)], binary=True)
    assert everywhere.tolist() == [1.0]


def test_cross_entropy_on_several_classes_counts_a_clip_in_parts() -> None:
    labels: list[tuple[int, ...]] = [(0, 1), (0,), ()]
    assert class_counts(labels, 2, shared=True) == [1.5, 0.5]
    found = given_weights("balanced", ("a", "b"), labels, binary=False)
    assert found.tolist() == pytest.approx([2 / 3, 2.0])


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "weights.csv"
    path.write_text(text)
    return path


def test_a_file_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffweight,label\r\n2.5,fall\r\n0,sit\r\n\r\n1e0,walk\r\n")
    found = given_weights(str(path), CLASSES, singles(1, 1, 1), binary=False)
    assert found.tolist() == [1.0, 2.5, 0.0]


def test_all_faults_of_a_file_are_named_with_their_lines(tmp_path: Path) -> None:
    rows = ["label,weight", "fal,1", "sit,-1", "sit,2", "walk,nan", "x,inf", "y,many", "z,1,2"]
    path = written(tmp_path, "\n".join(rows))
    with pytest.raises(DataError) as caught:
        read_weights(path, CLASSES)
    text = str(caught.value)
    for said in (
        "line 2: no class 'fal', did you mean 'fall'?",
        "line 3: weight '-1' of sit; allowed: a number from 0",
        "line 4: sit is already on line 3",
        "line 5: weight 'nan' of walk",
        "line 6: weight 'inf' of x",
        "line 7: weight 'many' of y",
        "line 8: 3 values, 2 columns",
        "without a line for fall",
        "expected: a line label,weight for every class",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label,weight\nwalk,0\nfall,0\nsit,0\n", "all 3 weights are 0"),
        ("label;weight\nwalk;1\n", "the columns label and weight"),
        ("", "read: an empty file"),
        ('label,weight\n"walk,1\n', "not a CSV file"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=said):
        read_weights(path, CLASSES)
    with pytest.raises(DataError, match=r"missing\.csv"):
        read_weights(tmp_path / "missing.csv", CLASSES)


def test_over_a_whole_split_cross_entropy_is_what_torch_says() -> None:
    labels = [0] * 6 + [1] * 3 + [2]
    logits = torch.randn(10, 3)
    weights = given_weights("balanced", CLASSES, singles(6, 3, 1), binary=False)
    found = CrossEntropy(weights).training(logits, batch(labels))
    wanted = F.cross_entropy(logits, torch.tensor(labels), weight=weights.float())
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_batches_of_any_size_add_up_to_the_same_gradient() -> None:
    """With the mean over the weights of a batch, a batch of one clip would not be weighted."""
    labels = [0] * 6 + [1] * 3 + [2]
    weights = given_weights("balanced", CLASSES, singles(6, 3, 1), binary=False)
    loss = CrossEntropy(weights)
    logits = torch.randn(10, 3)
    whole = loss.training(logits, batch(labels)).item()
    ones = [loss.training(logits[i : i + 1], batch([labels[i]])).item() for i in range(10)]
    assert sum(ones) / 10 == pytest.approx(whole, rel=1e-6)


def test_what_is_smoothed_is_weighted_with_its_clip() -> None:
    logits = torch.randn(4, 3)
    labels = [0, 0, 1, 2]
    weights = torch.tensor([0.5, 1.0, 2.0])
    found = CrossEntropy(weights).training(logits, batch(labels), smoothing=0.1)
    target = F.one_hot(torch.tensor(labels), 3) * 0.9 + 0.1 / 3
    alone = -(target * logits.log_softmax(1)).sum(1)
    assert found.item() == pytest.approx((alone * weights[labels]).mean().item(), rel=1e-6)


def test_clips_without_a_class_do_not_count_in_weighted_cross_entropy() -> None:
    logits = torch.randn(3, 3)
    loss = CrossEntropy(torch.tensor([1.0, 2.0, 3.0]))
    some = loss.training(logits, batch([-1, 2, -1]))
    assert some.item() == pytest.approx(3 * F.cross_entropy(logits[1:2], torch.tensor([2])).item())
    assert loss.training(logits, batch([-1, -1, -1])).item() == 0


def test_binary_weights_are_torchs_pos_weight() -> None:
    logits, targets = torch.randn(5, 3), (torch.rand(5, 3) > 0.6).float()
    weights = torch.tensor([0.5, 4.0, 20.0])
    found = BinaryCrossEntropy(weights).training(logits, batch([-1] * 5, targets))
    wanted = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_smoothing_does_not_pull_clips_without_a_class_towards_it() -> None:
    """Of the weight 20, torch's own would be least where the answer is one half."""
    logits = torch.zeros(1, 1, requires_grad=True)
    loss = BinaryCrossEntropy(torch.tensor([20.0]))
    loss.training(logits, batch([-1], torch.zeros(1, 1)), smoothing=0.1).backward()
    assert logits.grad is not None
    assert logits.grad.item() == pytest.approx(0.5 - 0.05)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_an_evaluation_knows_no_weights(name: Any) -> None:
    logits, labels = torch.randn(4, 3), [0, 1, 2, 2]
    plain = choose_loss(name, multi_label=False)
    weighted = choose_loss(name, multi_label=False, weights_K=torch.tensor([9.0, 1.0, 3.0]))
    assert weighted.summed(logits, batch(labels)) == plain.summed(logits, batch(labels))
    given = logits.softmax(1).double()
    assert weighted.pooled(given, batch(labels)) == plain.pooled(given, batch(labels))
    assert weighted.training(logits, batch(labels)) != plain.training(logits, batch(labels))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_balanced_weights_have_the_mean_one_and_make_classes_equal(labels: list[int]) -> None:
    found = given_weights("balanced", list("abcde"), [(n,) for n in labels], binary=False)
    assert found[labels].mean().item() == pytest.approx(1.0)
    shares = [found[n].item() * labels.count(n) for n in set(labels)]
    assert shares == pytest.approx([shares[0]] * len(shares))


def test_both_options_balanced_are_refused_and_a_path_is_a_text() -> None:
    with pytest.raises(ValidationError, match="rare classes would count twice"):
        TrainOptions.of(class_weights="balanced", sampler_weights="balanced")
    found = TrainOptions.of(class_weights=Path("a.csv"), sampler_weights="balanced")
    assert found.balance.class_weights == "a.csv"
