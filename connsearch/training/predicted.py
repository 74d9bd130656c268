"""What a network answers to videos without labels, as values: one answer a video, or a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from connsearch.errors import DataError

COLUMNS = ("path", "start", "end", "rank", "label", "probability")
"""Of a table of predictions: seconds from the first frame, ranks from 1."""

STOPPED = ("step", "macs")
"""Further columns where clips stop early: see :class:`Prediction`."""

SURE = 0.5
"""Probability from which a class of a multi-label network counts as seen."""


@dataclass(frozen=True, slots=True, repr=False)
class Prediction:
    """What a network answers to a video, or to a part of it.

    Attributes:
        path: of the video, as it was named.
        start: seconds from the first frame of the video; None: nothing is known of time.
        end: likewise, where the part ends.
        classes: their names, in the order of the classifier.
        values: the probability of each class, in [0, 1]. They add up to 1, unless the network is
            multi-label (or views were pooled by their maximum).
        order: the places of the classes, the likeliest first.
        multi_label: whether every class is a yes or no of its own.
        step: of a network whose clips stop early, after which step it stopped, from 1; of several
            views the last of them. None: all was computed.
        macs: multiply-accumulates until there, of all views together; None likewise.
    """

    path: str
    start: float | None
    end: float | None
    classes: tuple[str, ...]
    values: tuple[float, ...]
    order: tuple[int, ...]
    multi_label: bool = False
    step: int | None = None
    macs: int | None = None

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.classes[self.order[0]]

    @property
    def probability(self) -> float:
        """That of the likeliest class."""
        return self.values[self.order[0]]

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability of every class, by its name."""
        return dict(zip(self.classes, self.values, strict=True))

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Returns the likeliest classes with their probabilities, the likeliest first."""
        return [(self.classes[place], self.values[place]) for place in self.order[:count]]

    def rows(self, top: int = 5) -> list[dict[str, Any]]:
        """Returns one row a class, of the likeliest ones, with the keys of :data:`COLUMNS`.

        Where it stopped early with those of :data:`STOPPED`, too.
        """
        head = {"path": self.path, "start": self.start, "end": self.end}
        stopped = {} if self.step is None else {"step": self.step, "macs": self.macs}
        return [
            {**head, "rank": rank, "label": label, "probability": probability, **stopped}
            for rank, (label, probability) in enumerate(self.top(top), start=1)
        ]

    def __repr__(self) -> str:
        """Returns the answer in one line."""
        part = "" if self.start is None else f" {self.start:.2f}-{self.end or 0.0:.2f} s"
        stopped = "" if self.step is None else f", step {self.step}"
        return f"<Prediction {self.path!r}{part}: {self.label} {self.probability:.3f}{stopped}>"


@dataclass(frozen=True, slots=True)
class UnreadVideo:
    """A video, or a part of one, that could not be read, or not whole.

    Attributes:
        path: of the video, as it was named.
        reason: what was read, and the usual cure.
        answered: whether there is an answer all the same, from what could be read.
        start: seconds from the first frame, of a window; None: it is about the whole video.
        end: likewise.
    """

    path: str
    reason: str
    answered: bool = False
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PredictedVideos(Sequence[Prediction]):
    """What a network answers to videos: a sequence of :class:`Prediction`.

    Attributes:
        run: the directory of the network.
        predictions: one a video, or of a timeline one a window, in the order of time.
        faults: what could not be read, by name.
        timeline: whether the videos were cut into windows.
        notes: for the user: what lay beside the videos and was not read, and the like.
        hop: of a timeline, seconds from one window to the next; None: the length of a window.
        budget: by whose thresholds clips stopped early; None: all steps were computed.
    """

    run: str
    predictions: tuple[Prediction, ...]
    faults: tuple[UnreadVideo, ...] = ()
    timeline: bool = False
    notes: tuple[str, ...] = ()
    hop: float | None = None
    budget: str | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Prediction, ...]: ...

    def __getitem__(self, index: int | slice) -> Prediction | tuple[Prediction, ...]:
        return self.predictions[index]

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    @property
    def videos(self) -> dict[str, tuple[Prediction, ...]]:
        """The predictions of every video, by its path."""
        found: dict[str, list[Prediction]] = {}
        for one in self.predictions:
            found.setdefault(one.path, []).append(one)
        return {path: tuple(parts) for path, parts in found.items()}

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability of every class, where there is a single answer.

        Raises:
            DataError: there are several.
        """
        return self._single.probabilities

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Returns the likeliest classes with their probabilities, where there is a single answer.

        Raises:
            DataError: there are several.
        """
        return self._single.top(count)

    def rows(self, top: int = 5) -> list[dict[str, Any]]:
        """Returns one row an answer and class; ``pandas.DataFrame(found.rows())`` is the table."""
        return [row for one in self.predictions for row in one.rows(top)]

    @property
    def _single(self) -> Prediction:
        if len(self.predictions) != 1:
            raise DataError(
                f"{len(self.predictions)} answers; cure: take one of them, as in found[0].top(5), "
                "or all, as in found.rows()"
            )
        return self.predictions[0]

    def __repr__(self) -> str:
        """Returns what it is in a few words."""
        many = f"{len(self.predictions)} {'windows' if self.timeline else 'answers'}"
        unread = f", {len(self.faults)} faults" if self.faults else ""
        if len(self.predictions) == 1:
            many = f"{self.predictions[0].label} {self.predictions[0].probability:.3f}"
        videos = f"{len(self.videos)} video{'' if len(self.videos) == 1 else 's'}"
        return f"<PredictedVideos {videos}: {many}{unread}>"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring windows of one video with the same answer.

    Attributes:
        start: seconds from the first frame.
        end: likewise.
        label: the likeliest class of all of them; of a multi-label network all classes that are
            seen in all of them.
        probability: of that class, the mean over the windows (of several classes: of the least).
        windows: how many.
    """

    start: float
    end: float
    label: str
    probability: float
    windows: int


