"""``connsearch predict``: what does a trained network say about videos without labels?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.predict import PredictSettings

if TYPE_CHECKING:
    from connsearch.training.predicted import PredictedVideos

READ, UNREAD = 0, 1

_EXAMPLES = """\
Examples:

connsearch predict runs/mine clip.mp4

connsearch predict runs/mine videos/ --csv answers.csv

connsearch predict runs/mine long.mp4 --picture long.svg --annotate answered.mp4
"""


class Predict(PredictSettings, Command):
    """Says what is in videos: the likeliest classes of each, by a trained network.

    Videos need no labels. They are read as the run read its clips, in the views that its
    evaluations have; a long one is answered part by part with --timeline.

    Exit code 1: a video cannot be read, or not to its end; each is named, and the others are
    answered. Exit code 2: nothing could be answered.
    """

    FAILURE: ClassVar[int] = 2

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page, with examples."""
        return f"{super().about()}\n\n{_EXAMPLES}"

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns 1 where a video could not be read, or not to its end."""
        return UNREAD if report["faults"] else READ

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Answers, writes what was asked for, and returns the answers."""
        from connsearch.workflows.predict import run_predict

        found = run_predict(self, terminal.listener())
        _show(found, self.top, terminal)
        files = {"csv": self.csv, "picture": self.picture, "annotated": self.annotate}
        written = {name: str(path) for name, path in files.items() if path is not None}
        for name, path in written.items():
            terminal.say(f"{name}: {path}")
        return {
            "command": "predict",
            "run": self.run,
            "videos": len(found.videos),
            "timeline": found.timeline,
            **({} if found.budget is None else {"budget": found.budget}),
            "predictions": [
                {
                    "path": one.path,
                    "start": one.start,
                    "end": one.end,
                    "top": [{"label": name, "probability": p} for name, p in one.top(self.top)],
                    **({} if one.step is None else {"step": one.step, "macs": one.macs}),
                }
                for one in found
            ],
            "faults": [
                {"path": one.path, "reason": one.reason, "start": one.start, "end": one.end}
                for one in found.faults
            ],
            **written,
        }


def _show(found: PredictedVideos, top: int, terminal: Terminal) -> None:
    """Shows the answers, and what could not be read."""
    from connsearch.view.predictions.tables import predictions_table, timeline_tables

    if found.timeline:
        terminal.show(*timeline_tables(found))
    else:
        terminal.show(predictions_table(found, top=top))
    stopped = [(one.step, one.macs) for one in found if one.step and one.macs]
    if len(stopped) > 1:
        steps, macs = (sum(numbers) / len(stopped) for numbers in zip(*stopped, strict=True))
        terminal.say(f"stopped after step {steps:.2f} on average, at {macs / 1e6:.4g}M MACs")
    answered = found.videos.keys()
    whole = {fault.path for fault in found.faults} - answered
    partly = {fault.path for fault in found.faults} & answered
    for paths, what in ((whole, "cannot be read"), (partly, "cannot be read whole")):
        if paths:
            terminal.warn(f"{len(paths)} video{'s' if len(paths) > 1 else ''} {what}")
            reasons = Counter(fault.reason for fault in found.faults if fault.path in paths)
            for reason, count in reasons.items():
                terminal.say(f"  {reason}" + (f" ({count} windows)" if count > 1 else ""))
