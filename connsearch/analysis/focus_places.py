"""What the places say where a focus model looks: a heat map, their spread, and a collapse.

Shape letters: N clips, S steps, M windows.
"""

from __future__ import annotations

import numpy as np

from connsearch.analysis.focus_looks import Looked, Numbers, Whole
from connsearch.runs.formats.focus import LookPlaces, LookRemark, LookStep

CELLS = 24
"""Cells of the heat map along the longer side of a frame, at most."""
FEW_PIXELS = 2.0
FEW = 0.04
"""Places within so many pixels, or within this share of the way that windows can go, are one."""
EDGE, MOST_AT_EDGE = 0.02, 0.9
"""A window within this share of its way from an end lies at the edge; so many of them are told."""
MOST = 0.95
"""Places of a policy that has collapsed, all but a few that went elsewhere."""
ALIKE = 0.75
"""A window that has this much in common with one in the centre (intersection over union) is like
it."""


def places_of(looked: Looked) -> LookPlaces:
    """Returns where the middles of all windows are."""
    windows_NS4 = np.stack([clip.windows for clip in looked.clips])
    sides_NS2 = windows_NS4[..., 2:]
    middles_NS2 = windows_NS4[..., :2] + sides_NS2 / 2
    height, width = looked.frame
    centre_2 = np.array([height / 2, width / 2])
    mean_2 = middles_NS2.mean((0, 1))
    window_2 = sides_NS2.mean((0, 1))
    room_2 = np.maximum(np.array([height, width]) - window_2, 0)
    random = float(np.sqrt((room_2**2).sum() / 12))
    spread = float(np.sqrt(((middles_NS2 - mean_2) ** 2).sum(2).mean()))
    across = np.sqrt(((middles_NS2 - middles_NS2.mean(0)) ** 2).sum(2).mean())
    return LookPlaces(
        frame=[float(height), float(width)],
        window=window_2.tolist(),
        heat=_heat(middles_NS2.reshape(-1, 2), looked.frame).tolist(),
        middle=mean_2.tolist(),
        spread=spread,
        share=spread / random if random > 0 else None,
        across=float(across) if len(looked.clips) > 1 else None,
        from_centre=float(np.linalg.norm(middles_NS2 - centre_2, axis=2).mean()),
        overlap=float(_overlap(windows_NS4, centre_2).mean()),
    )


def _heat(middles_M2: Numbers, frame: tuple[int, int]) -> Whole:
    """How many middles lie in each cell of a frame."""
    cell = max(frame) / min(CELLS, max(frame))
    shape = [max(round(side / cell), 1) for side in frame]
    edges = [np.linspace(0, side, count + 1) for side, count in zip(frame, shape, strict=True)]
    found, _, _ = np.histogram2d(middles_M2[:, 0], middles_M2[:, 1], bins=edges)
    return found.astype(np.int64)


def _overlap(windows_NS4: Numbers, centre_2: Numbers) -> Numbers:
    """Intersection over union of each window with one of its size around the centre."""
    corners, sides = windows_NS4[..., :2], windows_NS4[..., 2:]
    apart = np.abs(corners - (centre_2 - sides / 2))
    common = np.maximum(sides - apart, 0).prod(-1)
    return common / (2 * sides.prod(-1) - common)


def remarks_on(looked: Looked, places: LookPlaces, *, chosen_by: str) -> list[LookRemark]:
    """Returns what a person should know about the places that a policy has chosen.

    Nothing about places that no policy has chosen, and where windows have nowhere to go.

    Args:
        looked: where the model has looked.
        places: of that.
        chosen_by: who chooses the windows.
    """
    room = max(side - inner for side, inner in zip(places.frame, places.window, strict=True))
    if chosen_by != "policy" or room < 1:
        return []
    near = max(FEW_PIXELS, FEW * room)
    middles_NS2 = np.stack([c.windows[:, :2] + c.windows[:, 2:] / 2 for c in looked.clips])
    flat = middles_NS2.reshape(-1, 2)
    apart = np.linalg.norm(flat - np.median(flat, axis=0), axis=1)
    reach = float(np.quantile(apart, MOST))
    if reach <= near:
        return [_collapsed(places, reach)]
    found: list[LookRemark] = []
    share = _at_the_edge(looked)
    if share >= MOST_AT_EDGE:
        found.append(_pinned(share))
    if places.overlap >= ALIKE:
        found.append(_like_the_centre(places))
    if places.across is not None and places.across <= near:
        found.append(_same_everywhere(places))
    return found


def _at_the_edge(looked: Looked) -> float:
    """The share of windows that can go no further in at least one direction."""
    windows_NS4 = np.stack([clip.windows for clip in looked.clips])
    room_NS2 = np.array(looked.frame) - windows_NS4[..., 2:]
    way_NS2 = windows_NS4[..., :2] / np.maximum(room_NS2, 1e-9)
    ends_NS2 = (way_NS2 <= EDGE) | (way_NS2 >= 1 - EDGE)
    return float((ends_NS2 & (room_NS2 >= 1)).any(2).mean())


_LEARN = (
    "more --epochs, or a larger share of the rate for it (--rate policy=0.5); then compare with "
    "--places centre, which costs the same"
)


def _collapsed(places: LookPlaces, reach: float) -> LookRemark:
    row, column = places.middle
    return LookRemark(
        kind="collapsed",
        said=(
            f"the policy has collapsed: {MOST:.0%} of all windows lie within {reach:.1f} pixels of "
            f"one place (row {row:.0f}, column {column:.0f}); it does not look at the clip"
        ),
        cure=_LEARN,
    )


def _pinned(share: float) -> LookRemark:
    return LookRemark(
        kind="at the edge",
        said=(
            f"{share:.0%} of all windows lie at an edge of the frame: there the policy gets almost "
            "no gradient, and it may never come back"
        ),
        cure=(
            "a smaller share of the rate for the policy (--rate policy=0.01), or a lower --lr; "
            "then compare with --places centre, which costs the same"
        ),
    )


def _like_the_centre(places: LookPlaces) -> LookRemark:
    return LookRemark(
        kind="like the centre",
        said=(
            f"the windows differ little from one in the centre: on average they share "
            f"{places.overlap:.0%} with it (intersection over union)"
        ),
        cure=f"a smaller --patch, which has further to go; {_LEARN}",
    )


def _same_everywhere(places: LookPlaces) -> LookRemark:
    return LookRemark(
        kind="the same in every clip",
        said=(
            f"at each step the windows of all clips lie within {places.across:.1f} pixels of each "
            "other: the policy follows one path, whatever it sees"
        ),
        cure=_LEARN,
    )


def steps_of(looked: Looked, *, stopping: bool) -> list[LookStep]:
    """Returns what is answered after each step, and how many clips stop there where some may."""
    clips = looked.clips
    known = [clip for clip in clips if clip.labels]
    exits = [clip.exit for clip in clips]
    return [
        LookStep(
            step=step,
            frame=looked.order[step - 1] if looked.one_by_one else None,
            accuracy=(
                sum(int(clip.classes[number, 0]) in clip.labels for clip in known) / len(known)
                if known
                else None
            ),
            probability=float(np.mean([clip.values[number, 0] for clip in clips])),
            stops=exits.count(number) if stopping else None,
        )
        for number, step in enumerate(looked.answered)
    ]
