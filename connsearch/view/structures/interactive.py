"""The picture of a structure for a web page: SVG text with names, facts on hover, light and dark.

What Graphviz wrote is taken apart and put together again: every line and node carries an ``id``, a
``class`` and a ``<title>`` that browsers show on hover, and nothing refers to any other place.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from connsearch.graph.gates import connection_gate_name
from connsearch.graph.spec import Edge, Modality, Structure
from connsearch.view.structures.draw import laid_out, to_dot
from connsearch.view.structures.gate_marks import gate_facts
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PAPER, PEER, RULE, STREAMS, TEXT

NS, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"

KINDS = ("connection", "peer", "final", "node")
"""First words of ids, and the classes that lines and nodes carry."""

DARK: Mapping[str, str] = {
    PAPER: "#14181D",
    TEXT: "#E4E8ED",
    FAINT: "#9AA5B1",
    RULE: "#38414B",
    **{ink.tint: "#232A32" for ink in (*STREAMS.values(), MIXED, PEER)},
    DEAD.tint: "#3A1A20",
    DEAD.line: "#FF5C75",
    STREAMS[Modality.RGB].line: "#4FA8E0",
    MIXED.line: "#98A4B3",
    PEER.line: "#C583D2",
}
"""What the colours of the palette become where the reader prefers dark."""


def interactive_svg(
    structure: Structure,
    *,
    threshold: float = 0.5,
    title: str | None = None,
    scores: Mapping[Edge, float] | None = None,
    prefix: str = "",
    open_rates: Mapping[str, float] | None = None,
) -> str:
    """Returns the picture ``draw.render`` makes as one ``<svg>`` element to put into a page.

    Lines have the ids ``connection-SOURCE-TARGET``, ``peer-NODE-TARGET`` and ``final-NODE``, nodes
    ``node-NUMBER``; the first word is also their class. Connections carry ``data-source``,
    ``data-target`` and, where one is learned, ``data-weight``; those with a temporal gate have
    ``data-gated`` and, where it is known, ``data-open``.

    Args:
        structure: what to draw; ``threshold``, ``title`` and ``scores`` as for ``draw.render``.
        threshold: connections below it are dashed.
        title: stands above; the structure's name where None.
        scores: numbers in [0, 1] by connection, shown in place of the learned weights.
        prefix: before every id, where a page holds several pictures.
        open_rates: as for ``draw.render``.

    Raises:
        SettingsError: a threshold or a score that cannot be used.
        Failure: Graphviz failed.
    """
    dot = to_dot(structure, threshold=threshold, title=title, scores=scores, open_rates=open_rates)
    picture = parsed(laid_out(dot, "svg"), label=alt_text(structure, title=title))
    weights = structure.weights() | dict(scores or {})
    for (source, target), weight in weights.items():
        group = picture.find(f".//g[@id='connection-{source}-{target}']")
        if group is not None and isinstance(weight, float):
            group.set("data-weight", f"{weight:.6g}")
    for edge, connection in structure.connections():
        group = picture.find(f".//g[@id='connection-{edge.source}-{edge.target}']")
        if group is not None and connection.gated:
            rate = (open_rates or {}).get(connection_gate_name(edge))
            group.attrib |= {"data-gated": "true"}
            group.attrib |= {} if rate is None else {"data-open": f"{rate:.6g}"}
    return as_text(picture, prefix=prefix)


def alt_text(structure: Structure, *, title: str | None = None) -> str:
    """Returns what a picture says to those who hear it: whose wiring it is, and of gates.

    >>> from connsearch.graph.files import load_structure
    >>> alt_text(load_structure("starter"))
    'wiring of starter'
    """
    facts = ", ".join(gate_facts(structure))
    return f"wiring of {title or structure.name}{f': {facts}' if facts else ''}"


def parsed(svg: bytes, *, label: str) -> ET.Element:
    """Returns Graphviz's picture as an element for a page; ``label`` is for those who hear it."""
    root = ET.fromstring(svg)
    for element in root.iter():
        element.tag = element.tag.removeprefix(NS)
        for name in [name for name in element.attrib if name.startswith("{")]:
            if name.startswith(_XLINK):
                element.set("hint", element.attrib[name])
            del element.attrib[name]
    width = float(root.attrib.pop("width").removesuffix("pt"))
    del root.attrib["height"]
    root.attrib |= {"class": "wiring", "role": "img", "aria-label": label}
    root.set("style", f"width:100%;max-width:{width * 4 / 3:.0f}px;height:auto")
    for group in root.findall(".//g[@class]"):
        _tidy(group)
    style = ET.Element("style")
    style.text = stylesheet()
    root.insert(0, style)
    return root


def as_text(picture: ET.Element, *, prefix: str = "") -> str:
    """Returns the element as text, every id after ``prefix``."""
    for element in picture.iter() if prefix else ():
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    picture.set("xmlns", NS.strip("{}"))
    return ET.tostring(picture, encoding="unicode")


def stylesheet() -> str:
    """Returns the picture's style: what is pointed at stands out, dark where that is preferred."""
    dark = "".join(
        f'.wiring [{what}="{light.lower()}"]{{{what}:{dark}}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    return (
        ".wiring .hit{fill:none;stroke:transparent;stroke-width:10;pointer-events:stroke}"
        ".wiring .edge:hover path:not(.hit){stroke-width:5!important}"
        f"@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _tidy(group: ET.Element) -> None:
    """Puts the hint where browsers look for it and says what the group is."""
    kind, _, rest = group.get("id", "").partition("-")
    for old in group.findall("title"):
        group.remove(old)
    for inner in group.findall("g"):
        link = inner.find("a")
        if link is None or not inner.get("id", "").startswith("a_"):
            continue
        hint = link.get("hint", "").strip()
        place = list(group).index(inner)
        group.remove(inner)
        for offset, shape in enumerate(link):
            group.insert(place + offset, shape)
        if hint:
            title = ET.Element("title")
            title.text = hint
            group.insert(0, title)
    if kind not in KINDS:
        return
    if kind == "node":
        return
    group.set("class", f"edge {kind}")
    group.attrib |= dict(zip(("data-source", "data-target"), rest.split("-"), strict=False))
    path = group.find("path")
    if path is not None:
        group.append(ET.Element("path", {"class": "hit", "d": path.attrib["d"]}))
