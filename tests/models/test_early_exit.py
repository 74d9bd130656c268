"""Clips that stop early: the answers of the whole run, of fewer and fewer clips."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from connsearch.analysis.early_exit import exits_of
from connsearch.models.early_exit import CONFIDENCES, EarlyExitModel, confidence, leave_early
from tests.training.stepwise import CLASSES, STEPS, Stepwise

CLIPS = 9


def made(seed: int, clips: int = CLIPS) -> tuple[Stepwise, dict[str, Any]]:
    streams = torch.randn(clips, 3, STEPS, 2, 2, generator=torch.Generator().manual_seed(seed))
    return Stepwise(seed=seed).eval(), {"rgb": streams}


@given(
    st.integers(0, 99),
    st.sampled_from(CONFIDENCES),
    st.lists(st.floats(0, 1), min_size=STEPS - 1, max_size=STEPS - 1),
)
def test_they_are_those_of_the_whole_run(seed: int, kind: str, shares: list[float]) -> None:
    model, streams = made(seed)
    assert isinstance(model, EarlyExitModel)
    with torch.no_grad():
        whole = model(streams).per_step
    assert whole is not None
    sure = confidence(whole, kind)
    thresholds = [torch.quantile(sure[:, k], share).item() for k, share in enumerate(shares)]
    left = leave_early(model, streams, thresholds, kind=kind)
    expected = torch.from_numpy(exits_of(sure.numpy(), [*thresholds, 0.0]))
    assert left.exits.tolist() == expected.tolist()
    assert torch.equal(left.logits, whole[torch.arange(CLIPS), expected])
    going_on = [int((expected >= number).sum()) for number in range(STEPS)]
    assert model.computed == going_on, "who has stopped is not computed"


def test_all_leave_at_once_or_nobody_does() -> None:
    model, streams = made(1)
    inf = float("inf")
    assert leave_early(model, streams, [-inf] * STEPS).exits.tolist() == [0] * CLIPS
    assert leave_early(model, streams, [inf] * STEPS).exits.tolist() == [STEPS - 1] * CLIPS
    assert model.computed == [2 * CLIPS, CLIPS, CLIPS]


def test_what_is_no_number_never_stops() -> None:
    model, streams = made(2)
    streams["rgb"][3] = torch.nan
    exits = leave_early(model, streams, [-1.0, -1.0]).exits
    assert exits.tolist() == [0, 0, 0, STEPS - 1, 0, 0, 0, 0, 0]


def test_steps_are_closed_where_one_fails() -> None:
    class Failing(Stepwise):
        closed = False

        def steps(self, streams: Any) -> Any:
            try:
                yield torch.zeros(2, CLASSES)
                raise RuntimeError("no step two")
            finally:
                self.closed = True

    model = Failing().eval()
    with pytest.raises(RuntimeError, match="no step two"):
        leave_early(model, {}, [2.0, 2.0])
    assert model.closed


@pytest.mark.parametrize(
    ("thresholds", "kind", "word"),
    [
        ([0.5], "probability", "1 thresholds for 3 steps"),
        ([0.5] * 4, "probability", "4 thresholds"),
        ([0.5] * 3, "certainty", "certainty.*allowed: probability, entropy, logit"),
    ],
)
def test_wrong_thresholds_are_refused(thresholds: list[float], kind: str, word: str) -> None:
    model, streams = made(0)
    with pytest.raises(ValueError, match=word):
        leave_early(model, streams, thresholds, kind=kind)


def test_a_model_in_training_is_refused() -> None:
    model, streams = made(0)
    with pytest.raises(ValueError, match=r"eval\(\)"):
        leave_early(model.train(), streams, [0.5] * STEPS)


def test_confidences() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1000.0]])
    assert confidence(logits, "logit").tolist() == [2.0, 1000.0]
    assert confidence(logits, "probability")[1] == 1.0
    assert confidence(logits, "entropy")[1] == 0.0, "log of a probability of 0 is no fault"
    assert confidence(logits, "entropy")[0] == pytest.approx(-0.36533, abs=1e-5)
