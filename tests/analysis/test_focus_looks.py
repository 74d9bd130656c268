"""A look through clips: the frames, the windows, and the stops of the model itself."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from connsearch.analysis.focus_looks import Looked, look_through
from connsearch.data.clips.dataset import ClipKey
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.errors import DataError
from connsearch.models.catalogue import create_model
from connsearch.models.early_exit import EarlyExitModel, Stops, leave_early
from connsearch.models.focus.focus import FocusModel
from connsearch.training.evaluate import Compute
from connsearch.training.losses import choose_loss
from tests.focus_runs import CLASSES, FRAMES, PATCH, SIZE, noise_clips, small_focus


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSplits:
    source = noise_clips(tmp_path_factory.mktemp("noise"), each=3)
    return load_data(DataOptions.of(source=str(source), frames=FRAMES, size=SIZE, batch_size=4))


@pytest.fixture(scope="module")
def model() -> FocusModel:
    found = create_model("adafocus", len(CLASSES), seed=0, **small_focus())
    assert isinstance(found, FocusModel)
    return found.train()


def gone_through(model: FocusModel, data: DataSplits, **options: object) -> Looked:
    loss = choose_loss("auto", multi_label=False)
    with Loader(data.val) as loader:
        work = look_through(model, loader, loss=loss, compute=Compute(), **options)  # type: ignore[arg-type]
        return ended(work)


def ended(work: Generator[int, None, Looked]) -> Looked:
    seen: list[int] = []
    while True:
        try:
            seen.append(next(work))
        except StopIteration as end:
            assert seen == sorted(seen)
            return end.value


def clips_of(data: DataSplits) -> Tensor:
    keys = [ClipKey(index) for index in range(len(data.val))]
    return torch.stack([data.val.clip(key).streams["rgb"] for key in keys])


def test_windows_and_frames_are_those_of_the_model(model: FocusModel, data: DataSplits) -> None:
    model.train()
    found = gone_through(model, data, keep=[4])
    assert model.training, "as it was"
    clips_B3THW = clips_of(data)
    with torch.no_grad():
        look = model.eval().look({"rgb": clips_B3THW})
    assert found.order == look.frames
    assert found.frame == (SIZE, SIZE)
    assert [clip.index for clip in found.clips] == list(range(len(data.val)))
    for clip, windows_S4 in zip(found.clips, look.windows, strict=True):
        torch.testing.assert_close(
            torch.from_numpy(clip.windows), windows_S4.double(), rtol=1e-4, atol=1e-3
        )
        assert (clip.windows[:, 2:] == PATCH).all()
        assert clip.labels == data.val.records[clip.index].labels
        assert clip.values.sum(1) == pytest.approx([1] * FRAMES), "both of two classes"
    assert list(found.frames) == [4]
    for step, frame in enumerate(look.frames):
        assert torch.equal(found.frames[4][step], clips_B3THW[4][:, frame])


@pytest.mark.parametrize("kind", ["probability", "entropy"])
def test_clips_stop_where_the_model_stops(model: FocusModel, data: DataSplits, kind: str) -> None:
    first = gone_through(model, data)
    middle = sorted(float(clip.values[0, 0]) for clip in first.clips)[3]
    entropy = middle * math.log(middle) + (1 - middle) * math.log(1 - middle)
    sure = middle if kind == "probability" else entropy
    thresholds = (sure, sure, sure)
    assert isinstance(model, EarlyExitModel)
    left = leave_early(model.eval(), {"rgb": clips_of(data)}, thresholds, kind=kind)
    found = gone_through(model, data, stops=Stops(thresholds, kind))
    assert [clip.exit for clip in found.clips] == left.exits.tolist()
    assert [found.steps(clip) for clip in found.clips] == (left.exits + 1).tolist()
    assert len(set(left.exits.tolist())) > 1, "or this would prove nothing"


def test_thresholds_of_another_network_are_refused(model: FocusModel, data: DataSplits) -> None:
    with pytest.raises(DataError, match=r"3 exits, and the network has 4\n  cure: .*early-exit"):
        gone_through(model, data, stops=Stops((0.5, 0.5), "probability"))


def test_a_clip_that_cannot_be_read_is_left_out(model: FocusModel, tmp_path: Path) -> None:
    source = noise_clips(tmp_path)
    broken = tmp_path / "val-left-1.mp4"
    broken.write_bytes(broken.read_bytes()[:700])
    options = DataOptions.of(
        source=str(source), frames=FRAMES, size=SIZE, bad_share=1.0, batch_size=2
    )
    data = load_data(options)
    found = gone_through(model, data, keep=range(len(data.val)))
    name = [data.val.records[index].name for index in found.faults]
    assert name == ["val-left-1.mp4"]
    assert len(found.clips) == len(data.val) - 1
    assert not set(found.faults) & set(found.frames)


def test_two_answers_of_one_window_in_two_frames_are_not_taken_for_steps(tmp_path: Path) -> None:
    source = noise_clips(tmp_path)
    settings = {**small_focus(), "window": "clip", "frames": 2, "glance_frames": 1}
    model = create_model("adafocus", len(CLASSES), seed=0, **settings)
    assert isinstance(model, FocusModel)
    data = load_data(DataOptions.of(source=str(source), frames=2, size=SIZE, batch_size=4))
    found = gone_through(model, data)
    assert (found.answered, found.one_by_one) == ((0, 2), False)
    assert len(found.glanced) == 1
    assert set(found.glanced) < set(found.order)
