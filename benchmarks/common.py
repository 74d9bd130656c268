"""What the experiments share: a ledger that survives interruption, statistics, training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from connsearch.data.loading.load import DataSplits
from connsearch.errors import RunError
from connsearch.graph.spec import Structure
from connsearch.models.structure import Network
from connsearch.oneshot.search import fit_model
from connsearch.runs.events import Event, ResultEvent, StepEvent
from connsearch.runs.formats.form import OpenForm
from connsearch.runs.formats.ledger import Unit
from connsearch.runs.ledger import Ledger as Units
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.options import TrainOptions


class Filed(Unit, OpenForm):
    """The result of a unit, with whatever the experiment says of it."""


class Ledger(Units):
    """Results by name that say what they are as they come; see ``connsearch.runs.ledger``."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        try:
            super().__init__(path.parent, settings)
        except RunError as error:
            raise SystemExit(str(error)) from None

    def measure(self, unit: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Returns the result filed under ``unit``, doing the work if it is not there."""
        if unit not in self:
            self.file(unit, Filed.model_validate(work()))
            print(f"{unit}: {self[unit].get('summary', 'done')}", flush=True)
        return self[unit]


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Returns the chance that a positive beats a negative, ties counting half.

    >>> auroc([3, 4], [1, 3])
    0.875
    """
    p, n = np.asarray(positive)[:, None], np.asarray(negative)[None, :]
    return float(((p > n) + 0.5 * (p == n)).mean())


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95 % t interval of the mean of a few independent values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    quantile = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306}
    half = quantile.get(len(values), 2.262) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - half), float(np.mean(values) + half)


def resampled(units: int, statistic: Callable[[Sequence[int]], float]) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of a statistic over whole units."""
    rng = np.random.default_rng(0)
    draws = [statistic(rng.integers(units, size=units).tolist()) for _ in range(2000)]
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


def last_result(events: Any) -> tuple[ResultEvent, int]:
    """Returns the result of a run of events, and the steps they took."""
    steps, result = 0, None
    event: Event
    for event in events:
        if isinstance(event, StepEvent):
            steps = event.step
        if isinstance(event, ResultEvent):
            result = event
    assert result is not None, "work ended without a result"
    return result, steps


def train_from_scratch(
    structure: Structure, data: DataSplits, options: TrainOptions, directory: Path
) -> ResultEvent:
    """Returns the result of training the structure's network; its free connections learn."""
    network = Network(structure, len(data.classes), seed=derive(options.seed, "first weights"))
    settings = {"structure": structure.name, "training": options.model_dump(mode="json")}
    config = {"command": "train", "settings": settings}
    with Run.open(directory, config) as run:
        return last_result(fit_model(network, data, options, run=run))[0]
