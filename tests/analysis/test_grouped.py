"""Intervals over groups: few groups say less than their many clips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from connsearch.analysis.grouped import precision_scores, recall_scores
from connsearch.runs.metrics import summarise, summarise_sets, wilson_interval

CLASSES = ("a", "b", "c")


def some(clips: int = 60, groups: int = 12) -> tuple[list[int], list[int], list[str]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, clips)
    answers = np.where(rng.random(clips) < 0.6, labels, rng.integers(0, 3, clips))
    return labels.tolist(), answers.tolist(), [f"g{i % groups}" for i in range(clips)]


def test_the_values_are_those_of_the_metrics() -> None:
    labels, answers, groups = some()
    found = recall_scores(labels, answers, groups, CLASSES)
    plain = summarise(labels, answers, classes=CLASSES)
    assert found.groups == 12
    assert found.accuracy.value == pytest.approx(plain.accuracy)
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.value == pytest.approx(plain.balanced_accuracy)
    assert {k: v.value for k, v in found.by_class.items()} == pytest.approx(plain.recalls)
    for one in (found.accuracy, found.balanced_accuracy, *found.by_class.values()):
        assert 0 <= one.low < one.value < one.high <= 1
    assert recall_scores(labels, answers, groups, CLASSES) == found, "seeded"


def test_average_precisions_are_those_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    targets = (rng.random((40, 3)) < 0.3).astype(float)
    targets[:, 2] = 0
    scores = (0.5 * targets + rng.random((40, 3))).round(1)  # many ties
    groups = [f"g{i // 4}" for i in range(40)]
    found = precision_scores(targets, scores, groups, CLASSES)
    plain = summarise_sets(torch.tensor(targets), torch.tensor(scores), classes=CLASSES)
    assert found.mean_precision is not None
    assert found.mean_precision.value == pytest.approx(plain.mAP, abs=1e-6)
    assert found.accuracy.value == pytest.approx(plain.accuracy)
    assert found.balanced_accuracy is None
    for name in "ab":
        assert found.by_class[name].value == pytest.approx(plain.average_precisions[name], abs=1e-6)
    assert math.isnan(found.by_class["c"].value), "no clip has it"
    assert found.mean_precision.low < found.mean_precision.value < found.mean_precision.high


def test_clips_that_are_alike_within_groups_say_less() -> None:
    """Whole groups are right or wrong: 80 clips are 8 cases."""
    groups = [f"g{i // 10}" for i in range(80)]
    labels = [0] * 40 + [1] * 40
    answers = [
        label if int(group[1:]) % 2 else 2 for label, group in zip(labels, groups, strict=True)
    ]
    found = recall_scores(labels, answers, groups, CLASSES).accuracy
    low, high = wilson_interval(40, 80)
    assert found.high - found.low > 2.5 * (high - low)


def test_one_group_or_no_spread_has_no_interval() -> None:
    one = recall_scores([0, 1, 0], [0, 1, 1], ["g"] * 3, CLASSES)
    assert math.isnan(one.accuracy.low)
    right = recall_scores([0, 1, 0], [0, 1, 0], ["g", "h", "i"], CLASSES)
    assert right.accuracy.value == 1
    assert math.isnan(right.accuracy.low), "that all are right does not say how sure it is"
    assert math.isnan(right.by_class["c"].value)


@pytest.mark.parametrize("count", [6, 15])
def test_intervals_cover_the_truth_as_often_as_they_say(count: int) -> None:
    """Groups differ in how hard they are; the plain percentile interval covers 85 % of 6."""
    rng = np.random.default_rng(count)
    truth = 1 / (1 + np.exp(-rng.normal(0.4, 0.8, 100_000)))
    covered = 0
    for _ in range(200):
        chance = 1 / (1 + np.exp(-rng.normal(0.4, 0.8, count)))
        groups = np.repeat(np.arange(count), 8)
        right = rng.random(len(groups)) < chance[groups]
        labels = np.zeros(len(groups), dtype=int)
        found = recall_scores(
            labels.tolist(), (~right).astype(int).tolist(), groups.astype(str).tolist(), CLASSES
        ).accuracy
        covered += found.low <= truth.mean() <= found.high
    assert covered >= 0.9 * 200
