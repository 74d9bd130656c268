"""A glance at every frame, a window in each, and an answer after each."""

import pytest
import torch
from torch import Tensor

from connsearch.errors import DataError
from connsearch.models.catalogue import create_model, from_document
from connsearch.models.early_exit import EarlyExitModel, leave_early
from connsearch.models.export import write_down
from connsearch.models.export_onnx import to_onnx
from connsearch.models.features import require_features
from connsearch.models.focus.by_frame import FocusByFrame

FRAMES, SIZE = 3, 40


@pytest.fixture(scope="module")
def model() -> FocusByFrame:
    small = {"glance": "mobilenet_v2", "local": "resnet18", "policy_hidden": 8, "neurons": 16}
    found = create_model(
        "adafocus", 4, seed=0, frames=FRAMES, size=SIZE, patch=32, dropout=0.0, **small
    )
    assert isinstance(found, FocusByFrame)
    return found.eval()


@pytest.fixture
def clips() -> dict[str, Tensor]:
    return {"rgb": torch.randn(3, 3, FRAMES, SIZE, SIZE)}


def answers(model: FocusByFrame, streams: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        found = model(streams).per_step
    assert found is not None
    return found


def test_an_answer_depends_on_no_later_frame(model: FocusByFrame, clips: dict[str, Tensor]) -> None:
    before = answers(model, clips)
    for number, frame in enumerate(model.order):
        other = {"rgb": clips["rgb"].clone()}
        other["rgb"][:, :, frame] += 1.0
        changed = (answers(model, other) != before).any(2).any(0)
        assert not changed[:number].any()
        assert changed[number]


def test_step_by_step_is_the_whole_run(model: FocusByFrame, clips: dict[str, Tensor]) -> None:
    assert isinstance(model, EarlyExitModel)
    whole = answers(model, clips)
    for stop, thresholds in ((0, [-1.0] * FRAMES), (FRAMES - 1, [9.0] * FRAMES)):
        left = leave_early(model, clips, thresholds)
        assert left.exits.tolist() == [stop] * 3
        torch.testing.assert_close(left.logits, whole[:, stop], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("places", ["policy", "random"])
def test_clips_that_go_on_in_a_smaller_batch_get_the_answers_of_the_whole_run(places: str) -> None:
    small = {"glance": "resnet18", "local": "resnet18", "policy_hidden": 8, "neurons": 16}
    model = create_model("adafocus", 4, seed=0, frames=5, size=40, patch=24, places=places, **small)
    assert isinstance(model, FocusByFrame)
    streams = {"rgb": torch.rand(12, 3, 5, 40, 40) * 2 - 1}
    whole = answers(model.eval(), streams)
    sure = whole.softmax(2).amax(2)
    thresholds = [float(sure[:, step].quantile(0.7)) for step in range(4)]
    left = leave_early(model, streams, thresholds)
    assert len(set(left.exits.tolist())) > 2
    torch.testing.assert_close(left.logits, whole[range(12), left.exits], rtol=1e-4, atol=1e-6)


def test_one_frame_alone_is_refused_in_training_with_a_cure() -> None:
    small = {"glance": "resnet18", "local": "resnet18", "policy_hidden": 8, "neurons": 16}
    model = create_model("adafocus", 4, seed=0, frames=1, size=40, patch=24, **small).train()
    with pytest.raises(DataError, match=r"one frame alone(?s:.)*cure: another --batch-size"):
        model({"rgb": torch.randn(1, 3, 1, 40, 40)})


def test_the_gradient_stops_before_the_glance_network(
    model: FocusByFrame, clips: dict[str, Tensor]
) -> None:
    seen = require_features(model.glance, "glance").features(clips)
    places, _ = model.policy(seen.map.detach().transpose(1, 2))
    asked = [*model.policy.parameters(), *model.glance.parameters()]
    found = torch.autograd.grad(places.sum(), asked, allow_unused=True)
    policy = len(list(model.policy.parameters()))
    assert all(g is not None and g.isfinite().all() for g in found[:policy])
    assert all(g is None for g in found[policy:])


def test_its_document_builds_it_again(model: FocusByFrame) -> None:
    again = from_document(model.describe(), 4)
    assert {n: p.shape for n, p in again.state_dict().items()} == {
        n: p.shape for n, p in model.state_dict().items()
    }


def test_other_frames_are_refused(model: FocusByFrame) -> None:
    with pytest.raises(DataError, match="--segments"):
        model({"rgb": torch.zeros(1, 3, FRAMES + 1, SIZE, SIZE)})
    with pytest.raises(DataError, match="--patch"):
        model({"rgb": torch.zeros(1, 3, FRAMES, 16, 16)})


@pytest.mark.slow
def test_it_is_written_down_for_any_number_of_clips(
    model: FocusByFrame, clips: dict[str, Tensor]
) -> None:
    program = write_down(model, (FRAMES, SIZE, SIZE))
    for count in (1, 3):
        some = {"rgb": clips["rgb"][:count]}
        expected = answers(model, some)[:, -1]
        torch.testing.assert_close(program.run(some), expected, rtol=1e-4, atol=1e-5)
    assert to_onnx(write_down(model, (FRAMES, SIZE, SIZE), guarded=False), {})
