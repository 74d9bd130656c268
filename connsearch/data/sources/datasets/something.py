"""Something-Something, version 1 or 2, as frames or videos, with the lists that TSM reads.

The lists of both versions have the same names; where a folder holds both versions they lie in its
sub-folders v1 and v2.
"""

from __future__ import annotations

from connsearch.data.frame_form import FrameList
from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.sources.datasets import dataset
from connsearch.data.sources.frame_lists import read_frame_list_in
from connsearch.data.sources.published import choose_protocol, list_folder

_FRAMES = {
    "v1": (("20bn-something-something-v1", "frames"), "%05d.jpg", 12.0),
    "v2": (("20bn-something-something-v2-frames", "frames"), "%06d.jpg", None),
}
"""Folders, names and rate of the frames: those of version 1 were published as such, 12 a second;
those of version 2 were published as videos."""


@dataset("something", "protocol", "videos")
def read_something(rest: str, options: DataOptions) -> Source:
    """Returns Something-Something; version 2 where no protocol is asked for.

    Raises:
        DataError: a list is missing or cannot be used, or its frames are not on disk.
    """
    path = list_folder(rest)
    version = choose_protocol("something", options.source, ("v2", "v1"))
    frames, pattern, fps = _FRAMES[version]
    form = FrameList(
        name=f"something {version}",
        classes=174,
        names=("category.txt",),
        train=("train_videofolder.txt",),
        val=("val_videofolder.txt",),
        frames=frames,
        pattern=pattern,
        fps=fps,
        videos=(f"20bn-something-something-{version}", "videos"),
        height=256 if version == "v2" else 360,
    )
    below = path / version
    return read_frame_list_in(form, below if below.is_dir() else path, options)
