"""The table of multigrid shapes and learning rates: ``s7_multigrid.json``."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from connsearch.data.loading.multigrid import Multigrid
from connsearch.data.options import DataOptions
from connsearch.models.model import Wrapped
from connsearch.training.curriculum import Curriculum
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import TrainOptions
from tests.golden.folder import Folder
from tests.golden.srtg.rule import HERE

FILE = "s7_multigrid.json"


class Clips:
    """Stands in for so many training clips, of which nothing is read."""

    def __init__(self, clips: int) -> None:
        options = DataOptions.of(batch_size=8, frames=16, size=224)
        self._clips, self.loading, self.clips = clips, options.loading, options.clips

    def __len__(self) -> int:
        return self._clips


def shapes(folder: Folder) -> None:
    """Compares batch, frames, side and rate of every stage, all exactly."""
    for table in folder.table(FILE, HERE)["multigrid_shapes"]:
        batch, frames, side = table["base"]
        chosen: Any = {"batch": batch, "frames": frames, "side": side, "epochs": 1}
        (stage,) = Multigrid("srtg", "both", clips=10**6, **chosen).stages
        for row in table["shapes"]:
            part = stage.rows[row["long"]][row["short"]]
            found = (part.clips, part.shape.frames, part.shape.size, part.rate)
            assert found == (row["batch"], row["frames"], row["side"], row["lr_factor"]), row


def rates(folder: Folder) -> None:
    """Compares the rate of every iteration as intended, where an epoch has four equal quarters.

    Quarters of 25 iterations are 6, 6, 6 and 7 long as published; ours are 7, 6, 6 and 6.
    """
    for case in folder.table(FILE, HERE)["learning_rates"]:
        if case["iterations_per_epoch"] % 4 == 0:
            wanted = case["lr_by_stage_of_the_iteration"]
            assert _course(case) == pytest.approx(wanted, rel=1e-12)


def _course(case: dict[str, Any]) -> list[float]:
    asked: Any = {"decay_epochs": tuple(case["epoch_steps"]), "decay_rate": case["factor"]}
    options = TrainOptions.of(
        optimiser="sgd",
        lr=case["base_lr"],
        schedule="steps",
        warmup_steps=0,
        multigrid="srtg",
        epochs=case["epochs"],
        **asked,
    )
    count = case["iterations_per_epoch"]
    made = (_curriculum(clips, options) for clips in range(32 * count, 200 * count))
    curriculum = next(found for found in made if found.steps(0) == count)
    parts = [part.rate for part, _ in curriculum._grid.layout(0)]
    network = Wrapped(nn.Linear(2, 2))
    optimisers = Optimisers(network, options.optimiser, options.schedule, options.rate_powers)
    course: list[float] = []
    for step in range(curriculum.total):
        place, end, epoch = curriculum.place(step)
        scale = parts[step % count]
        found = optimisers.rates(place, total_steps=end, epoch_steps=epoch, scale=scale)
        course.append(found["filters"])
    return course


def _curriculum(clips: int, options: TrainOptions) -> Curriculum:
    many: Any = Clips(clips)
    return Curriculum(many, options.schedule, options.multigrid, seed=0)
