"""Sections -> one page: templates, style and script in a single file, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from connsearch import __version__
from connsearch.graph.spec import Modality
from connsearch.view.palette import DEAD, FAINT, MIXED, PAPER, PEER, RULE, STREAMS, TEXT
from connsearch.view.report.section import Section

_INKS = {
    **{modality.value: STREAMS[modality] for modality in Modality},
    "mixed": MIXED,
    "peer": PEER,
    "dead": DEAD,
}


def page(title: str, sections: Sequence[Section], notes: Mapping[str, Sequence[str]]) -> str:
    """Returns the page as HTML.

    Args:
        title: of the window.
        sections: in their order; each is shown by the template of its anchor.
        notes: what could not be read, by anchor.
    """
    environment = Environment(
        loader=PackageLoader("connsearch.view.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = _source(environment, "script.js")
    return environment.get_template("page.html").render(
        title=title,
        sections=sections,
        notes=notes,
        style=Markup(environment.get_template("style.css").render(**_colours())),
        script=Markup(script),
        script_hash=_hash(script),
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _colours() -> dict[str, object]:
    """The house palette, as the pictures have it."""
    return {"inks": _INKS, "text": TEXT, "faint": FAINT, "rule": RULE, "paper": PAPER}


def _hash(script: str) -> str:
    """What the page's own policy names: only this script may run in it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
