"""``evaluation.json``: the splits of a network that were opened, and what was found."""

from __future__ import annotations

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.metrics import Metrics


class Evaluation(Form):
    """An entry of ``evaluation.json``.

    Attributes:
        opened: when, in UTC.
        metrics: what was found.
        clips_by_class: how many of the judged clips have each class.
        data: the fingerprint of the data.
        precision: of the convolutions.
        pool_views: how clips and crops of a video became one answer.
        times_opened: this time among them.
    """

    opened: str
    metrics: Metrics
    clips_by_class: dict[str, int] = {}
    data: str | None = None
    precision: str | None = None
    pool_views: str | None = None
    times_opened: int


class Evaluations(Form):
    """``evaluation.json``: the entries by split."""

    test: Evaluation | None = None
    select: Evaluation | None = None

    def by_split(self) -> dict[str, Evaluation]:
        """Returns the splits that were opened, in their order."""
        found = {"test": self.test, "select": self.select}
        return {split: entry for split, entry in found.items() if entry is not None}
