"""One row an epoch: top-1, top-5 and loss of training and validation, as SRTG's users have them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from torch import Tensor

from connsearch.data.clips.dataset import ClipDataset
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.tables import Row, ScoreRow
from connsearch.runs.metrics import TOP
from connsearch.runs.names import scores
from connsearch.runs.run import Run
from connsearch.training.hooks import Hook
from connsearch.training.lesson import Learned


@dataclass(slots=True)
class _Sums:
    """What was seen in the running epoch: right answers of so many clips, and their losses."""

    hits: int = 0
    five: int = 0
    asked: int = 0
    loss: float = 0.0
    counted: float = 0.0


class Scores(Hook):
    """The two tables of scores, and the sums of the running epoch, which a checkpoint keeps.

    Args:
        start: the epoch, from 0, that the run begins with; the tables are named after it.
        dataset: the training clips.
        classes: how many there are; of at most five any is among the first five answers.

    Attributes:
        files: the tables and the form of their rows.
    """

    name: ClassVar[str] = "scores"

    def __init__(self, start: int, dataset: ClipDataset, classes: int) -> None:
        self._files = {split: scores(split, start) for split in ("train", "val")}
        self.files: Mapping[str, type[Row]] = dict.fromkeys(self._files.values(), ScoreRow)
        self._multi_label, self._few = dataset.num_classes > 0, classes <= TOP
        self._sums = _Sums()

    def add(self, learned: Learned) -> None:
        """Counts the clips of a step. A loss that is no number (fp16) is left out of the mean."""
        sums = self._sums
        sums.hits += learned.hits
        sums.five += learned.five
        sums.asked += learned.asked
        if math.isfinite(learned.loss):
            sums.loss += learned.loss * learned.counted
            sums.counted += learned.counted

    def trained(self, run: Run, epoch: int) -> None:
        """Writes the row of an epoch that is over; the next one begins from nothing."""
        sums, self._sums = self._sums, _Sums()
        shares = [n / sums.asked if sums.asked else None for n in (sums.hits, sums.five)]
        loss = sums.loss / sums.counted if sums.counted else None
        run.log(self._files["train"], self._row(epoch, shares[0], shares[1], loss))

    def evaluated(self, run: Run, split: str, epoch: int, metrics: Metrics) -> None:
        """Writes the row of an evaluation after that epoch, if its split has a table."""
        if split in self._files:
            row = self._row(epoch, metrics.accuracy, metrics.top5, metrics.loss)
            run.log(self._files[split], row)

    def state(self) -> Mapping[str, Any]:
        """Returns the sums of the running epoch."""
        return asdict(self._sums)

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Puts them back."""
        self._sums = _Sums(**state)

    def _row(
        self, epoch: int, first: float | None, five: float | None, loss: float | None
    ) -> dict[str, Any]:
        if self._multi_label:
            five = None
        elif self._few:
            five = 1.0
        return ScoreRow(Epoch=epoch, Top1=first, Top5=five, Loss=loss).to_json()
