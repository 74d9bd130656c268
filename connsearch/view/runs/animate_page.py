"""A search as one HTML file: the picture, a slider over its steps, and nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from connsearch.graph.files import atomic_write_text
from connsearch.view.runs.animation import Backdrop, Moment, name
from connsearch.view.structures.interactive import as_text


def write_page(
    stage: Backdrop, moments: Sequence[Moment], path: str | Path, *, title: str, seconds: float
) -> None:
    """Writes the page, whole or not at all; played, it takes so many ``seconds``."""
    facts = {
        "edges": [name(edge) for edge in stage.edges],
        "seconds": seconds,
        "moments": [
            {
                "caption": moment.caption(),
                "weights": [round(moment.weights.get(e, 0.0), 4) for e in stage.edges],
                "kept": "".join("1" if e in moment.kept else "0" for e in stage.edges),
            }
            for moment in moments
        ],
    }
    values = {
        "title": html.escape(title),
        "last": str(len(moments) - 1),
        "picture": as_text(stage.picture),
        "facts": json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c"),
    }
    text = files("connsearch.view.runs").joinpath("animate_page.html").read_text(encoding="utf-8")
    atomic_write_text(path, re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text))
