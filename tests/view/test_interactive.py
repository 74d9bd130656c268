"""The picture for web pages: names, facts on hover, light and dark, nothing from elsewhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from connsearch.graph.files import load_structure
from connsearch.view.structures.draw import laid_out, to_dot
from connsearch.view.structures.interactive import DARK, NS, interactive_svg, stylesheet
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PAPER, PEER, STREAMS, TEXT

STARTER = load_structure("starter")
EDGES = STARTER.edges()
LEARNED = STARTER.with_weights({e: round(0.2 + 0.03 * n, 2) for n, e in enumerate(EDGES)})


def picture(prefix: str = "") -> ET.Element:
    return ET.fromstring(interactive_svg(LEARNED, prefix=prefix))


def by_id(root: ET.Element) -> dict[str, ET.Element]:
    found = [e for e in root.iter() if "id" in e.attrib]
    names = {e.attrib["id"]: e for e in found}
    assert len(names) == len(found)
    return names


def test_every_connection_has_an_id_a_class_a_hint_and_its_numbers() -> None:
    names = by_id(picture())
    for edge, weight in LEARNED.weights().items():
        group = names[f"connection-{edge.source}-{edge.target}"]
        assert group.get("class") == "edge connection"
        assert (group.get("data-source"), group.get("data-target")) == tuple(map(str, edge))
        assert group.get("data-weight") == f"{weight:.6g}"
        hints = [title.text or "" for title in group.findall(f"{NS}title")]
        assert hints == [f"{edge.source} to {edge.target}: weight {weight:.6g}"]
        assert [p.get("class") for p in group.findall(f"{NS}path")] == [None, "hit"]


def test_nodes_say_what_they_are() -> None:
    names = by_id(picture())
    for index in range(len(LEARNED)):
        title = names[f"node-{index}"].find(f"{NS}title")
        assert title is not None
        assert (title.text or "").startswith(f"node {index}, ")


def test_nothing_is_lost_on_the_way_from_graphviz() -> None:
    before = ET.fromstring(laid_out(to_dot(LEARNED), "svg"))
    after = picture()
    for shape in ("path", "polygon", "polyline", "text"):
        hits = sum(e.get("class") == "hit" for e in after.iter(f"{NS}{shape}"))
        drawn = len(list(after.iter(f"{NS}{shape}"))) - hits
        assert drawn == len(list(before.iter(f"{NS}{shape}"))) > 0
    words = ["".join(t.itertext()) for t in before.iter(f"{NS}text")]
    assert ["".join(t.itertext()) for t in after.iter(f"{NS}text")] == words


def test_a_prefix_parts_two_pictures_of_one_page() -> None:
    assert not set(by_id(picture(prefix="a-"))) & set(by_id(picture(prefix="b-")))


def test_nothing_refers_to_another_place() -> None:
    text = interactive_svg(LEARNED).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|href|url\(|@import|<script|<!", text)


def test_every_colour_has_one_for_the_dark() -> None:
    drawn = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', interactive_svg(LEARNED)))
    style = stylesheet()
    legible_on_both = {ink.line.lower() for ink in STREAMS.values()}
    assert all(f'[fill="{c}"]' in style for c in drawn - legible_on_both)
    assert {PAPER, TEXT, FAINT, MIXED.line, PEER.line, DEAD.line} <= set(DARK)


def test_a_name_is_text_and_nothing_else() -> None:
    text = interactive_svg(LEARNED, title="<script>alert(1)</script>")
    assert "<script" not in text
    ET.fromstring(text)
