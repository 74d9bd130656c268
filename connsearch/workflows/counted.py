"""What costs are counted for: the classes and the clip of a run, or the usual ones."""

from __future__ import annotations

from connsearch.graph.cost import DEFAULT_CLIP
from connsearch.runs.recorded import recorded_facts, recorded_settings

DEFAULT_CLASSES = 400

Clip = tuple[int, int, int]


def counted_classes(*targets: str) -> int:
    """Returns the number of classes the first of the targets that is a run has, else 400."""
    known = (len(recorded_facts(target).get("classes", ())) for target in targets)
    return next(filter(None, known), DEFAULT_CLASSES)


def counted_clip(*targets: str) -> Clip:
    """Returns frames, height and width the first target that is a run sees, else 16, 112, 112."""
    for target in targets:
        data = recorded_settings(target).get("data", {}).get("clips", {})
        if {"frames", "size"} <= set(data):
            return data["frames"], data["size"], data["size"]
    return DEFAULT_CLIP