def seen(prediction: Prediction) -> tuple[int, ...]:
    """Returns the places of the classes that an answer names.

    The likeliest one; of a multi-label network all from :data:`SURE` on, which may be none.
    """
    if not prediction.multi_label:
        return prediction.order[:1]
    return tuple(place for place in prediction.order if prediction.values[place] >= SURE)


def said(prediction: Prediction) -> str:
    """Returns the answer in words: the likeliest class, or all that are seen."""
    return " + ".join(prediction.classes[place] for place in seen(prediction)) or NOTHING


NOTHING = "none"
"""The answer of a multi-label network that sees no class."""


def reaches(windows: Sequence[Prediction], hop: float | None = None) -> list[tuple[float, float]]:
    """Returns from when to when each window of one video speaks, in seconds.

    A moment belongs to the window whose middle is nearest, but to none where a window is missing
    because it could not be read.

    Args:
        windows: in the order of time.
        hop: seconds from one to the next; None: the length of a window.

    >>> parts = [Prediction("a", s, s + 2.0, ("x",), (1.0,), (0,)) for s in (0.0, 1.0, 2.0, 7.0)]
    >>> reaches(parts)
    [(0.0, 1.5), (1.5, 2.5), (2.5, 4.0), (7.0, 9.0)]
    """
    times = [(one.start or 0.0, one.end or 0.0) for one in windows]
    middles = [(start + end) / 2 for start, end in times]
    found: list[tuple[float, float]] = []
    for place, ((start, end), middle) in enumerate(zip(times, middles, strict=True)):
        far = max(end - start, hop or 0.0) / 2
        begin = start if place == 0 else max((middles[place - 1] + middle) / 2, middle - far)
        last = place == len(times) - 1
        stop = end if last else min((middle + middles[place + 1]) / 2, middle + far)
        found.append((begin, stop))
    return found


def stretches(windows: Sequence[Prediction], hop: float | None = None) -> list[Stretch]:
    """Returns the windows of one video with those joined that say the same, in order of time.

    Args:
        windows: in the order of time.
        hop: seconds from one to the next; None: the length of a window.
    """
    times = reaches(windows, hop)
    runs: list[list[int]] = []
    for place, one in enumerate(windows):
        before = runs[-1][-1] if runs else None
        touches = before is not None and times[place][0] - times[before][1] < _HAIR
        if touches and said(windows[runs[-1][-1]]) == said(one):
            runs[-1].append(place)
        else:
            runs.append([place])
    return [
        Stretch(
            times[run[0]][0],
            times[run[-1]][1],
            said(windows[run[0]]),
            sum(sureness(windows[place]) for place in run) / len(run),
            len(run),
        )
        for run in runs
    ]


_HAIR = 1e-6
"""Seconds between two windows that touch: sums of times are rounded."""


def sureness(prediction: Prediction) -> float:
    """Returns the probability of what an answer says: of several classes that of the least.

    Where no class is seen, the probability that the likeliest one is not there.
    """
    named = seen(prediction)
    if not named:
        return 1.0 - max(prediction.values)
    return min(prediction.values[place] for place in named)


def leading(windows: Iterable[Prediction], most: int) -> list[int]:
    """Returns the places of at most so many classes, in the order of the classifier.

    Those that reach the highest probability anywhere.
    """
    highest: dict[int, float] = {}
    for one in windows:
        for place, value in enumerate(one.values):
            highest[place] = max(value, highest.get(place, 0.0))
    kept = sorted(highest, key=lambda place: -highest[place])[:most]
    return sorted(kept)
