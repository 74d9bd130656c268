"""``evaluation.json``: the splits of a network that were opened, and what was found."""

from __future__ import annotations

from typing import ClassVar

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.metrics import Metrics


class ClipCostRecord(Form):
    """What an answer to one clip costs, in multiply-accumulates without the representation flow.

    Attributes:
        macs: of the answer.
        training: with the heads that only a training needs, as published figures of focus models
            have them; None: there are none.
        clip: frames, height and width.
    """

    macs: int
    training: int | None = None
    clip: list[int]

    def __str__(self) -> str:
        heads = f" ({_giga(self.training)} with the heads of the training)" if self.training else ""
        return f"{_giga(self.macs)} GMACs a clip of {'x'.join(map(str, self.clip))}{heads}"


def _giga(macs: int) -> str:
    return f"{macs / 1e9:.5g}"


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
        cost: of one clip in one view; None: it is not known, or of an earlier version.
    """

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"cost"})

    opened: str
    metrics: Metrics
    clips_by_class: dict[str, int] = {}
    data: str | None = None
    precision: str | None = None
    pool_views: str | None = None
    times_opened: int
    cost: ClipCostRecord | None = None
