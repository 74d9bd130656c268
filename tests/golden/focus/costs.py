"""What the parts of focus models cost, and a frame and a clip of them, against golden numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from connsearch.models.count import Spent, count, spent
from connsearch.models.early_exit import EarlyExitModel
from connsearch.models.features import without_classifier
from connsearch.models.zoo import MODELS
from connsearch.nn.focus_policy import ClipPolicy, RecurrentPolicy
from connsearch.nn.running_max import RunningMax
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, judged
from tests.golden.folder import Folder

HERE = Path(__file__).parent
NETWORKS = {"mn2": "mobilenet_v2", "r50": "resnet50"}
WIDTHS = {"mn2": 1280, "r50": 2048}
MODEL = "adafocus-{}-r50"
PUBLISHED_TOO = 2
"""Operations that published figures have besides ours and one for each channel of a norm."""


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns a check of each table."""
    table = folder.table(entry["file"], HERE)
    for what, tables in TABLES.items():
        found = judged(f"{name} {what}", partial(tables, table))
        yield replace(found, slow=tables is not parts)


def measures(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields every comparison."""
    table = folder.table(entry["file"], HERE)
    for tables in TABLES.values():
        yield from tables(table)


def exact(where: str, ours: float, golden: float) -> Measure:
    """Returns the difference, which must be 0."""
    return Measure("multiply-accumulates", where, abs(ours - golden), 0.0)


def networks(table: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields a frame of every size through each network, without its classifier."""
    for short, name in NETWORKS.items():
        with torch.device("meta"):
            model = without_classifier(MODELS[name].build(2))
        for side, macs in table["parts"][f"{short}_without_fc"].items():
            frame = torch.empty(1, 3, 1, int(side), int(side))
            yield exact(f"{name} at {side}", count(model, {"rgb": frame}).macs, macs)


class _Alone(nn.Module):
    """A part that is counted by itself: what it is given has the name ``x``."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, streams: Mapping[str, Tensor]) -> Any:
        return self.part(streams["x"])


def _spent(part: nn.Module, *shape: int) -> Spent:
    return spent(_Alone(part), {"x": torch.empty(shape)})


def parts(table: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields the layers of policies and classifiers."""
    layers = {"conv": "squeeze", "linear": "encode", "gru": "recurrence", "action": "act"}
    for what, golden in table["parts"]["policy_recurrent"].items():
        short, _, side, _, hidden = what.split(" ")
        with torch.device("meta"):
            policy = RecurrentPolicy(WIDTHS[short], (int(side), int(side)), int(hidden))
        found = _spent(policy, 1, 1, WIDTHS[short], int(side), int(side)).parts
        for theirs, ours in layers.items():
            yield exact(f"policy {what}, {theirs}", found[f"part.{ours}"].macs, golden[theirs])
    layers = {"conv": "squeeze", "linear1": "encode", "linear2": "narrow", "action": "act"}
    for frames, golden in table["parts"]["policy_clip"].items():
        with torch.device("meta"):
            clips = ClipPolicy(WIDTHS["mn2"], (7, 7), int(frames), 1024)
        found = _spent(clips, 1, WIDTHS["mn2"], int(frames), 7, 7).parts
        for theirs, ours in layers.items():
            where = f"policy of clips of {frames}, {theirs}"
            yield exact(where, found[f"part.{ours}"].macs, golden[theirs])
    for short, golden in table["parts"]["classifier"].items():
        width = WIDTHS[short] + WIDTHS["r50"]
        with torch.device("meta"):
            module = RunningMax(width, 4096, 1, 7)
        found = _spent(module, 1, 1, width).parts
        yield exact(f"classifier {short}", found["part.dense"].macs, golden["mlp"])
        heads = found["part.heads.0"].macs / 7
        yield exact(f"classifier {short}, head", heads, golden["head per class"])
        yield exact(f"heads {short}", width, table["parts"]["training_heads per class"][short])


def per_frame(table: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields a frame of the published models, with and without the heads of a training."""
    published = table["published_per_frame_G"]
    for what, golden in table["per_frame_hidden2048"].items():
        short, patch, classes = what.split(" ")
        with torch.device("meta"):
            asked = {"frames": 3, "patch": int(patch[1:])}
            model = MODELS[MODEL.format(short)].build(int(classes[1:]), **asked)
        assert isinstance(model, EarlyExitModel)
        shapes = {"rgb": (3, 3, 224, 224)}
        for kind, heads in (("inference", False), ("with_training_heads", True)):
            costs = model.exit_costs(shapes, training_heads=heads)
            for number, macs in enumerate(costs, 1):
                yield exact(f"{what}, {kind}, {number} frames", macs, number * golden[kind])
        if what in published:
            channels = sum(m.num_features for m in model.modules() if isinstance(m, _BatchNorm))
            same = golden["with_training_heads"] + channels + PUBLISHED_TOO
            yield exact(f"{what}, published", round(published[what] * 1e9), same)


def per_clip(table: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields a clip with one window; the classifiers, of every frame, are not in the table."""
    for what, golden in table["per_clip"].items():
        with torch.device("meta"):
            model = MODELS["adafocus-tsm"].build(1, patch=int(what[1:]))
        assert isinstance(model, EarlyExitModel)
        shapes = {"rgb": (3, 8, 224, 224), "focus": (3, 12, 224, 224)}
        heads = 8 * WIDTHS["mn2"] + 12 * WIDTHS["r50"]
        (macs,) = golden.values()
        for number, training in ((1, False), (2, True)):
            ours = model.exit_costs(shapes, training_heads=training)[-1]
            yield exact(f"clip, {what}, {number} x heads", ours, macs + number * heads)


TABLES = {"networks": networks, "parts": parts, "per frame": per_frame, "per clip": per_clip}
