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
