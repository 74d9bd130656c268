"""Where a focus model looks, in a notebook: what there is to know, and some of the clips."""

from __future__ import annotations

from pathlib import Path

from connsearch.errors import ConnsearchError
from connsearch.files.disk import is_there
from connsearch.runs.formats.focus import FocusSummary
from connsearch.view.clips.embedded import embedded
from connsearch.view.notebook.card import (
    Html,
    card,
    escaped,
    facts,
    folded,
    link,
    note,
    table,
    warning,
)
from connsearch.view.runs.focus import places_facts


def focus_html(found: FocusSummary) -> Html:
    """Returns the card of where a model looks."""
    files = [("contact sheet", found.sheet), ("film", found.film), ("table", found.table)]
    return card(
        found.run or found.model,
        "where it looks",
        *(warning(f"{remark.said} (cure: {remark.cure})") for remark in found.remarks),
        facts([*places_facts(found), *((name, link(path)) for name, path in files if path)]),
        _sheet(found),
        folded(
            f"{len(found.shown)} clips",
            table(
                [
                    {
                        "clip": clip.name,
                        "class": ", ".join(clip.classes) or None,
                        "answer": clip.answer or clip.fault,
                        "probability": clip.probability,
                        **_ending(found, clip.steps),
                    }
                    for clip in found.shown
                ]
            ),
        ),
        folded(
            "after each window" if found.one_by_one else "after glance and look",
            table(
                [
                    {**_ending(found, step.step), "right": step.accuracy}
                    | {"probability": step.probability}
                    | ({"frame": step.frame} if found.one_by_one else {})
                    | ({} if step.stops is None else {"stop": step.stops})
                    for step in found.steps
                ]
            ),
        ),
    )


def _sheet(found: FocusSummary) -> Html | None:
    """The contact sheet, where it still is."""
    if not found.sheet or not is_there(Path(found.sheet)):
        return None
    try:
        picture = embedded(Path(found.sheet))
    except ConnsearchError as error:
        return note(str(error))
    alt = escaped(f"Contact sheet of {len(found.shown)} clips with their windows")
    return folded(
        "contact sheet",
        f'<img src="{picture.source}" width="{picture.width}" height="{picture.height}" '
        f'alt="{alt}">',
    )


def _ending(found: FocusSummary, steps: int | None) -> dict[str, object]:
    """After what a clip ends, with its heading: a number of windows, or glance or look."""
    if found.one_by_one:
        return {"windows": steps}
    return {"after": None if steps is None else found.ending(steps)}
