"""What a network says about videos, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.training.predicted import PredictedVideos, Prediction, stretches
from connsearch.view.notebook.card import Html, card, facts, link, table, warning
from connsearch.view.predictions.tables import clock_text

_TOP = 5


def predicted_html(found: PredictedVideos) -> Html:
    """Returns the card of answers: of whole videos the likeliest classes, of timelines when."""
    videos = found.videos
    rows = [
        row
        for path, parts in videos.items()
        for row in (_timeline(path, parts, found.hop) if found.timeline else _whole(parts))
    ]
    faults = (f"{fault.path}: {fault.reason}" for fault in found.faults)
    return card(
        f"{len(videos)} video{'s' if len(videos) != 1 else ''}",
        "timelines" if found.timeline else "predictions",
        facts([("network", link(found.run))]),
        table(rows),
        *(warning(text) for text in (*found.notes, *faults)),
    )


def prediction_html(found: Prediction) -> Html:
    """Returns the card of one answer: every class of the likeliest ones with its probability."""
    part = None
    if found.start is not None and found.end is not None:
        part = f"{clock_text(found.start)} to {clock_text(found.end)}"
    rows = [{"class": label, "probability": value} for label, value in found.top(_TOP)]
    return card(found.path, "prediction", facts([("part", part)]), table(rows))


def _whole(parts: tuple[Prediction, ...]) -> Iterator[dict[str, object]]:
    for one in parts:
        named = {
            str(rank): f"{label} {value:.3f}" for rank, (label, value) in enumerate(one.top(), 1)
        }
        yield {"video": one.path, **named}


def _timeline(
    path: str, parts: tuple[Prediction, ...], hop: float | None
) -> Iterator[dict[str, object]]:
    for one in stretches(parts, hop):
        times = {"from": clock_text(one.start), "to": clock_text(one.end)}
        yield {"video": path, **times, "answer": one.label, "probability": one.probability}
