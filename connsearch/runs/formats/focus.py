"""Where a focus model looks and when it stops: ``focus/summary.json``, and rows of its table."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.tables import Row, Whole

Two = Annotated[list[float], Field(min_length=2, max_length=2)]
"""Height and width, or row and column."""


class LookRow(Row):
    """A row of ``looks.csv``: a window of a clip.

    Attributes:
        clip: its name.
        classes: its own, with ``; `` between several; empty: not known.
        step: in which order the windows are looked at, from 1.
        frame: of the clip in the order of time, from 0.
        video_frame: the number of that frame in its video, from 0.
        seconds: its time there; None: not known.
        top: of the window, in pixels of the frame as the network sees it.
        left: likewise.
        height: likewise.
        width: likewise.
        answer: the likeliest class so far.
        probability: of that class.
        seen: 1; or 0 where the clip has stopped before, so that this is never computed.
    """

    clip: str
    classes: str = ""
    step: Whole
    frame: Whole
    video_frame: Whole
    seconds: float | None = None
    top: float
    left: float
    height: float
    width: float
    answer: str
    probability: float
    seen: Whole


class LookStep(Form):
    """What is answered at one step.

    Attributes:
        step: windows that were looked at by then; where all are looked at together, 0 after the
            glance alone, and all of them after the look.
        frame: of the last of them in the order of time, from 0; None: all are looked at together.
        accuracy: share of the clips whose likeliest class so far is one of theirs; None: the
            videos have no labels.
        probability: mean of that of the likeliest class.
        stops: how many clips stop here; None: none does before the end.
    """

    step: int = Field(ge=0)
    frame: int | None = None
    accuracy: float | None = None
    probability: float
    stops: int | None = None


class LookRemark(Form):
    """What a person should know about the places, and the usual cure."""

    kind: str
    said: str
    cure: str


class LookShown(Form):
    """A clip of the contact sheet.

    Attributes:
        name: of the clip.
        classes: its own; empty: not known.
        answer: the likeliest class when it stops.
        probability: of that.
        steps: windows it has looked at by then.
        fault: why it cannot be read.
    """

    name: str
    classes: list[str] = []
    answer: str | None = None
    probability: float | None = None
    steps: int | None = None
    fault: str | None = None


class LookPlaces(Form):
    """Where the middles of all windows are, in pixels of the frame as the network sees it.

    Attributes:
        frame: height and width of a frame.
        window: mean height and width of a window.
        heat: how many middles lie in each cell, rows from the top; cells are of one size.
        middle: row and column of their mean.
        spread: root of the mean squared distance from that.
        share: the spread over that of windows at random places: 1 is as wide.
        across: the same distance at each step by itself: what differs from clip to clip.
        from_centre: mean distance from the centre of the frame.
        overlap: mean intersection over union with a window in the centre.
    """

    frame: Two
    window: Two
    heat: list[list[int]] = Field(min_length=1)
    middle: Two
    spread: float
    share: float | None
    across: float | None
    from_centre: float
    overlap: float


class FocusSummary(Form):
    """``focus/summary.json``: where a focus model looks, and when it stops.

    Attributes:
        split: whose clips were looked at; ``videos``: those that were named.
        model: its name.
        chosen_by: who chooses the windows: ``policy``, or the baselines ``centre`` and ``random``.
        clips: how many were looked at.
        left_out: how many could not be read.
        windows: in each of them, one a frame.
        window: how they follow each other: each where the policy wants it (``frame``), one for all
            frames (``clip``), or one that glides (``track``); None: not recorded.
        glanced: at how many of the frames it glances; None: at all, or at others.
        smallest: height and width of the smallest window there may be; None: all are of one size.
        places: of all their windows.
        remarks: about these.
        steps: after which there is an answer, in their order.
        confidence: by which clips stop; None: nothing was solved, and none stops early.
        mean_steps: windows that a clip has looked at when it stops; None: it does not stop early,
            or it has no answers between glance and look.
        shown: the clips of the contact sheet.
        table: its path.
        sheet: the contact sheet.
        film: likewise; None: none was asked for.
        pictures: of the chart.
    """

    command: str = "focus show"
    run: str = ""
    split: Literal["train", "val", "test", "videos"] = "val"
    model: str = ""
    chosen_by: str = "policy"
    clips: int = Field(ge=1)
    left_out: int = 0
    windows: int = Field(ge=1)
    window: Literal["frame", "clip", "track"] | None = None
    glanced: int | None = None
    smallest: int | None = None
    places: LookPlaces
    remarks: list[LookRemark] = []
    steps: list[LookStep] = Field(min_length=1)
    confidence: str | None = None
    mean_steps: float | None = None
    shown: list[LookShown] = []
    output: str = ""
    table: str = ""
    sheet: str = ""
    film: str | None = None
    pictures: list[str] = []

    @property
    def one_by_one(self) -> bool:
        """Whether there is an answer after every window."""
        steps = [step.step for step in self.steps]
        return self.window in (None, "frame") and steps == list(range(1, self.windows + 1))

    @property
    def stopping(self) -> bool:
        """Whether clips may stop before the end."""
        return self.steps[0].stops is not None

    def ending(self, steps: int) -> str:
        """Returns after what a clip ends that has looked at so many windows."""
        if self.one_by_one:
            return f"{steps} window{'s' if steps != 1 else ''}"
        return "the look" if steps else "the glance"
