"""Mini-Kinetics as folders of frames; their names may hold blanks."""

from __future__ import annotations

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import FrameList, read_frame_list

FORM = FrameList(
    name="mini_kinetics",
    classes=200,
    names=("minik_classInd.txt",),
    train=("mini_train_videofolder.txt",),
    val=("mini_val_videofolder.txt",),
    frames=("frames",),
    pattern="img_%05d.jpg",
)


@dataset("mini_kinetics", "videos")
def read_mini_kinetics(rest: str, options: DataOptions) -> Source:
    """Returns Mini-Kinetics.

    Raises:
        DataError: a list is missing or cannot be used, or its frames are not on disk.
    """
    return read_frame_list(FORM, rest, options)
