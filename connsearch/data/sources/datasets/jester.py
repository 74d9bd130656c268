"""Jester as folders of frames, or videos, with the lists that TSM reads."""

from __future__ import annotations

from connsearch.data.frame_form import FrameList
from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import read_frame_list

FORM = FrameList(
    name="jester",
    classes=27,
    names=("category.txt",),
    train=("train_videofolder.txt",),
    val=("val_videofolder.txt",),
    frames=("20bn-jester-v1", "frames"),
    pattern="%05d.jpg",
    fps=12.0,
)


@dataset("jester", "videos")
def read_jester(rest: str, options: DataOptions) -> Source:
    """Returns Jester.

    Raises:
        DataError: a list is missing or cannot be used, or its frames are not on disk.
    """
    return read_frame_list(FORM, rest, options)
