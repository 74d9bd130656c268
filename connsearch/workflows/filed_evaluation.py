"""What is filed in a run of what a network does on a split."""

from __future__ import annotations

from connsearch.data.loading.load import DataSplits
from connsearch.models.clip_cost import clip_cost
from connsearch.models.count import empty_clip
from connsearch.models.model import Model
from connsearch.runs.formats.evaluation import ClipCostRecord, Evaluation
from connsearch.runs.formats.metrics import Metrics
from connsearch.training.noticed import clip_without_numbers


def evaluation_of(
    metrics: Metrics, network: Model, data: DataSplits, precision: str, *, opened: str, times: int
) -> Evaluation:
    """Returns what is filed in a run of what was found on a split.

    Args:
        metrics: what was found.
        network: that was judged.
        data: of the run.
        precision: of the convolutions.
        opened: when, in UTC.
        times: how often the split has been opened, this time included.
    """
    return Evaluation(
        opened=opened,
        metrics=metrics,
        clips_by_class=dict(metrics.support),
        data=data.fingerprint,
        precision=precision,
        pool_views=data.options.clips.pool_views,
        times_opened=times,
        **_cost(network, data),
    )


def _cost(network: Model, data: DataSplits) -> dict[str, ClipCostRecord]:
    """What a clip costs, where that can be counted."""
    streams = {**clip_without_numbers(data), **empty_clip(network, data.clip)}
    found = clip_cost(network, streams, len(data.classes))
    if found is None:
        return {}
    told = ClipCostRecord(macs=found.macs, training=found.training, clip=list(data.clip))
    return {"cost": told}
