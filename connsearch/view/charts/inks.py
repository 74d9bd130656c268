"""The colours of charts by name, as pictures have them and as a page names them."""

from __future__ import annotations

from collections.abc import Mapping

from connsearch.graph.spec import Modality
from connsearch.view.structures.palette import (
    DEAD,
    FAINT,
    MIXED,
    PAPER,
    PEER,
    RULE,
    STREAMS,
    TEXT,
    Ink,
)

InkName = str
"""text, faint, rule, paper, night, one of ``INKS``, or one of these with ``-tint``."""

INKS: Mapping[str, Ink] = {
    **{modality.value: ink for modality, ink in STREAMS.items()},
    "mixed": MIXED,
    "peer": PEER,
    "dead": DEAD,
}
"""What has a line and a tint; the streams have the names of their modalities."""

_PLAIN: Mapping[str, str] = {
    "text": TEXT,
    "faint": FAINT,
    "rule": RULE,
    "paper": PAPER,
    "night": "#0B1620",  # on a strong orange: dark by day and by night
}


def colour(name: InkName) -> str:
    """Returns a colour as ``#RRGGBB``.

    >>> colour("rgb"), colour("rgb-tint"), colour("paper")
    ('#0072B2', '#DCEBF6', '#FFFFFF')
    """
    if name in _PLAIN:
        return _PLAIN[name]
    ink = INKS[name.removesuffix("-tint")]
    return ink.tint if name.endswith("-tint") else ink.line


def mixed_with_paper(name: InkName, share: float) -> str:
    """Returns a share of a colour on white paper, as ``#RRGGBB``.

    >>> mixed_with_paper("rgb", 0.0), mixed_with_paper("rgb", 1.0)
    ('#FFFFFF', '#0072B2')
    """
    pairs = zip(_parts(PAPER), _parts(colour(name)), strict=True)
    return "#" + "".join(f"{round(low + (high - low) * share):02X}" for low, high in pairs)


def variables() -> dict[str, str]:
    """Returns the variable of a page's style sheet for every colour, by its ``#rrggbb``.

    >>> variables()["#0072b2"]
    'var(--rgb)'
    """
    found = {_PLAIN[name].lower(): f"var(--{name})" for name in ("text", "faint", "paper")}
    found[RULE.lower()] = "var(--line)"
    for name, ink in INKS.items():
        found[ink.line.lower()] = f"var(--{name})"
        found[ink.tint.lower()] = f"var(--{name}-tint)"
    return found


def stream_ink(modality: Modality) -> InkName:
    """Returns the ink of what a stem reads."""
    return modality.value


def _parts(code: str) -> list[int]:
    return [int(code[at : at + 2], 16) for at in (1, 3, 5)]
