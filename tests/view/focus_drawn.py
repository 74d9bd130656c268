"""A clip of grey frames and a summary, as pictures of a focus model are drawn from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from connsearch.runs.formats.focus import FocusSummary, LookPlaces, LookShown, LookStep
from connsearch.view.clips.focus_marks import FocusClip

GREY, FRAMES, SIZE, PATCH = 90, 5, 32, 12


def ink(code: str) -> tuple[int, ...]:
    return tuple(int(code[at : at + 2], 16) for at in (1, 3, 5))


def clip(**changes: Any) -> FocusClip:
    """Grey frames; the window of a step is at (step, 2 * step), its inside is white."""
    frames = np.full((FRAMES, SIZE, SIZE, 3), GREY, np.uint8)
    windows = np.array([[step, 2 * step, PATCH, PATCH] for step in range(FRAMES)], np.float64)
    for step in range(FRAMES):
        frames[step, step : step + PATCH, 2 * step : 2 * step + PATCH] = 255
    answers = tuple((("walk", 0.5 + step / 10), ("run", 0.5 - step / 10)) for step in range(FRAMES))
    known: dict[str, Any] = {
        "name": "a.mp4",
        "classes": ("walk",),
        "frames": frames,
        "order": (2, 0, 4, 1, 3),
        "captions": tuple(map(str, range(FRAMES))),
        "windows": windows,
        "answers": answers,
        "answered": tuple(range(1, FRAMES + 1)),
        "exit": FRAMES - 1,
    }
    return FocusClip(**{**known, **changes})


def summary(**changes: Any) -> FocusSummary:
    heat = [[0] * 8 for _ in range(8)]
    heat[2][3], heat[4][4] = 30, 10
    known: dict[str, Any] = {
        "run": "runs/f",
        "model": "adafocus",
        "clips": 8,
        "windows": FRAMES,
        "places": LookPlaces(
            frame=[float(SIZE)] * 2,
            window=[float(PATCH)] * 2,
            heat=heat,
            middle=[12.0, 14.5],
            spread=3.25,
            share=0.25,
            across=2.5,
            from_centre=5.5,
            overlap=0.5,
        ),
        "steps": [
            LookStep(step=step + 1, frame=step, accuracy=step / 10, probability=0.5)
            for step in range(FRAMES)
        ],
        "shown": [LookShown(name="a.mp4", classes=["walk"], answer="walk", probability=0.9)],
    }
    return FocusSummary(**{**known, **changes})


def stopping(**changes: Any) -> FocusSummary:
    steps = [step.model_copy(update={"stops": 2}) for step in summary().steps]
    return summary(steps=steps, confidence="probability", mean_steps=3.0, **changes)


def together(**changes: Any) -> FocusSummary:
    """One window for all frames, with an answer after the glance and one after the look."""
    ends = [LookStep(step=step, accuracy=0.5, probability=0.5, stops=4) for step in (0, FRAMES)]
    known: dict[str, Any] = {"steps": ends, "window": "clip", "confidence": "probability"}
    return summary(**{**known, **changes})
