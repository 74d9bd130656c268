"""Top-5, mean average precision and what is left out, against values known without the code."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.metrics import average_precisions, summarise, summarise_sets


def oracle(targets: list[bool], scores: list[float]) -> float | None:
    """Average precision by its definition: precision at each distinct score, weighed by recall."""
    positives = sum(targets)
    if not positives:
        return None
    found, before = 0.0, 0
    for threshold in sorted(set(scores), reverse=True):
        taken = [t for t, s in zip(targets, scores, strict=True) if s >= threshold]
        found += sum(taken) / len(taken) * (sum(taken) - before) / positives
        before = sum(taken)
    return found


def test_average_precision_of_the_hand_case() -> None:
    targets = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    scores = torch.tensor([[3.0], [2.0], [1.0], [0.0]]) / 3
    assert average_precisions(targets, scores) == [pytest.approx((1 + 2 / 3) / 2)]


def test_equal_scores_come_in_together_whatever_their_order() -> None:
    scores = torch.full((4, 1), 0.5, dtype=torch.float64)
    for order in ([1, 0, 0, 0], [0, 0, 0, 1]):
        targets = torch.tensor(order, dtype=torch.float32)[:, None]
        assert average_precisions(targets, scores) == [pytest.approx(0.25)]


@given(
    st.integers(1, 4).flatmap(
        lambda k: st.lists(
            st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=k, max_size=k),
            min_size=1,
            max_size=12,
        )
    )
)
def test_average_precision_equals_its_definition(rows: list[list[tuple[bool, int]]]) -> None:
    targets = torch.tensor([[float(t) for t, _ in row] for row in rows])
    scores = torch.tensor([[s / 8 for _, s in row] for row in rows], dtype=torch.float64)
    expected = [
        oracle([row[k][0] for row in rows], [row[k][1] / 8 for row in rows])
        for k in range(len(rows[0]))
    ]
    assert average_precisions(targets, scores) == [
        None if value is None else pytest.approx(value, abs=1e-6) for value in expected
    ]


def test_a_class_without_clips_is_left_out_of_the_mean_and_counted() -> None:
    targets = torch.tensor([[1.0, 0, 0], [0, 0, 1], [1, 0, 1]])
    found = summarise_sets(targets, targets * 0.8 + 0.1, classes=["a", "never", "c"])
    assert found.mAP == pytest.approx(1.0)
    assert found.average_precisions == {"a": 1.0, "never": None, "c": pytest.approx(1.0)}
    assert found.support == {"a": 2, "never": 0, "c": 2}
    assert str(found) == "1.000 over 2 of 3 classes, 3 clips"
    assert (found.measure, found.score) == ("mAP", found.mAP)


def test_a_first_answer_may_be_any_class_of_the_clip() -> None:
    targets = torch.tensor([[1.0, 1, 0], [0, 1, 0], [0, 0, 0]])
    scores = torch.tensor([[0.1, 0.9, 0.2], [0.8, 0.1, 0.1], [0.9, 0, 0]])
    found = summarise_sets(targets, scores, classes=["a", "b", "c"], loss=0.3)
    assert found.accuracy == 0.5  # one of the two clips that have a class
    assert found.clips == 3
    assert found.balanced_accuracy is None
    assert found.confusion is None
    assert Metrics.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_clips_without_any_class_have_no_mean_average_precision() -> None:
    found = summarise_sets(torch.zeros(2, 2), torch.rand(2, 2), classes=["a", "b"])
    assert found.mAP is None
    assert math.isnan(found.score)
    assert found.multi_label


@given(st.integers(6, 9), st.integers(0, 2**32))
def test_top_five_counts_the_class_among_the_five_highest(classes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(9, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (9,), generator=generator).tolist()
    found = summarise(
        labels, scores.argmax(1).tolist(), classes=[*map(str, range(classes))], scores=scores
    )
    better = [(row > row[label]).sum().item() for row, label in zip(scores, labels, strict=True)]
    assert found.top5 == pytest.approx(sum(b < 5 for b in better) / 9)
    assert found.top5 >= found.accuracy


def test_top_five_of_five_classes_says_nothing() -> None:
    scores = torch.eye(5)
    labels = list(range(5))
    assert summarise(labels, labels, classes=[*"abcde"], scores=scores).top5 is None
    assert summarise([0], [0], classes=[*"abcdef"]).top5 is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_the_confusion_matrix_counts_every_pair(pairs: list[tuple[int, int]]) -> None:
    found = summarise([a for a, _ in pairs], [b for _, b in pairs], classes=[*"abcd"])
    counted = {(t, a): n for t, row in (found.confusion or {}).items() for a, n in row.items()}
    assert counted == Counter(("abcd"[t], "abcd"[a]) for t, a in pairs)
    assert found.support == {c: sum("abcd"[t] == c for t, _ in pairs) for c in "abcd"}
    assert Metrics.from_json(found.to_json()).confusion == found.confusion


def test_labels_without_an_answer_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="2 labels, but 1 answers"):
        summarise([0, 1], [0], classes=["a", "b"])


def test_what_was_left_out_and_pooled_is_said() -> None:
    found = summarise([0], [0], classes=["a", "b"], left_out=2, views=30)
    assert str(found) == "1.000 [0.207, 1.000] of 1 clips in 30 views, 2 left out"


def test_results_from_before_these_numbers_are_read() -> None:
    old = {
        "clips": 2,
        "loss": 0.5,
        "accuracy": 1.0,
        "low": 0.34,
        "high": 1.0,
        "balanced_accuracy": 1.0,
        "recalls": {"a": 1.0, "b": None},
        "seconds_per_clip": 0.1,
    }
    found = Metrics.from_json(old)
    assert (found.top5, found.mAP, found.left_out, found.views) == (None, None, 0, 1)
    assert (found.measure, found.score) == ("accuracy", 1.0)


@given(
    st.integers(6, 9).flatmap(
        lambda k: st.lists(
            st.tuples(
                st.integers(0, k - 1),
                st.lists(st.sampled_from([-1e4, 0.0, 1.0, 1e4]), min_size=k, max_size=k),
            ),
            min_size=1,
            max_size=30,
        )
    )
)
def test_equal_scores_are_ranked_alike_for_the_first_answer_and_the_first_five(
    rows: list[tuple[int, list[float]]],
) -> None:
    """Top-5 is never below the accuracy: of equal scores the class listed first goes first."""
    labels, scores = [label for label, _ in rows], torch.tensor([s for _, s in rows])
    classes = [*map(str, range(scores.shape[1]))]
    found = summarise(labels, scores.argmax(1).tolist(), classes=classes, scores=scores)
    assert found.top5 is not None
    assert found.top5 >= found.accuracy
    before = [
        sum(s > row[label] or (s == row[label] and c < label) for c, s in enumerate(row))
        for label, row in rows
    ]
    assert found.top5 == pytest.approx(sum(b < 5 for b in before) / len(rows))
    assert found.accuracy == pytest.approx(sum(b == 0 for b in before) / len(rows))


@given(st.permutations(range(9)), st.sampled_from([1.0, 40.0, 1e3, 1e300]))
def test_average_precision_is_that_of_the_order_however_large_the_scores(
    order: list[int], scale: float
) -> None:
    """The sigmoid of 40 is 1 in float64, and that of 17 in float32: the order is in the logits."""
    scores = torch.tensor(order, dtype=torch.float64)[:, None] * scale
    targets = (scores >= 6 * scale).float()
    assert average_precisions(targets, scores) == [pytest.approx(1.0)]
    assert average_precisions(targets, -scores) == [
        pytest.approx(oracle([o >= 6 for o in order], [-float(o) for o in order]), abs=1e-6)
    ]
