"""Views of a video pooled into one answer, and what cannot be read, with a network that recites."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from connsearch.data.clips.dataset import Clip, ClipKey
from connsearch.data.loading.batches import UnreadClip
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.errors import DataError
from connsearch.runs.formats.metrics import Metrics
from connsearch.training.evaluate import evaluate, recalibrate_on

CLASSES = ["a", "b", "c"]
Pool = Literal["mean", "max"]


class Recite(nn.Module):
    """The clip is the answer."""

    def forward(self, streams: dict[str, Tensor]) -> Tensor:
        return streams["rgb"][:, :, 0, 0, 0]


class Script:
    """A stand-in for ClipDataset: the logits (N, views, K) of every view; some cannot be read."""

    def __init__(
        self,
        logits: Tensor,
        labels: list[int],
        *,
        broken: set[tuple[int, int]] = frozenset(),  # type: ignore[assignment]
        sets: list[list[int]] | None = None,
        **options: Any,
    ) -> None:
        views = logits.shape[1]
        asked = DataOptions.of(clips_per_video=views, **{"batch_size": 4, **options})
        self.clips, self.loading = asked.clips, asked.loading
        self.logits, self.labels, self.broken = logits, labels, broken
        self.sets = sets
        self.num_classes = 0 if sets is None else logits.shape[2]
        self.unusable: dict[int, str] = {}
        self.asked: list[int | None] = []

    def __len__(self) -> int:
        return len(self.labels)

    def clip(self, key: ClipKey) -> Clip:
        self.asked.append(key.view)
        if (key.index, key.view or 0) in self.broken:
            raise DataError(f"video {key.index} is damaged")
        row = self.logits[key.index, key.view or 0]
        labels = (self.labels[key.index],) if self.sets is None else tuple(self.sets[key.index])
        return Clip(
            {"rgb": row[:, None, None, None].expand(-1, 2, 1, 1)}, self.labels[key.index], labels
        )

    def target(self, labels: tuple[int, ...]) -> Tensor:
        return torch.zeros(self.num_classes).index_fill_(0, torch.tensor(labels).long(), 1.0)


def judged(data: Script, **changes: Any) -> Metrics:
    return evaluate(Recite(), Loader(data), classes=CLASSES, **{"all_views": True, **changes})  # type: ignore[arg-type]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_views_are_pooled_as_probabilities(pool: Pool, batch_size: int) -> None:
    logits, labels = noise(7, 3, 3), [0, 1, 2, 0, 1, 2, 0]
    found = judged(Script(logits, labels, pool_views=pool, batch_size=batch_size))
    shares = logits.double().softmax(2)
    pooled = shares.mean(1) if pool == "mean" else shares.amax(1)
    right = pooled.argmax(1) == torch.tensor(labels)
    assert found.accuracy == right.double().mean().item()
    own = pooled[torch.arange(7), labels]
    assert found.loss == pytest.approx(-own.log().mean().item())
    assert (found.clips, found.views, found.left_out) == (7, 3, 0)


def test_mean_and_maximum_can_answer_differently() -> None:
    # Two views lean to class 0, one is certain of class 1.
    logits = torch.tensor([[[1.0, 0.0, -9.0], [1.0, 0.0, -9.0], [0.0, 1.5, -9.0]]])
    assert judged(Script(logits, [0])).accuracy == 1
    assert judged(Script(logits, [0], pool_views="max")).accuracy == 0


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_several_classes_are_pooled_each_for_itself(pool: Pool) -> None:
    sets = [[0], [1], [0, 2], [], [1]]
    logits = noise(5, 2, 3, seed=3)
    data = Script(logits, [0, 1, 0, -1, 1], sets=sets, pool_views=pool)
    shares = logits.double().sigmoid()
    pooled = shares.mean(1) if pool == "mean" else shares.amax(1)
    targets = torch.stack([data.target(tuple(s)) for s in sets])
    expected = nn.functional.binary_cross_entropy(pooled, targets.double())
    found = judged(data)
    assert found.loss == pytest.approx(expected.item())
    single = Script(pooled.logit().float()[:, None], data.labels, sets=sets)
    assert found.average_precisions == pytest.approx(judged(single).average_precisions)
    assert found.mAP is not None


def test_what_a_network_was_trained_with_says_how_its_views_are_pooled() -> None:
    logits = torch.tensor([[[3.0, -1.0, -9.0], [4.0, 9.0, -9.0]]])
    data = Script(logits, [0], sets=[[0]])
    assert judged(data, loss="binary_cross_entropy").accuracy == 1
    assert judged(data, loss="cross_entropy").accuracy == 0


def test_one_view_is_the_centre_and_judged_by_its_logits_to_the_bit() -> None:
    logits, labels = noise(6, 1, 3, seed=5), [0, 1, 2, 0, 1, 2]
    data = Script(logits, labels, batch_size=3)
    found = judged(data)
    assert data.asked == [None] * 6
    losses = [
        nn.functional.cross_entropy(part, torch.tensor(true), reduction="sum").item()
        for part, true in ((logits[:3, 0], labels[:3]), (logits[3:, 0], labels[3:]))
    ]
    assert found.loss == sum(losses) / 6
    assert found.views == 1


def test_views_are_left_to_the_last_evaluation() -> None:
    data = Script(noise(2, 3, 3), [0, 1])
    judged(data, all_views=False)
    assert data.asked == [None, None]
    judged(data)
    assert data.asked[2:] == [0, 1, 2] * 2


def test_clips_that_cannot_be_read_are_left_out_counted_and_named() -> None:
    logits, labels = noise(6, 2, 3, seed=7), [0, 1, 2, 0, 1, 2]
    broken = {(0, 0), (0, 1), (3, 0), (5, 0), (5, 1)}  # the whole of 0 and 5, half of 3
    told: list[UnreadClip] = []
    found = judged(Script(logits, labels, broken=broken, batch_size=2), hear=told.append)
    assert (found.clips, found.left_out) == (4, 2)
    assert sorted(fault.index for fault in told) == [0, 0, 3, 5, 5]
    assert told[0].reason == "video 0 is damaged"
    kept = logits[[1, 2, 3, 4]].clone()
    kept[2, 0] = kept[2, 1]  # what is left of clip 3
    whole = judged(Script(kept, [1, 2, 0, 1]))
    assert found.model_copy(update=dict(left_out=0, seconds_per_clip=0)) == whole.model_copy(
        update=dict(seconds_per_clip=0)
    )
    assert "2 left out" in str(found)


def test_a_split_that_cannot_be_read_at_all_is_refused_by_name() -> None:
    data = Script(noise(2, 1, 3), [0, 1], broken={(0, 0), (1, 0)})
    with pytest.raises(DataError, match=r"none of 2 clips .* can be read\n.*video 0 .*\n.*video 1"):
        judged(data)


def test_statistics_are_taken_from_clips_that_can_be_read() -> None:
    class Normal(Recite):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm3d(3)

        def forward(self, streams: dict[str, Tensor]) -> Tensor:
            return super().forward({"rgb": self.norm(streams["rgb"])})

    logits = noise(8, 1, 3)
    broken = {(i, 0) for i in range(8) if i != 5}
    network = Normal()
    data = Script(logits, [0] * 8, broken=broken, batch_size=1)
    assert recalibrate_on(network, Loader(data), clips=3, seed=0) == 1  # type: ignore[arg-type]
    assert network.norm.running_mean is not None
    assert torch.allclose(network.norm.running_mean, logits[5, 0])
