"""``connsearch data objects``: masks, label pictures or measured arrays as object maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.files.paths import check_path

_Size = Annotated[int, Field(ge=1, le=8192)]


class DataObjects(Command):
    """Makes the object-map file of a clip, the input of the object stream.

    The source is a folder of PNG label maps, one a frame by the numbers in their names, or an npy
    or npz array (rows, height, width). The result stands beside the clip under the same name with
    the suffix .npz, or is named in the column object of a list.
    """

    source: Annotated[Path, Flag(positional=True)]
    """A folder of PNG, or an npy or npz file."""
    output: Annotated[Path, Flag(short="-o", metavar="FILE")]
    """The file to write, ending in .npz."""
    map: Annotated[str | None, Flag(metavar="VALUE:CLASS,...")] = None
    """Class of each stored value, such as 0:0,255:1; all values must be named. By default the
    values are the classes."""
    levels: tuple[float, ...] = ()
    """Boundaries that turn measured values, such as temperatures, into classes: --levels 26 28 30
    makes four classes."""
    rate: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    """Row r of the source was recorded at video frame RATE * r; every frame takes the row nearest
    to it. By default a row is a frame."""
    start: int = Field(default=0, ge=0)
    """Frame of the video at which the clip starts."""
    frames: int | None = Field(default=None, ge=1)
    """Number of frames in the clip; by default as many as there are rows for."""
    size: tuple[_Size, _Size] | None = None
    """Height and width to scale to; by default as stored. Training scales maps itself."""

    @model_validator(mode="after")
    def _consistent(self) -> DataObjects:
        if self.map is not None and self.levels:
            raise ValueError("--map renumbers classes, --levels makes them: give one of them")
        if self.output.suffix != ".npz":
            raise ValueError(f"--output {self.output} does not end in .npz")
        return self

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Converts, and returns what was written."""
        import numpy as np

        from connsearch.data.tools.convert_objects import (
            convert_objects,
            parse_numbers,
            write_objects,
        )

        check_path(self.output)
        maps = convert_objects(
            self.source,
            numbers=None if self.map is None else parse_numbers(self.map),
            levels=self.levels,
            rate=self.rate,
            start=self.start,
            frames=self.frames,
            size=self.size,
        )
        write_objects(self.output, maps)
        counts = np.bincount(maps.ravel())
        shares = {str(n): float(c / maps.size) for n, c in enumerate(counts) if c}
        told = ", ".join(f"{n}: {share:.1%}" for n, share in shares.items())
        frames, height, width = maps.shape
        terminal.say(f"written: {self.output}, {frames} frames of {height}x{width}")
        terminal.say(f"share of the pixels by class: {told}")
        return {
            "command": "data objects",
            "output": str(self.output),
            "frames": frames,
            "height": height,
            "width": width,
            "shares": shares,
        }
