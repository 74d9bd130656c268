"""FCVID as folders of frames, or videos: ``fcvid_train_split.txt`` and ``fcvid_val_split.txt``."""

from __future__ import annotations

from connsearch.data.frame_form import FrameList
from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import read_frame_list

FORM = FrameList(
    name="fcvid",
    classes=239,
    names=("classInd.txt",),
    train=("fcvid_train_split.txt",),
    val=("fcvid_val_split.txt",),
    frames=("frames",),
    pattern="image_%05d.jpg",
    commas=True,
)


@dataset("fcvid", "videos")
def read_fcvid(rest: str, options: DataOptions) -> Source:
    """Returns FCVID; a video has one to three labels.

    Raises:
        DataError: a list is missing or cannot be used, or its frames are not on disk.
    """
    return read_frame_list(FORM, rest, options)
