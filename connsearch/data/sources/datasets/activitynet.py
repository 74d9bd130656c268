"""ActivityNet as frames or videos: ``actnet_train_split.txt`` and ``actnet_val_split.txt``."""

from __future__ import annotations

from connsearch.data.frame_form import FrameList
from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import read_frame_list

FORM = FrameList(
    name="activitynet",
    classes=200,
    names=("classInd.txt",),
    train=("actnet_train_split.txt",),
    val=("actnet_val_split.txt",),
    frames=("frames",),
    pattern="image_%05d.jpg",
    commas=True,
)


@dataset("activitynet", "videos")
def read_activitynet(rest: str, options: DataOptions) -> Source:
    """Returns ActivityNet; a video has one to three labels.

    Raises:
        DataError: a list is missing or cannot be used, or its frames are not on disk.
    """
    return read_frame_list(FORM, rest, options)
