"""Every file of a data set read once, from the first frame to the last: what is whole, what not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connsearch.data.batches import BatchPlan, planned
from connsearch.data.clips import ClipKey
from connsearch.data.load import DataSplits
from connsearch.data.records import Record, Split, VideoInfo
from connsearch.errors import DataError


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about one clip of a data set.

    Attributes:
        split: the list it is on.
        record: which it is.
        info: what its file says about itself; None where not even that can be read.
        reason: why it cannot be used; None: it can.
    """

    split: Split
    record: Record
    info: VideoInfo | None
    reason: str | None


def check_clips(data: DataSplits, *, workers: int = 0) -> Iterator[Checked]:
    """Yields every clip of a data set, once all of its frames were decoded.

    Nothing a file does stops this: a hang ends with the options' ``timeout``; with workers, a
    file that kills its reader is found and named.

    Args:
        data: the splits; faults it knows already are not tried again.
        workers: processes that decode; 0: this one.
    """
    for split, dataset in data:
        plan = [BatchPlan((ClipKey(index, whole=True),)) for index in range(len(dataset))]
        for index, batch in enumerate(planned(dataset, plan, workers=workers)):
            reason = batch.faults[0].reason if batch.faults else None
            info: VideoInfo | None = None
            try:
                info = dataset.info(index)
            except DataError as error:
                reason = reason or str(error)
            yield Checked(split, dataset.records[index], info, reason)
