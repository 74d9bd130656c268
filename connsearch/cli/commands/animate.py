"""``connsearch animate``: how the weights of a search went, as GIF, MP4 or a page with a slider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.errors import Failure, UnknownNameError, UserError
from connsearch.files.paths import check_path
from connsearch.files.places import place_of
from connsearch.runs.record import open_run

FORMATS = (".gif", ".html", ".mp4")


class Animate(Command):
    """Shows the weights of a search over time, in one picture that stays where it is.

    The width of a line is the weight at that step, dashed is what the criterion would remove then.
    Works after the fact, and on runs that are unfinished or at work.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    output: Annotated[Path | None, Flag(short="-o", metavar="FILE")] = None
    """File to write, ending in .gif, .mp4, or .html (a page with a slider, in one file); by default
    animation.gif and animation.html in the directory of the run."""
    frames: int = Field(default=60, ge=2, le=1000)
    """Show at most this many logged steps, evenly spread, including the first and the last."""
    seconds: float = Field(default=8.0, gt=0, le=600)
    """Length of the animation in seconds."""
    criterion: str = "relative"
    """Draw connections that this pruning criterion would remove as dashed lines; see connsearch
    prune."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the files are."""
        paths = self._paths()
        from connsearch.pruning.options import build_criterion

        criterion = build_criterion(self.criterion)
        from connsearch.view.runs.animation import read_moments, set_stage

        structure = open_run(self.run).structure
        moments = read_moments(self.run, structure, criterion, frames=self.frames)
        title = f"{structure.name} in {Path(self.run).resolve().name}"
        stage = set_stage(structure, moments, title=title)
        for path in paths:
            with place_of(path):
                self._write(path, stage, moments, title, terminal)
            terminal.say(f"drawn: {path}")
        return {
            "command": "animate",
            "run": self.run,
            "files": [str(path) for path in paths],
            "frames": len(moments),
            "steps": [moment.step for moment in moments],
            "connections": len(stage.edges),
        }

    def _paths(self) -> list[Path]:
        """Where to write, checked before any work."""
        if self.output is None:
            return [Path(self.run) / f"animation{suffix}" for suffix in (".gif", ".html")]
        if self.output.suffix.lower() not in FORMATS:
            allowed = ", ".join(FORMATS)
            raise UnknownNameError(
                f"{self.output}: ends in {self.output.suffix or 'nothing'!r}, allowed is {allowed}"
            )
        check_path(self.output)
        if self.output.is_dir():
            raise UserError(f"{self.output}: is a directory\n  cure: name a file")
        return [self.output]

    def _write(self, path: Path, stage: Any, moments: Any, title: str, terminal: Terminal) -> None:
        if path.suffix.lower() == ".html":
            from connsearch.view.runs.animate_page import write_page

            try:
                write_page(stage, moments, path, title=title, seconds=self.seconds)
            except OSError as error:
                raise Failure(f"{path}: could not be written: {error.strerror}") from None
            return
        from connsearch.view.runs.animate_frames import draw_frames, write_gif, write_mp4

        write = write_gif if path.suffix.lower() == ".gif" else write_mp4
        frames = terminal.count(draw_frames(stage, moments), len(moments), what="frames")
        write(frames, path, count=len(moments), seconds=self.seconds)
